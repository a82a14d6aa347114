//! One browser WebSocket with the closures that listen to it. Dropping it detaches them and closes it.

use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, WebSocket};

use crate::proto::connection::Handshake;

#[wasm_bindgen]
extern "C" {
    /// The browser's WebSocket, bound by hand so that a message passes as it is, without a copy into the wasm.
    #[wasm_bindgen(js_name = WebSocket)]
    type JsSocket;
    #[wasm_bindgen(constructor, js_class = "WebSocket", catch)]
    fn new(url: &str, protocols: &Array) -> Result<JsSocket, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn send(this: &JsSocket, data: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn close(this: &JsSocket, code: u16, reason: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, getter)]
    fn protocol(this: &JsSocket) -> String;
    #[wasm_bindgen(method, setter, js_name = binaryType)]
    fn set_binary_type(this: &JsSocket, value: &str);
    #[wasm_bindgen(method, setter)]
    fn set_onopen(this: &JsSocket, listener: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_onmessage(this: &JsSocket, listener: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_onerror(this: &JsSocket, listener: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_onclose(this: &JsSocket, listener: &JsValue);
}

#[wasm_bindgen]
extern "C" {
    /// Any event of a socket; each has the members of its kind.
    type JsEvent;
    #[wasm_bindgen(method, getter, structural)]
    fn data(this: &JsEvent) -> JsValue;
    #[wasm_bindgen(method, getter, structural)]
    fn code(this: &JsEvent) -> u16;
    #[wasm_bindgen(method, getter, structural)]
    fn reason(this: &JsEvent) -> String;
    #[wasm_bindgen(method, getter, structural, js_name = wasClean)]
    fn was_clean(this: &JsEvent) -> bool;
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

/// A socket and its closures.
pub(crate) struct Socket {
    socket: JsSocket,
    _listeners: [Listener; 4],
}

type Listener = Closure<dyn FnMut(JsValue)>;

impl Socket {
    /// Dials. Listeners are attached before the browser can say anything.
    ///
    /// # Errors
    /// The browser will not make this socket.
    pub(crate) fn open(
        handshake: &Handshake,
        binary_type: BinaryType,
        listener: impl Fn(Said) + Clone + 'static,
    ) -> Result<Self, JsValue> {
        let protocols: Array = handshake.protocols.iter().map(|entry| JsValue::from_str(entry.expose())).collect();
        let socket = JsSocket::new(handshake.url.expose(), &protocols)?;
        socket.set_binary_type(if binary_type == BinaryType::Arraybuffer { "arraybuffer" } else { "blob" });
        let on_open = {
            let (listener, socket) = (listener.clone(), JsValue::from(&socket).unchecked_into::<JsSocket>());
            Listener::new(move |_| listener(Said::Opened { protocol: socket.protocol() }))
        };
        let on_message = {
            let listener = listener.clone();
            Listener::new(move |event: JsValue| listener(Said::Message(event.unchecked_ref::<JsEvent>().data())))
        };
        let on_error = {
            let listener = listener.clone();
            Listener::new(move |_| listener(Said::Error))
        };
        let on_close = Listener::new(move |event: JsValue| {
            let event: &JsEvent = event.unchecked_ref();
            listener(Said::Closed { code: event.code(), reason: event.reason(), was_clean: event.was_clean() });
        });
        socket.set_onopen(on_open.as_ref());
        socket.set_onmessage(on_message.as_ref());
        socket.set_onerror(on_error.as_ref());
        socket.set_onclose(on_close.as_ref());
        Ok(Self { socket, _listeners: [on_open, on_message, on_error, on_close] })
    }

    /// Hands a message to the browser. One that it does not take has been said to be taken: the type is checked before.
    pub(crate) fn send(&self, data: &JsValue) {
        self.socket.send(data).ok();
    }

    /// Stops listening and closes; nothing is waited for.
    pub(crate) fn close(self, code: u16, reason: &str) {
        self.detach();
        // Fails only for codes that were checked before.
        self.socket.close(code, reason).ok();
    }

    pub(crate) fn native(&self) -> WebSocket {
        JsValue::from(&self.socket).unchecked_into()
    }

    fn detach(&self) {
        self.socket.set_onopen(&JsValue::NULL);
        self.socket.set_onmessage(&JsValue::NULL);
        self.socket.set_onerror(&JsValue::NULL);
        self.socket.set_onclose(&JsValue::NULL);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.detach();
        // On a socket that has closed this does nothing.
        self.socket.close(1000, "").ok();
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
