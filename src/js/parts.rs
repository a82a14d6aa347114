//! Values as the face takes them: arrays, each value at the place that the contract gives it.

use js_sys::Array;
use wasm_bindgen::JsValue;

use crate::proto::contract::Numbered;

/// An array with a value for each variant of an enum, at its place.
pub(super) fn by_place<P: Numbered>(value: impl Fn(P) -> JsValue) -> JsValue {
    let array = Array::new();
    for part in P::ALL {
        array.set(part.place(), value(*part));
    }
    array.into()
}
