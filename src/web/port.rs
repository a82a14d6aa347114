//! A machine's port to the browser, `port.js`: what it is told, and what is heard from it.

use js_sys::{Array, Function, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::platform::text_at;
use crate::proto::connection::PageEvent;
use crate::proto::contract::{Heard as Number, HttpEnd, Numbered, SourceAnswer};
use crate::proto::http::{HttpRequest, HttpResponse, Method, NoAnswer};
use crate::proto::outbox::MessageId;
use crate::proto::session::{NoToken, Provided, Record, Stored};
use crate::proto::token::Lifetime;
use crate::proto::{Framing, Handshake, Instant, Secret, UnixTime};

#[wasm_bindgen(module = "/src/web/port.js")]
extern "C" {
    #[wasm_bindgen(js_name = Port)]
    type JsPort;
    #[wasm_bindgen(constructor, js_class = "Port")]
    fn new(hear: &JsValue, owner: &JsValue) -> JsPort;
    #[wasm_bindgen(method)]
    fn join(this: &JsPort, other: &JsPort);
    #[wasm_bindgen(method)]
    fn wake(this: &JsPort);
    #[wasm_bindgen(method)]
    fn request(
        this: &JsPort,
        id: u32,
        url: &str,
        method: &str,
        authorization: Option<&str>,
        media_type: Option<&str>,
        body: Option<&str>,
        cookies: bool,
        keepalive: bool,
    );
    #[wasm_bindgen(method)]
    fn ask(this: &JsPort, id: u32, reason: &str, source: &Function);
    #[wasm_bindgen(method)]
    fn abort(this: &JsPort, id: u32);
    #[wasm_bindgen(method)]
    fn alarm(this: &JsPort, deadline: f64);
    #[wasm_bindgen(method)]
    fn open(this: &JsPort, id: u32, url: &str, protocols: Array, binary_type: &str);
    #[wasm_bindgen(method)]
    fn close(this: &JsPort, id: u32, code: u16, reason: &str);
    #[wasm_bindgen(method)]
    fn write(this: &JsPort, id: u32, data: &JsValue);
    #[wasm_bindgen(method)]
    fn keep(this: &JsPort, message: u32, data: &JsValue);
    #[wasm_bindgen(method, js_name = sendKept)]
    fn send_kept(this: &JsPort, id: u32, message: u32);
    #[wasm_bindgen(method)]
    fn kept(this: &JsPort, messages: Array) -> Array;
    #[wasm_bindgen(method, js_name = drop)]
    fn forget(this: &JsPort, messages: Array);
    #[wasm_bindgen(method)]
    fn native(this: &JsPort, id: u32) -> JsValue;
    #[wasm_bindgen(method, js_name = setBinaryType)]
    fn set_binary_type(this: &JsPort, binary_type: &str);
    #[wasm_bindgen(method)]
    fn share(this: &JsPort, store: &Function);
    #[wasm_bindgen(method, js_name = onStore)]
    fn on_store(this: &JsPort, what: &str, argument: &JsValue);
    #[wasm_bindgen(method)]
    fn watch(this: &JsPort);
    #[wasm_bindgen(method)]
    fn end(this: &JsPort);

    fn wanted(data: &JsValue, takes_buffers: bool) -> JsValue;
    #[wasm_bindgen(js_name = lengthOf)]
    pub(super) fn length_of(data: &JsValue) -> f64;
    #[wasm_bindgen(js_name = textOf)]
    pub(super) fn text_of(data: &JsValue) -> Option<String>;
}

/// What is heard; the ids are those that were told.
pub(super) enum Heard {
    Message(JsValue),
    Opened(String),
    Failed,
    Closed { code: u16, reason: String, was_clean: bool },
    Answered(Result<HttpResponse, NoAnswer>),
    Rang,
    Refused,
    Stored { stored: Stored, is_behind: bool },
    Locked,
    StoreFailed(JsValue),
    Provided(Result<Provided, NoToken>),
    Told,
    Page(PageEvent),
    Written(bool),
    StoreChanged,
    Twin { id: u64, stored: Stored },
}

/// A port; it ends with its value.
pub(super) struct Port {
    port: JsPort,
    _hear: Closure<dyn Fn(u32, u32, JsValue)>,
}

impl Port {
    /// `owner` is told when the machine has trapped: `Owner` in port.js, or undefined.
    pub(super) fn new(owner: &JsValue, hear: impl Fn(u32, Heard) + 'static) -> Self {
        let hear = Closure::new(move |what, id, data| match heard(what, id, data) {
            Some(heard) => hear(id, heard),
            // Not ours: the port fails, as if the machine had trapped.
            None => wasm_bindgen::throw_str("nothing has this number"),
        });
        Self { port: JsPort::new(hear.as_ref(), owner), _hear: hear }
    }

    /// Another port ends with this one, if it fails.
    pub(super) fn join(&self, other: &Self) {
        self.port.join(&other.port);
    }

    /// Says that something is in the inbox: heard within this call, but what traps there does not end whoever said so.
    pub(super) fn wake(&self) {
        self.port.wake();
    }

    pub(super) fn request(&self, id: u32, http: &HttpRequest) {
        let body = http.body.as_ref();
        self.port.request(
            id,
            &http.url,
            if http.method == Method::Get { "GET" } else { "POST" },
            http.authorization.as_ref().map(Secret::expose),
            body.map(|body| body.encoding.media_type()),
            body.map(|body| body.text.expose()),
            http.cookies,
            http.is_farewell,
        );
    }

    pub(super) fn ask(&self, id: u32, reason: &str, source: &Function) {
        self.port.ask(id, reason, source);
    }

    pub(super) fn abort(&self, id: u32) {
        self.port.abort(id);
    }

    pub(super) fn alarm(&self, deadline: Option<Instant>) {
        self.port.alarm(deadline.map_or(-1.0, |deadline| deadline.as_millis() as f64));
    }

    pub(super) fn open(&self, id: u32, handshake: &Handshake, takes_buffers: bool) {
        let protocols = Array::new();
        for entry in &handshake.protocols {
            protocols.push(&entry.expose().into());
        }
        self.port.open(id, handshake.url.expose(), protocols, binary_type(takes_buffers));
    }

    pub(super) fn close(&self, id: u32, code: u16, reason: &str) {
        self.port.close(id, code, reason);
    }

    pub(super) fn send_text(&self, id: u32, text: &str, framing: Framing) {
        let data = match framing {
            Framing::Binary => Uint8Array::from(text.as_bytes()).into(),
            Framing::Json | Framing::Text => JsValue::from_str(text),
        };
        self.port.write(id, &data);
    }

    pub(super) fn keep(&self, message: u32, data: &JsValue) {
        self.port.keep(message, data);
    }

    pub(super) fn send_kept(&self, id: u32, message: u32) {
        self.port.send_kept(id, message);
    }

    /// The payloads of those messages that are kept.
    pub(super) fn kept(&self, messages: &[MessageId]) -> Array {
        self.port.kept(numbers(messages))
    }

    pub(super) fn forget(&self, messages: &[MessageId]) {
        self.port.forget(numbers(messages));
    }

    /// Hears of the page from now on.
    pub(super) fn watch(&self) {
        self.port.watch();
    }

    /// What may be read of a socket.
    pub(super) fn native(&self, id: u32) -> JsValue {
        self.port.native(id)
    }

    pub(super) fn set_binary_type(&self, takes_buffers: bool) {
        self.port.set_binary_type(binary_type(takes_buffers));
    }

    pub(super) fn share(&self, store: &Function) {
        self.port.share(store);
    }

    pub(super) fn read(&self) {
        self.port.on_store("read", &JsValue::UNDEFINED);
    }

    pub(super) fn write(&self, record: &Record) {
        let Record { id, renewals, access, refresh, expires_at, skew } = record;
        let parts = Array::new();
        for part in [
            (*id as f64).into(),
            (*renewals).into(),
            access.expose().into(),
            refresh.as_ref().map(Secret::expose).into(),
            expires_at.map(|end| end.as_millis() as f64).into(),
            (*skew as f64).into(),
        ] {
            parts.push(&part);
        }
        self.port.on_store("write", &parts);
    }

    pub(super) fn erase(&self) {
        self.port.on_store("erase", &JsValue::UNDEFINED);
    }

    /// `lease`: how long whoever holds the lock may show no sign of life, in milliseconds.
    pub(super) fn lock(&self, lease: f64) {
        self.port.on_store("lock", &lease.into());
    }

    pub(super) fn unlock(&self) {
        self.port.on_store("unlock", &JsValue::UNDEFINED);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.port.end();
    }
}

const fn binary_type(takes_buffers: bool) -> &'static str {
    if takes_buffers { "arraybuffer" } else { "blob" }
}

