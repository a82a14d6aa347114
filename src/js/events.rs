//! Events as calls with numbers, and the sink that takes them.
//!
//! A struct would leave as an object with named members, and bring a table of names into the wasm; the face names them.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::error::Numbers;
use crate::proto::connection::{Event, StateChange};
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
    /// States and phases by their places in the face's lists, of phases from 1; no code and no time is 0; the failure as `Numbers`.
    #[wasm_bindgen(method)]
    fn changed(
        this: &SocketSink,
        state: u8,
        phase: u8,
        previous: u8,
        code: u16,
        reason: Option<&str>,
        attempt: u32,
        retry_at: f64,
        discarded: u32,
        number: u8,
        disposition: u8,
        status: u16,
        close_code: u16,
        retry_after: f64,
        user_changed: bool,
        fires_error: bool,
    );
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
            Event::Message { message, fate } => self.fate(message.get(), fate as u8),
            Event::Closed { code, reason, was_clean } => self.closed(code, &reason, was_clean),
            Event::StateChanged(change) => self.state_changed(change),
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

impl SocketSink {
    fn state_changed(&self, change: StateChange) {
        let problem = change.problem.as_ref().map(Numbers::of_problem).unwrap_or_default();
        self.changed(
            change.state as u8,
            change.phase.map_or(0, |phase| phase as u8 + 1),
            change.previous as u8,
            change.code.unwrap_or(0),
            change.reason.as_deref(),
            change.attempt,
            change.retry_at.map_or(0.0, |time| time.as_millis() as f64),
            change.discarded as u32,
            problem.number,
            problem.disposition,
            problem.status,
            problem.close_code,
            problem.retry_after,
            change.user_changed,
            change.fires_error,
        );
    }
}
