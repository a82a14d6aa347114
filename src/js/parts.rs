//! Settings as the face hands them over: read and checked there, in a fixed order here.
//!
//! JavaScript reads an object of options in a fraction of the bytes that wasm needs for it, and serde's way in costs more
//! than the machine. What the settings mean is checked by the machines.

use core::time::Duration;

use js_sys::Array;
use wasm_bindgen::JsCast;

use crate::proto::Json;
use crate::web::from_js;

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

    pub(super) fn millis(&self, index: u32) -> Duration {
        Duration::from_millis(self.number(index) as u64)
    }

    pub(super) fn json(&self, index: u32) -> Option<Json> {
        let value = self.0.get(index);
        (!value.is_undefined()).then(|| from_js(&value))
    }

    /// The parts within a part, and how many there are.
    pub(super) fn within(&self, index: u32) -> (Self, u32) {
        let parts: Array = self.0.get(index).unchecked_into();
        let count = parts.length();
        (Self(parts), count)
    }
}
