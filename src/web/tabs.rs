//! The store, the lock and the channel that tabs share, as the session machine sees them.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::listener::Listener;
use crate::platform::text_at;
use crate::proto::session::{Record, Stored};
use crate::proto::{Secret, UnixTime};

#[wasm_bindgen(module = "/src/web/tabs.js")]
extern "C" {
    /// What `share` returns.
    #[derive(Debug)]
    type JsTabs;
    fn share(name: &str, store: &JsValue, lease: f64, tell: &JsValue) -> JsTabs;
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

/// Where tokens rest, for all tabs that name it the same.
#[derive(Clone, Debug)]
pub struct Store {
    /// The name of the entry, the lock and the channel.
    pub name: String,
    /// `"localStorage"`, `"sessionStorage"`, or an object of the app's with `load()`, `save(text)` and `clear()`, which may return
    /// promises, and perhaps `subscribe(listener)`.
    pub place: JsValue,
}

/// What is told.
pub(super) enum Told {
    Failed(JsValue),
    Locked(Stored),
    Stored(Stored),
}

/// Ends with its value: nothing is told any more, and the lock is free.
#[derive(Debug)]
pub(super) struct Tabs {
    tabs: JsTabs,
    _listener: Listener,
}

impl Tabs {
    /// `lease`: how long whoever holds the lock may show no sign of life, in milliseconds.
    pub(super) fn new(store: &Store, lease: f64, hear: impl Fn(Told) + 'static) -> Self {
        let listener = Listener::new(move |kind, value| {
            hear(match kind {
                0 => Told::Stored(stored(&value)),
                1 => Told::Locked(stored(&value)),
                _ => Told::Failed(value),
            });
        });
        Self { tabs: share(&store.name, &store.place, lease, listener.as_js()), _listener: listener }
    }

    pub(super) fn load(&self) {
        self.tabs.load();
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
        self.tabs.save(parts);
    }

    pub(super) fn clear(&self, id: Option<u64>) {
        self.tabs.clear(id.map(|id| id as f64));
    }

    pub(super) fn lock(&self) {
        self.tabs.lock();
    }

    pub(super) fn unlock(&self) {
        self.tabs.unlock();
    }
}

impl Drop for Tabs {
    fn drop(&mut self) {
        self.tabs.close();
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
        refresh: Some(Secret::new(text_at(parts, 3))).filter(|token| !token.expose().is_empty()),
        expires_at: number(4).map(|end| UnixTime::from_millis(end as i64)),
        skew: number(5).unwrap_or_default() as i64,
    })
}
