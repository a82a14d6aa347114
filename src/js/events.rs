//! Events as arrays, and the sink that takes them.
//!
//! A struct would leave as an object with named members, and bring a table of names into the wasm; the face names them.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::error::problem;
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

impl Sink for SocketSink {
    fn event(&self, event: Event) {
        let (kind, data) = match event {
            Event::Opened => (0, JsValue::UNDEFINED),
            Event::Closed { code, reason, was_clean } => (1, list(&[code.into(), reason.into(), was_clean.into()])),
            Event::StateChanged(change) => (2, state_data(change)),
        };
        Self::event(self, kind, data).unwrap_or_else(|error| report_error(&error));
    }

    fn takes_buffers(&self) -> bool {
        Self::takes_buffers(self)
    }

    fn message(&self, data: &JsValue) {
        Self::message(self, data).unwrap_or_else(|error| report_error(&error));
    }
}

/// State, phase, previous state, code, reason, attempt, when the next try is (ms since 1970), error, discarded messages.
fn state_data(change: StateChange) -> JsValue {
    list(&[
        change.state.name().into(),
        change.phase.map(|phase| phase.name()).into(),
        change.previous.name().into(),
        change.code.into(),
        change.reason.into(),
        change.attempt.into(),
        change.retry_at.map(|time| time.as_millis() as f64).into(),
        change.problem.as_ref().map(problem).into(),
        (change.discarded as u32).into(),
    ])
}

/// Values as an array; missing ones are undefined.
#[inline(never)]
pub(super) fn list(values: &[JsValue]) -> JsValue {
    let array = Array::new();
    for value in values {
        array.push(value);
    }
    array.into()
}
