//! What a browser can do with text: JSON, dates and URLs are built in, so the wasm carries none of them.

use js_sys::{Array, Date, JSON, Object, Reflect};
use wasm_bindgen::prelude::*;

use crate::proto::{Codec, Json, UnixTime, UrlParts};

/// JSON by `JSON.parse`, dates by `Date.parse`, URLs by `URL` against the page's address.
pub const CODEC: Codec = Codec {
    parse: |text| JSON::parse(text).ok().map(|value| from_js(&value)),
    print: |value| JSON::stringify(&to_js(value)).ok().and_then(|text| text.as_string()).unwrap_or_default(),
    // Only names beyond ASCII come out odd, and they are compared with their like.
    base64url: from_base64url,
    base64: |text| base64(text).unwrap_or_default(),
    http_date: |text| {
        let millis = Date::parse(text);
        (!millis.is_nan()).then(|| UnixTime::from_millis(millis as i64))
    },
    url: |text| {
        let parts = parse_url(text)?;
        Some(UrlParts {
            scheme: text_at(&parts, 0),
            has_user: !text_at(&parts, 1).is_empty(),
            host: text_at(&parts, 2),
            address: text_at(&parts, 3),
            query: text_at(&parts, 4),
        })
    },
    percent,
};

#[wasm_bindgen(module = "/src/web/platform.js")]
extern "C" {
    #[wasm_bindgen(js_name = fromBase64url)]
    fn from_base64url(text: &str) -> Option<String>;
    fn base64(text: &str) -> Option<String>;
    #[wasm_bindgen(js_name = parseUrl)]
    fn parse_url(text: &str) -> Option<Array>;
    fn percent(text: &str) -> String;
}

/// The text at a place of an array; anything else is empty.
#[inline(never)]
pub(super) fn text_at(parts: &Array, index: u32) -> String {
    parts.get(index).as_string().unwrap_or_default()
}

/// No message that anybody means is nested deeper; what is would end the stack.
const MAX_DEPTH: u32 = 64;

/// Copies a JavaScript value; what JSON does not know (functions, symbols, `undefined`) is null, and so is what is nested
/// deeper than 64 levels.
pub(crate) fn from_js(value: &JsValue) -> Json {
    copied(value, MAX_DEPTH)
}

fn copied(value: &JsValue, depth: u32) -> Json {
    if let Some(text) = value.as_string() {
        Json::String(text)
    } else if let Some(number) = value.as_f64() {
        Json::Number(number)
    } else if let Some(truth) = value.as_bool() {
        Json::Bool(truth)
    } else if depth == 0 {
        Json::Null
    } else if value.is_object() {
        // An array's entries are its items, named by their numbers.
        let (entries, is_array) = (Object::entries(value.unchecked_ref()), Array::is_array(value));
        let (mut items, mut members) = (Vec::new(), Vec::new());
        for index in 0..entries.length() {
            let entry: Array = entries.get(index).unchecked_into();
            let item = copied(&entry.get(1), depth - 1);
            if is_array {
                items.push(item);
            } else if let Some(name) = entry.get(0).as_string() {
                members.push((name, item));
            }
        }
        if is_array { Json::Array(items) } else { Json::Object(members) }
    } else {
        Json::Null
    }
}

fn to_js(value: &Json) -> JsValue {
    match value {
        Json::Null => JsValue::NULL,
        Json::Bool(truth) => JsValue::from_bool(*truth),
        Json::Number(number) => JsValue::from_f64(*number),
        Json::String(text) => JsValue::from_str(text),
        Json::Array(items) => {
            let array = Array::new();
            for item in items {
                array.push(&to_js(item));
            }
            array.into()
        }
        Json::Object(members) => {
            let object = Object::new();
            for (name, value) in members {
                // A plain object takes every property but `__proto__`, which JSON.parse never puts into a prototype either.
                Reflect::set(&object, &name.as_str().into(), &to_js(value)).ok();
            }
            object.into()
        }
    }
}
