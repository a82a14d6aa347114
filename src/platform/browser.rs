//! In a browser: by what is built into it, through `platform.js`.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::UrlParts;

/// A JSON value of JavaScript's.
#[derive(Clone, PartialEq)]
pub(crate) struct Value(pub(super) JsValue);

#[wasm_bindgen(module = "/src/platform/platform.js")]
extern "C" {
    fn parse(text: &str) -> JsValue;
    #[wasm_bindgen(js_name = parseExact)]
    fn parse_exact(text: &str) -> JsValue;
    fn print(value: &JsValue) -> String;
    fn object(parts: Array) -> JsValue;
    fn at(value: &JsValue, path: &str) -> JsValue;
    fn matches(matcher: &JsValue, value: &JsValue) -> bool;
    #[wasm_bindgen(js_name = mayHold)]
    fn may_hold(matchers: &JsValue, text: &str) -> bool;
    fn captured(matcher: &JsValue, value: &JsValue) -> JsValue;
    fn filled(template: &JsValue, values: &JsValue) -> JsValue;
    #[wasm_bindgen(js_name = unknownHole)]
    fn unknown_hole(template: &JsValue, known: &str) -> Option<String>;
    fn entries(value: &JsValue) -> Array;
    fn form(value: &JsValue) -> String;
    fn frame(message: &JsValue) -> String;
    #[wasm_bindgen(js_name = messagesOf)]
    fn messages_of(frame: &str) -> Array;
    #[wasm_bindgen(js_name = claims)]
    fn claims_of(token: &str) -> JsValue;
    pub(crate) fn base64(text: &str, is_for_urls: bool) -> String;
    fn number(text: &str) -> f64;
    #[wasm_bindgen(js_name = numberAt)]
    fn number_at(value: &JsValue, path: &str) -> f64;
    #[wasm_bindgen(js_name = parseUrl)]
    fn parse_url(text: &str) -> Option<Array>;
    #[wasm_bindgen(js_name = withParam)]
    pub(crate) fn with_param(address: &str, query: &str, param: &str, value: &str) -> String;
}

impl Value {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::given(parse(text))
    }

    pub(super) fn parse_exact(text: &str) -> Option<Self> {
        Self::given(parse_exact(text))
    }

    /// `self` is an array of matchers.
    pub(super) fn may_hold(&self, text: &str) -> bool {
        may_hold(&self.0, text)
    }

    pub(super) fn key(&self) -> String {
        self.print()
    }

    pub(super) fn print(&self) -> String {
        print(&self.0)
    }

    pub(super) fn of_text(text: &str) -> Self {
        Self(text.into())
    }

    pub(super) fn of_items(items: Vec<Self>) -> Self {
        let array = Array::new();
        for item in items {
            array.push(&item.0);
        }
        Self(array.into())
    }

    pub(super) fn of_members(members: &[(&str, &str)]) -> Self {
        let parts = Array::new();
        for (name, text) in members {
            parts.push(&(*name).into());
            parts.push(&(*text).into());
        }
        Self(object(parts))
    }

    #[cfg(not(feature = "js"))]
    pub(super) fn of_pairs(members: Vec<(String, Self)>) -> Self {
        let parts = Array::new();
        for (name, value) in members {
            parts.push(&name.into());
            parts.push(&value.0);
        }
        Self(object(parts))
    }

    #[cfg(not(feature = "js"))]
    pub(super) fn of_whole(number: i64) -> Self {
        Self(JsValue::from_f64(number as f64))
    }

    #[cfg(not(feature = "js"))]
    pub(super) const fn null() -> Self {
        Self(JsValue::NULL)
    }

    #[cfg(not(feature = "js"))]
    pub(super) fn of<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, String> {
        let value = value.serialize(&serde_wasm_bindgen::Serializer::json_compatible());
        let value = value.map_err(|error| error.to_string())?;
        if value.is_undefined() { Err("it is nothing that JSON has".to_owned()) } else { Ok(Self(value)) }
    }

    #[cfg(not(feature = "js"))]
    pub(super) fn to<T: serde::de::DeserializeOwned>(self) -> Result<T, String> {
        serde_wasm_bindgen::from_value(self.0).map_err(|error| error.to_string())
    }

    pub(super) fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    pub(super) fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    pub(super) fn items(&self) -> Option<Vec<Self>> {
        Array::is_array(&self.0).then(|| self.0.unchecked_ref::<Array>().iter().map(Self).collect())
    }

    pub(super) fn members(&self) -> Vec<(String, Self)> {
        let entries = entries(&self.0);
        let name = |at| entries.get(at).as_string().unwrap_or_default();
        (0..entries.length()).step_by(2).map(|at| (name(at), Self(entries.get(at + 1)))).collect()
    }

    pub(super) fn frame(&self) -> String {
        frame(&self.0)
    }

    pub(super) fn messages_of(frame: &str) -> (Vec<Self>, String) {
        let parts = messages_of(frame);
        ((1..parts.length()).map(|at| Self(parts.get(at))).collect(), parts.get(0).as_string().unwrap_or_default())
    }

    pub(super) fn form(&self) -> String {
        form(&self.0)
    }

    pub(super) fn at(&self, path: &str) -> Option<Self> {
        Self::given(at(&self.0, path))
    }

    pub(super) fn number_at(&self, path: &str) -> Option<f64> {
        Some(number_at(&self.0, path)).filter(|number| !number.is_nan())
    }

    pub(super) fn matches(&self, value: &Self) -> bool {
        matches(&self.0, &value.0)
    }

    pub(super) fn captured(&self, value: &Self) -> Option<Self> {
        Self::given(captured(&self.0, &value.0))
    }

    pub(super) fn filled(&self, values: &Self) -> Self {
        Self(filled(&self.0, &values.0))
    }

    pub(super) fn unknown_hole(&self, known: &[&str]) -> Option<String> {
        unknown_hole(&self.0, &known.join(" "))
    }

    /// What is undefined is not there.
    fn given(value: JsValue) -> Option<Self> {
        (!value.is_undefined()).then_some(Self(value))
    }
}

/// Decodes the payload of a JWT; what is none is `None`.
pub(crate) fn claims(token: &str) -> Option<Value> {
    Value::given(claims_of(token))
}

/// Reads a number, or of a date (RFC 9110 §5.6.7, RFC 3339) the seconds since 1970.
pub(crate) fn number_of(text: &str) -> Option<f64> {
    Some(number(text)).filter(|number| !number.is_nan())
}

/// Cuts up a URL; what is none is `None`.
pub(crate) fn url(text: &str) -> Option<UrlParts> {
    let parts = parse_url(text)?;
    Some(UrlParts {
        scheme: text_at(&parts, 0),
        has_user: !text_at(&parts, 1).is_empty(),
        host: text_at(&parts, 2),
        address: text_at(&parts, 3),
        query: text_at(&parts, 4),
    })
}

/// The text at a place of an array; anything else is empty.
#[inline(never)]
pub(crate) fn text_at(parts: &Array, index: u32) -> String {
    parts.get(index).as_string().unwrap_or_default()
}
