//! Options as the face hands them over: read and checked there, each at its place of its group.
//!
//! A group that has more or fewer places than its rows, or a number that means nothing, is a fault of gatepass: it is thrown by its name, and
//! nothing is made.

use std::convert::Infallible;

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use crate::proto::close::CloseTable;
use crate::proto::contract::{Numbered, OptionGroup, OptionValue, Reads, SchemeKind, Value};
use crate::proto::{Json, Url, UrlKind};

/// Reads a group of options that the face has checked: nothing here looks at what they mean.
#[doc(hidden)]
#[must_use]
pub fn trusted_options<T: OptionValue>(parts: JsValue) -> T {
    let Ok(options) = T::read(&Part(parts), "options", Reads::Other);
    options
}

/// An option, or a group of them as an array.
struct Part(JsValue);

impl Part {
    fn at(&self, place: u32) -> Self {
        Self(self.array().get(place))
    }

    /// What is none has no length.
    fn array(&self) -> &Array {
        self.0.unchecked_ref()
    }
}

impl Value for Part {
    /// It is thrown.
    type Wrong = Infallible;

    fn wrong(name: &'static str) -> Infallible {
        wasm_bindgen::throw_str(name)
    }

    fn member(&self, place: u32, _: &'static str) -> Option<Self> {
        Some(self.at(place)).filter(|part| !part.0.is_undefined())
    }

    fn check<T: OptionGroup>(&self) -> Result<(), Infallible> {
        if self.array().length() != T::PLACES {
            wasm_bindgen::throw_str(T::NAME);
        }
        Ok(())
    }

    fn is_null(&self) -> bool {
        self.0.is_null()
    }

    fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    fn flag(&self) -> Option<bool> {
        self.0.as_bool()
    }

    fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    fn texts(&self) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for place in 0..self.array().length() {
            texts.push(self.at(place).text()?);
        }
        Some(texts)
    }

    fn statuses(&self) -> Option<Vec<u16>> {
        (0..self.array().length()).map(|place| Some(self.at(place).number()? as u16)).collect()
    }

    fn json(&self) -> Json {
        Json::from_js(self.0.clone())
    }

    fn choice<T: Numbered>(&self) -> Option<T> {
        T::from_number(self.number()? as u8)
    }

    fn url(&self, name: &'static str, kind: UrlKind) -> Result<Url, Infallible> {
        Ok(self.text().map_or_else(|| wasm_bindgen::throw_str(name), |text| Url::trusted(&text, kind)))
    }

    fn scheme(&self) -> Option<(SchemeKind, Self)> {
        Some((self.at(0).choice()?, self.at(1)))
    }

    /// A code, what it asks for, the next code, and so on.
    fn close_codes(&self) -> Option<CloseTable> {
        let mut table = CloseTable::default();
        for place in (0..self.array().length()).step_by(2) {
            table.set(self.at(place).number()? as u16, self.at(place + 1).choice()?);
        }
        Some(table)
    }
}
