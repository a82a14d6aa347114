//! Events as arrays, and the sink that takes them.
//!
//! A struct would leave as an object with named members, and bring a table of names into the wasm; the face names them.

use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::BinaryType;

use super::error::ErrorData;
use crate::proto::connection::{Event, StateChange};
use crate::web::Sink;

#[wasm_bindgen]
extern "C" {
    /// The face's side of a socket. A method that throws is the face's mistake; it must not unwind through the driver.
    #[derive(Debug)]
    pub type SocketSink;
    /// `kind`: 0 opened, 1 closed (code, reason, was clean), 2 the state changed.
    #[wasm_bindgen(method, catch)]
    fn event(this: &SocketSink, kind: u8, data: JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, getter, structural, js_name = takesBuffers)]
    fn takes_buffers(this: &SocketSink) -> bool;
    #[wasm_bindgen(method, catch)]
    fn message(this: &SocketSink, data: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(js_name = reportError)]
    fn report_error(error: &JsValue);
}

/// State, phase, previous state, code, reason, attempt, when the next try is (ms since 1970), error, discarded messages.
#[derive(Serialize)]
struct StateData(
    &'static str,
    Option<&'static str>,
    &'static str,
    Option<u16>,
    Option<String>,
    u32,
    Option<f64>,
    Option<ErrorData>,
    u32,
);

impl From<StateChange> for StateData {
    fn from(change: StateChange) -> Self {
        Self(
            change.state.name(),
            change.phase.map(|phase| phase.name()),
            change.previous.name(),
            change.code,
            change.reason,
            change.attempt,
            change.retry_at.map(|time| time.as_millis() as f64),
            change.problem.as_ref().map(ErrorData::from),
            change.discarded as u32,
        )
    }
}

impl Sink for SocketSink {
    fn event(&self, event: Event) {
        let (kind, data) = match event {
            Event::Opened => (0, JsValue::UNDEFINED),
            Event::Closed { code, reason, was_clean } => (1, to_js(&(code, reason, was_clean))),
            Event::StateChanged(change) => (2, to_js(&StateData::from(change))),
        };
        Self::event(self, kind, data).unwrap_or_else(|error| report_error(&error));
    }

    fn binary_type(&self) -> BinaryType {
        if self.takes_buffers() { BinaryType::Arraybuffer } else { BinaryType::Blob }
    }

    fn message(&self, data: &JsValue) {
        Self::message(self, data).unwrap_or_else(|error| report_error(&error));
    }
}

/// A typed value as an array; missing values are undefined.
pub(super) fn to_js(value: &impl Serialize) -> JsValue {
    // Fails for no value of ours: no maps with odd keys, no numbers beyond 2^53.
    serde_wasm_bindgen::to_value(value).unwrap_or(JsValue::UNDEFINED)
}
