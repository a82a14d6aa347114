//! Events as calls, and the sink that takes them.
//!
//! A struct would leave as an object with named members, and bring a table of names into the wasm; the face names them.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::error::problem;
use super::parts::by_place;
use crate::proto::connection::{Event, StateChange};
use crate::proto::contract::ChangePart as At;
use crate::web::Sink;

#[wasm_bindgen]
extern "C" {
    /// The face's side of a socket, which throws nothing: it must not unwind through the driver.
    #[derive(Debug)]
    pub type SocketSink;
    #[wasm_bindgen(method)]
    fn opened(this: &SocketSink);
    /// A message that was kept, and what became of it: the order of `Fate`.
    #[wasm_bindgen(method)]
    fn fate(this: &SocketSink, message: u32, fate: u8);
    #[wasm_bindgen(method)]
    fn closed(this: &SocketSink, code: u16, reason: &str, was_clean: bool);
    /// The state or the phase changed: an array, see [`At`].
    #[wasm_bindgen(method)]
    fn changed(this: &SocketSink, change: JsValue);
    #[wasm_bindgen(method, getter, structural, js_name = takesBuffers)]
    fn takes_buffers(this: &SocketSink) -> bool;
    #[wasm_bindgen(method)]
    fn message(this: &SocketSink, data: &JsValue);
    #[wasm_bindgen(method)]
    fn unconfirmed(this: &SocketSink, messages: Array);
}

impl Sink for SocketSink {
    fn event(&self, event: Event) {
        match event {
            Event::Opened => self.opened(),
            Event::Message { message, fate } => self.fate(message.get(), fate.number()),
            Event::Closed { code, reason, was_clean } => self.closed(code, &reason, was_clean),
            Event::StateChanged(change) => self.changed(parts(&change)),
        }
    }

    fn takes_buffers(&self) -> bool {
        Self::takes_buffers(self)
    }

    fn message(&self, data: &JsValue) {
        Self::message(self, data);
    }

    fn unconfirmed(&self, messages: Array) {
        Self::unconfirmed(self, messages);
    }
}

fn parts(change: &StateChange) -> JsValue {
    by_place(|part| match part {
        At::State => change.state.number().into(),
        At::Phase => change.phase.map(|phase| phase.number()).into(),
        At::Previous => change.previous.number().into(),
        At::Code => change.code.into(),
        At::Reason => change.reason.as_deref().into(),
        At::Attempt => change.attempt.into(),
        At::RetryAt => change.retry_at.map(|time| time.as_millis() as f64).into(),
        At::Discarded => (change.discarded as u32).into(),
        At::Failure => change.problem.as_ref().map_or(JsValue::UNDEFINED, problem),
        At::UserChanged => change.user_changed.into(),
        At::FiresError => change.fires_error.into(),
    })
}
