//! A callback for JavaScript; it ends with its value.
//!
//! There is one kind, because each kind of closure brings a piece of glue and of wasm along.

use wasm_bindgen::prelude::*;

/// Hears a number and a value, which may be left out.
#[derive(Debug)]
pub(crate) struct Listener(Closure<dyn FnMut(u32, JsValue)>);

impl Listener {
    pub(crate) fn new(hear: impl FnMut(u32, JsValue) + 'static) -> Self {
        Self(Closure::new(hear))
    }

    pub(crate) fn as_js(&self) -> &JsValue {
        self.0.as_ref()
    }
}
