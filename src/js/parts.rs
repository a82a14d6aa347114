//! Settings as the face hands them over: read and checked there, in a fixed order here.
//!
//! JavaScript reads an object of options in a fraction of the bytes that wasm needs for it, and serde's way in costs more
//! than the machine. What the settings mean is checked by the machines.

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use crate::proto::{Json, Url, UrlKind};

/// Texts, numbers and JSON values, each by its place.
pub(super) struct Parts(pub(super) Array);

impl Parts {
    pub(super) fn text(&self, index: u32) -> String {
        self.0.get(index).as_string().unwrap_or_default()
    }

    /// A text that stands for nothing if it is empty.
    pub(super) fn optional_text(&self, index: u32) -> Option<String> {
        Some(self.text(index)).filter(|text| !text.is_empty())
    }

    pub(super) fn number(&self, index: u32) -> f64 {
        self.0.get(index).as_f64().unwrap_or_default()
    }

    /// An address, which the face has checked.
    pub(super) fn url(&self, index: u32, kind: UrlKind) -> Url {
        Url::trusted(&self.text(index), kind)
    }

    /// A URL that is none if it is empty.
    pub(super) fn optional_url(&self, index: u32, kind: UrlKind) -> Option<Url> {
        (!self.text(index).is_empty()).then(|| self.url(index, kind))
    }

    /// So many numbers in a row.
    pub(super) fn numbers<const N: usize>(&self, from: u32) -> [f64; N] {
        core::array::from_fn(|index| self.number(from + index as u32))
    }

    pub(super) fn json(&self, index: u32) -> Option<Json> {
        let value = self.0.get(index);
        (!value.is_undefined()).then(|| Json::from_js(value))
    }

    /// The parts within a part, if it is there.
    pub(super) fn list(&self, index: u32) -> Option<Self> {
        let value = self.0.get(index);
        (!value.is_undefined()).then(|| Self(value.unchecked_into()))
    }

    pub(super) fn count(&self) -> u32 {
        self.0.length()
    }

    pub(super) fn all_texts(&self) -> Vec<String> {
        (0..self.count()).map(|index| self.text(index)).collect()
    }
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
