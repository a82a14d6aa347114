//! Settings as the face hands them over: read and checked there, in a fixed order here.
//!
//! JavaScript reads an object of options in a fraction of the bytes that wasm needs for it, and serde's way in costs more
//! than the machine. What the settings mean is checked by the machines.

use core::time::Duration;

use js_sys::Array;

use crate::proto::Json;
use crate::web::from_js;

/// Texts, numbers and JSON templates, each by its place.
pub(super) struct Parts {
    pub(super) texts: Array,
    pub(super) numbers: Array,
    pub(super) templates: Array,
}

impl Parts {
    pub(super) fn text(&self, index: u32) -> String {
        self.texts.get(index).as_string().unwrap_or_default()
    }

    pub(super) fn number(&self, index: u32) -> f64 {
        self.numbers.get(index).as_f64().unwrap_or_default()
    }

    pub(super) fn millis(&self, index: u32) -> Duration {
        Duration::from_millis(self.number(index) as u64)
    }

    pub(super) fn template(&self, index: u32) -> Option<Json> {
        let value = self.templates.get(index);
        (!value.is_undefined()).then(|| from_js(&value))
    }
}
