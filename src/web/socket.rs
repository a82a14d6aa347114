//! One browser WebSocket and what listens to it. Dropping it stops listening and closes it.

use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, WebSocket};

use super::listener::Listener;
use crate::platform::text_at;
use crate::proto::connection::Handshake;

#[wasm_bindgen]
extern "C" {
    /// The browser's WebSocket, bound by hand so that a message passes as it is, without a copy into the wasm.
    type JsSocket;
    #[wasm_bindgen(method, catch)]
    fn send(this: &JsSocket, data: &JsValue) -> Result<(), JsValue>;
}

#[wasm_bindgen(module = "/src/web/driver.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = open)]
    fn dial(url: &str, protocols: Array, binary_type: &str, tell: &JsValue) -> Result<JsSocket, JsValue>;
    #[wasm_bindgen(js_name = close)]
    fn hang_up(socket: &JsSocket, code: u16, reason: &str);
}

#[wasm_bindgen]
extern "C" {
    /// Anything that has a length: a text, a buffer or a view of one, a blob. A property that is not there is NaN.
    type Sized;
    #[wasm_bindgen(method, getter, structural)]
    fn length(this: &Sized) -> f64;
    #[wasm_bindgen(method, getter, structural, js_name = byteLength)]
    fn byte_length(this: &Sized) -> f64;
    #[wasm_bindgen(method, getter, structural)]
    fn size(this: &Sized) -> f64;
}

/// What a socket says.
pub(crate) enum Said {
    Closed { code: u16, reason: String, was_clean: bool },
    Error,
    Message(JsValue),
    Opened { protocol: String },
}

/// A socket and what listens to it.
pub(crate) struct Socket {
    socket: JsSocket,
    _listener: Listener,
}

impl Socket {
    /// Dials.
    ///
    /// # Errors
    /// The browser will not make this socket.
    pub(crate) fn open(
        handshake: &Handshake,
        binary_type: BinaryType,
        hear: impl Fn(Said) + 'static,
    ) -> Result<Self, JsValue> {
        let protocols = handshake.protocols.iter().map(|entry| JsValue::from_str(entry.expose())).collect();
        let listener = Listener::new(move |kind, data| {
            let parts: &Array = data.unchecked_ref();
            hear(match kind {
                0 => Said::Message(data),
                1 => Said::Opened { protocol: data.as_string().unwrap_or_default() },
                2 => Said::Error,
                _ => Said::Closed {
                    code: parts.get(0).as_f64().unwrap_or_default() as u16,
                    reason: text_at(parts, 1),
                    was_clean: parts.get(2).is_truthy(),
                },
            });
        });
        let binary_type = if binary_type == BinaryType::Arraybuffer { "arraybuffer" } else { "blob" };
        let socket = dial(handshake.url.expose(), protocols, binary_type, listener.as_js())?;
        Ok(Self { socket, _listener: listener })
    }

    /// Hands a message to the browser. One that it does not take has been said to be taken: the type is checked before.
    pub(crate) fn send(&self, data: &JsValue) {
        self.socket.send(data).ok();
    }

    /// Stops listening and closes; nothing is waited for.
    pub(crate) fn close(&self, code: u16, reason: &str) {
        hang_up(&self.socket, code, reason);
    }

    pub(crate) fn native(&self) -> WebSocket {
        JsValue::from(&self.socket).unchecked_into()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.close(1000, "");
    }
}

/// The length of a message: of a text in UTF-16 units, of anything else in bytes.
pub(crate) fn length_of(data: &JsValue) -> usize {
    let data: &Sized = data.unchecked_ref();
    // A typed array has a `length`, too, but of elements. A text or a blob has one of the others, and `max` takes that.
    let length = data.byte_length();
    if length.is_nan() { data.length().max(data.size()) as usize } else { length as usize }
}

/// The text of a message: also of an `ArrayBuffer`, in which some servers send theirs. A blob does not show its own at once.
pub(crate) fn text_of(data: &JsValue) -> Option<String> {
    data.as_string().or_else(|| TextDecoder::new().decode(data).ok())
}

#[wasm_bindgen]
extern "C" {
    type TextDecoder;
    #[wasm_bindgen(constructor)]
    fn new() -> TextDecoder;
    #[wasm_bindgen(method, catch)]
    fn decode(this: &TextDecoder, data: &JsValue) -> Result<String, JsValue>;
}