/// A message that was read as bytes, as the app wants it.
pub(super) fn as_wanted(data: &JsValue, takes_buffers: bool) -> JsValue {
    wanted(data, takes_buffers)
}

fn numbers(messages: &[MessageId]) -> Array {
    messages.iter().map(|message| JsValue::from(message.get())).collect()
}

/// Reads what port.js and tabs.js say; an unknown number is none.
fn heard(what: u32, id: u32, data: JsValue) -> Option<Heard> {
    let parts: &Array = data.unchecked_ref();
    let number = |index| parts.get(index).as_f64();
    let text = |index| parts.get(index).as_string();
    let kind = || number(0).unwrap_or_default() as u8;
    Some(match Number::from_number(u8::try_from(what).ok()?)? {
        Number::Message => Heard::Message(data),
        Number::Opened => Heard::Opened(data.as_string().unwrap_or_default()),
        Number::Failed => Heard::Failed,
        Number::Closed => Heard::Closed {
            code: number(0).unwrap_or_default() as u16,
            reason: text_at(parts, 1),
            was_clean: parts.get(2).is_truthy(),
        },
        Number::Answered => Heard::Answered(match HttpEnd::from_number(kind())? {
            HttpEnd::Response => Ok(HttpResponse {
                status: number(1).unwrap_or_default() as u16,
                retry_after: text(2),
                date: text(3),
                body: Secret::new(text_at(parts, 4)),
            }),
            HttpEnd::Failed => Err(NoAnswer::Failed),
            HttpEnd::TooLong => Err(NoAnswer::TooLong),
        }),
        Number::Rang => Heard::Rang,
        Number::Refused => Heard::Refused,
        Number::Stored => Heard::Stored { stored: stored(&data), is_behind: id != 0 },
        Number::Locked => Heard::Locked,
        Number::StoreFailed => Heard::StoreFailed(data),
        Number::Provided => Heard::Provided(match SourceAnswer::from_number(kind())? {
            SourceAnswer::Token => Ok(Provided {
                access: Secret::new(text_at(parts, 1)),
                lifetime: Lifetime { expires_in: number(2), expires_at: number(3) },
            }),
            SourceAnswer::Failed => Err(NoToken::Failed),
            SourceAnswer::SignInRequired => Err(NoToken::SignInRequired),
        }),
        Number::Told => Heard::Told,
        Number::Page => Heard::Page(PageEvent::from_number(u8::try_from(id).ok()?)?),
        Number::Written => Heard::Written(id != 0),
        Number::StoreChanged => Heard::StoreChanged,
        Number::Twin => Heard::Twin { id: number(0).filter(|id| *id >= 0.0)? as u64, stored: stored(&parts.get(1)) },
    })
}

fn stored(value: &JsValue) -> Stored {
    if value.is_undefined() {
        return Stored::Unreadable;
    }
    if value.is_null() {
        return Stored::Nothing;
    }
    let parts: &Array = value.unchecked_ref();
    let number = |index| parts.get(index).as_f64();
    Stored::Tokens(Record {
        id: number(0).unwrap_or_default() as u64,
        renewals: number(1).unwrap_or_default() as u32,
        access: Secret::new(text_at(parts, 2)),
        refresh: parts.get(3).as_string().map(Secret::new),
        expires_at: number(4).map(|end| UnixTime::from_millis(end as i64)),
        skew: number(5).unwrap_or_default() as i64,
    })
}
