//! Settings as the face hands them over: read and checked there, in a fixed order here.
//!
//! JavaScript reads an object of options in a fraction of the bytes that wasm needs for it, and serde's way in costs more
//! than the machine. What the settings mean is checked by the machines.

use core::time::Duration;

use wasm_bindgen::JsValue;

use crate::proto::Json;
use crate::web::from_js;

/// Texts, numbers and JSON templates, each by its place.
pub(super) struct Parts<'a> {
    pub(super) texts: &'a [String],
    pub(super) numbers: &'a [f64],
    pub(super) templates: &'a [JsValue],
}

impl Parts<'_> {
    pub(super) fn text(&self, index: usize) -> &str {
        self.texts.get(index).map_or("", String::as_str)
    }

    pub(super) fn number(&self, index: usize) -> f64 {
        self.numbers.get(index).copied().unwrap_or_default()
    }

    pub(super) fn millis(&self, index: usize) -> Duration {
        Duration::from_millis(self.number(index) as u64)
    }

    pub(super) fn template(&self, index: usize) -> Option<Json> {
        self.templates.get(index).filter(|value| !value.is_undefined()).map(from_js)
    }
}
