//! Settings as the face hands them over: read and checked there, each at the place that the contract gives it.
//!
//! What is not there, or is a number that means nothing, is a fault of gatepass: it is thrown by the name of its kind, and nothing is made.

use js_sys::{Array, Function};
use wasm_bindgen::{JsCast, JsValue};

use crate::proto::contract::Numbered;
use crate::proto::{Json, Millis, Url, UrlKind};

/// Texts, numbers and JSON values, each by its place.
pub(super) struct Parts(pub(super) Array);

impl Parts {
    pub(super) fn at(&self, place: impl Numbered) -> JsValue {
        self.0.get(place.place())
    }

    pub(super) fn text<P: Numbered>(&self, place: P) -> String {
        self.at(place).as_string().unwrap_or_else(|| wasm_bindgen::throw_str(P::ENUM))
    }

    /// A text that stands for nothing if it is empty.
    pub(super) fn optional_text(&self, place: impl Numbered) -> Option<String> {
        Some(self.text(place)).filter(|text| !text.is_empty())
    }

    pub(super) fn number<P: Numbered>(&self, place: P) -> f64 {
        self.at(place).as_f64().unwrap_or_else(|| wasm_bindgen::throw_str(P::ENUM))
    }

    pub(super) fn flag(&self, place: impl Numbered) -> bool {
        self.number(place) != 0.0
    }

    pub(super) fn millis(&self, place: impl Numbered) -> Millis {
        Millis::from_millis(self.number(place) as u64)
    }

    /// A span, unless it is undefined.
    pub(super) fn optional_millis(&self, place: impl Numbered) -> Option<Millis> {
        Some(Millis::from_millis(self.at(place).as_f64()? as u64))
    }

    /// A variant by its number.
    pub(super) fn one<T: Numbered>(&self, place: impl Numbered) -> T {
        variant(self.number(place))
    }

    /// A variant by its number, unless it is undefined.
    pub(super) fn optional_one<T: Numbered>(&self, place: impl Numbered) -> Option<T> {
        self.at(place).as_f64().map(variant)
    }

    /// An address, which the face has checked.
    pub(super) fn url(&self, place: impl Numbered, kind: UrlKind) -> Url {
        Url::trusted(&self.text(place), kind)
    }

    /// A URL that is none if it is empty.
    pub(super) fn optional_url(&self, place: impl Numbered, kind: UrlKind) -> Option<Url> {
        Some(Url::trusted(&self.optional_text(place)?, kind))
    }

    pub(super) fn json(&self, place: impl Numbered) -> Option<Json> {
        let value = self.at(place);
        (!value.is_undefined()).then(|| Json::from_js(value))
    }

    /// A function, unless it is undefined.
    pub(super) fn function(&self, place: impl Numbered) -> Option<Function> {
        self.at(place).dyn_into().ok()
    }

    /// The texts of an array, if it is there.
    pub(super) fn texts(&self, place: impl Numbered) -> Option<Vec<String>> {
        let texts: Array = self.at(place).dyn_into().ok()?;
        Some(texts.iter().filter_map(|text| text.as_string()).collect())
    }

    /// The numbers of an array.
    pub(super) fn numbers(&self, place: impl Numbered) -> Vec<f64> {
        Array::from(&self.at(place)).iter().filter_map(|number| number.as_f64()).collect()
    }
}

/// The variant of a number; an unknown one is named, not guessed.
pub(super) fn variant<T: Numbered>(number: f64) -> T {
    T::from_number(number as u8).unwrap_or_else(|| wasm_bindgen::throw_str(T::ENUM))
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
