//! A machine's port to the browser, `port.js`: what it is told, and what is heard from it.

use std::cell::OnceCell;

use js_sys::{Array, Function, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::platform::text_at;
use crate::proto::connection::{Handshake, PageEvent};
use crate::proto::http::{HttpRequest, HttpResponse, Method, NoAnswer};
use crate::proto::session::{NoToken, Provided, Record, Stored};
use crate::proto::token::Lifetime;
use crate::proto::{Framing, Instant, Secret, UnixTime};

#[wasm_bindgen(module = "/src/web/port.js")]
extern "C" {
    #[wasm_bindgen(js_name = Port)]
    type JsPort;
    #[wasm_bindgen(constructor, js_class = "Port")]
    fn new(hear: &JsValue) -> JsPort;
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
    fn send(this: &JsPort, id: u32, data: &JsValue, message: Option<u32>);
    #[wasm_bindgen(method, js_name = takeUnconfirmed)]
    fn take_unconfirmed(this: &JsPort) -> Array;
    #[wasm_bindgen(method)]
    fn keep(this: &JsPort, message: u32, data: &JsValue);
    #[wasm_bindgen(method, js_name = sendKept)]
    fn send_kept(this: &JsPort, id: u32, message: u32, keep: bool);
    #[wasm_bindgen(method, js_name = drop)]
    fn forget(this: &JsPort, message: u32, is_confirmed: bool);
    #[wasm_bindgen(method)]
    fn native(this: &JsPort, id: u32) -> Option<web_sys::WebSocket>;
    #[wasm_bindgen(method)]
    fn watch(this: &JsPort);
    #[wasm_bindgen(method)]
    fn end(this: &JsPort);

    #[wasm_bindgen(js_name = lengthOf)]
    pub(super) fn length_of(data: &JsValue) -> f64;
    #[wasm_bindgen(js_name = textOf)]
    pub(super) fn text_of(data: &JsValue) -> Option<String>;
}

#[wasm_bindgen]
extern "C" {
    /// What a store of tabs.js opens.
    type JsTabs;
    #[wasm_bindgen(method)]
    fn load(this: &JsTabs);
    #[wasm_bindgen(method)]
    fn save(this: &JsTabs, record: Array);
    #[wasm_bindgen(method)]
    fn clear(this: &JsTabs, id: Option<f64>);
    #[wasm_bindgen(method)]
    fn lock(this: &JsTabs);
    #[wasm_bindgen(method)]
    fn unlock(this: &JsTabs);
    #[wasm_bindgen(method)]
    fn close(this: &JsTabs);
}

/// What is heard; the ids are those that were told. The order is that of port.js.
pub(super) enum Heard {
    Message(JsValue),
    Opened(String),
    Failed,
    Closed { code: u16, reason: String, was_clean: bool },
    Answered(Result<HttpResponse, NoAnswer>),
    Rang,
    Refused,
    Stored(Stored),
    Locked(Stored),
    StoreFailed(JsValue),
    Provided(Result<Provided, NoToken>),
    Page(PageEvent),
}

/// A port; it ends with its value.
pub(super) struct Port {
    port: JsPort,
    tabs: OnceCell<JsTabs>,
    hear: Closure<dyn FnMut(u32, u32, JsValue)>,
}

impl Port {
    pub(super) fn new(hear: impl Fn(u32, Heard) + 'static) -> Self {
        let hear = Closure::new(move |what, id, data| hear(id, heard(what, id, data)));
        Self { port: JsPort::new(hear.as_ref()), tabs: OnceCell::new(), hear }
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
        self.port.open(id, handshake.url.expose(), protocols, if takes_buffers { "arraybuffer" } else { "blob" });
    }

    pub(super) fn close(&self, id: u32, code: u16, reason: &str) {
        self.port.close(id, code, reason);
    }

    pub(super) fn send(&self, id: u32, data: &JsValue, message: Option<u32>) {
        self.port.send(id, data, message);
    }

    pub(super) fn take_unconfirmed(&self) -> Array {
        self.port.take_unconfirmed()
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

    pub(super) fn send_kept(&self, id: u32, message: u32, keep: bool) {
        self.port.send_kept(id, message, keep);
    }

    pub(super) fn forget(&self, message: u32, is_confirmed: bool) {
        self.port.forget(message, is_confirmed);
    }

    /// Hears of the page from now on.
    pub(super) fn watch(&self) {
        self.port.watch();
    }

    pub(super) fn native(&self, id: u32) -> Option<web_sys::WebSocket> {
        self.port.native(id)
    }

    /// `lease`: how long whoever holds the lock may show no sign of life, in milliseconds.
    pub(super) fn share(&self, store: &Function, lease: f64) {
        // It throws nothing.
        if let Ok(tabs) = store.call2(&JsValue::NULL, &lease.into(), self.hear.as_ref()) {
            self.tabs.set(tabs.unchecked_into()).ok();
        }
    }

    pub(super) fn load(&self) {
        self.on_tabs(JsTabs::load);
    }

    pub(super) fn save(&self, record: &Record) {
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
        self.on_tabs(|tabs| tabs.save(parts));
    }

    pub(super) fn clear(&self, id: Option<u64>) {
        self.on_tabs(|tabs| tabs.clear(id.map(|id| id as f64)));
    }

    pub(super) fn lock(&self) {
        self.on_tabs(JsTabs::lock);
    }

    pub(super) fn unlock(&self) {
        self.on_tabs(JsTabs::unlock);
    }

    fn on_tabs(&self, call: impl FnOnce(&JsTabs)) {
        if let Some(tabs) = self.tabs.get() {
            call(tabs);
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.port.end();
        self.on_tabs(JsTabs::close);
    }
}

/// The order of port.js.
const PAGE_EVENTS: [PageEvent; 6] = [
    PageEvent::Frozen,
    PageEvent::Hidden,
    PageEvent::Offline,
    PageEvent::Online,
    PageEvent::Resumed,
    PageEvent::Visible,
];

fn heard(what: u32, id: u32, data: JsValue) -> Heard {
    let parts: &Array = data.unchecked_ref();
    let number = |index| parts.get(index).as_f64();
    let text = |index| parts.get(index).as_string();
    match what {
        0 => Heard::Message(data),
        1 => Heard::Opened(data.as_string().unwrap_or_default()),
        2 => Heard::Failed,
        3 => Heard::Closed {
            code: number(0).unwrap_or_default() as u16,
            reason: text_at(parts, 1),
            was_clean: parts.get(2).is_truthy(),
        },
        4 if data.is_undefined() => Heard::Answered(Err(NoAnswer)),
        4 => Heard::Answered(Ok(HttpResponse {
            status: number(0).unwrap_or_default() as u16,
            retry_after: text(1),
            date: text(2),
            body: Secret::new(text_at(parts, 3)),
        })),
        5 => Heard::Rang,
        6 => Heard::Refused,
        7 => Heard::Stored(stored(&data)),
        8 => Heard::Locked(stored(&data)),
        9 => Heard::StoreFailed(data),
        10 => Heard::Provided(Ok(Provided {
            access: Secret::new(text_at(parts, 0)),
            lifetime: Lifetime { expires_in: number(1), expires_at: number(2) },
        })),
        11 => Heard::Provided(Err(NoToken::Failed)),
        13 => Heard::Page(PAGE_EVENTS.get(id as usize).copied().unwrap_or(PageEvent::Visible)),
        _ => Heard::Provided(Err(NoToken::SignInRequired)),
    }
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
