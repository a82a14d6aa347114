//! Values as the face takes them.

use js_sys::Array;
use wasm_bindgen::JsValue;

/// Values as an array; missing ones are undefined.
#[inline(never)]
pub(super) fn list(values: &[JsValue]) -> JsValue {
    let array = Array::new();
    for value in values {
        array.push(value);
    }
    array.into()
}
