//! Events as plain objects, and the sink that takes them.

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
    #[wasm_bindgen(method, catch)]
    fn state(this: &SocketSink, change: JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn open(this: &SocketSink) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn close(this: &SocketSink, code: u16, reason: &str, was_clean: bool) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn error(this: &SocketSink, error: JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, getter, structural, js_name = binaryType)]
    fn binary_type(this: &SocketSink) -> BinaryType;
    #[wasm_bindgen(method, catch)]
    fn message(this: &SocketSink, data: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(js_name = reportError)]
    fn report_error(error: &JsValue);
}

/// A state change, as JavaScript sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateData {
    state: &'static str,
    phase: Option<&'static str>,
    previous: &'static str,
    code: Option<u16>,
    reason: Option<String>,
    attempt: u32,
    /// Milliseconds since 1970, as `Date.now()`.
    retry_at: Option<f64>,
    error: Option<ErrorData>,
    discarded: usize,
}

impl From<StateChange> for StateData {
    fn from(change: StateChange) -> Self {
        Self {
            state: change.state.name(),
            phase: change.phase.map(|phase| phase.name()),
            previous: change.previous.name(),
            code: change.code,
            reason: change.reason,
            attempt: change.attempt,
            retry_at: change.retry_at.map(|time| time.as_millis() as f64),
            error: change.problem.as_ref().map(ErrorData::from),
            discarded: change.discarded,
        }
    }
}

impl Sink for SocketSink {
    fn event(&self, event: Event) {
        let told = match event {
            Event::Closed { code, reason, was_clean } => self.close(code, &reason, was_clean),
            Event::Failed(problem) => self.error(to_js(&ErrorData::from(&problem))),
            Event::Opened => self.open(),
            Event::StateChanged(change) => self.state(to_js(&StateData::from(change))),
        };
        told.unwrap_or_else(|error| report_error(&error));
    }

    fn binary_type(&self) -> BinaryType {
        Self::binary_type(self)
    }

    fn message(&self, data: &JsValue) {
        Self::message(self, data).unwrap_or_else(|error| report_error(&error));
    }
}

/// A typed value as a plain object; missing values are undefined.
pub(super) fn to_js(value: &impl Serialize) -> JsValue {
    // Fails for no value of ours: no maps with odd keys, no numbers beyond 2^53.
    serde_wasm_bindgen::to_value(value).unwrap_or(JsValue::UNDEFINED)
}
