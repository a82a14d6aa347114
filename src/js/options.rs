//! Reads options, naming the one that is wrong.
//!
//! Read by hand: serde's way in costs twice the whole machine (its error path formats floats).

use core::time::Duration;

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::error::ConfigError;
use crate::proto::http::Method;
use crate::proto::{Json, Url, UrlKind};
use crate::web::{CODEC, from_js};

/// An options object. `prefix` is put before names in errors: `scheme.`.
pub(super) struct Options<'a> {
    object: &'a JsValue,
    names: &'static [(&'static str, &'static str)],
}

impl<'a> Options<'a> {
    /// Takes an object with no other members than these: pairs of the member's name and the name in errors.
    pub(super) fn new(
        what: &'static str,
        object: &'a JsValue,
        names: &'static [(&'static str, &'static str)],
    ) -> Result<Self, ConfigError> {
        let Some(members) = object.dyn_ref::<Object>() else {
            return Err(ConfigError::option(what, "an object is needed"));
        };
        for key in Object::keys(members).iter().filter_map(|key| key.as_string()) {
            if !names.iter().any(|(name, _)| *name == key) {
                let known: Vec<_> = names.iter().map(|(name, _)| *name).collect();
                return Err(ConfigError::option(
                    what,
                    format!("there is no option `{key}`; known are {}", known.join(", ")),
                ));
            }
        }
        Ok(Self { object, names })
    }

    /// Returns a member that is there and not undefined.
    pub(super) fn get(&self, name: &str) -> Option<JsValue> {
        Reflect::get(self.object, &name.into()).ok().filter(|value| !value.is_undefined())
    }

    /// Returns the name of a member in errors.
    pub(super) fn shown(&self, name: &str) -> &'static str {
        self.names.iter().find(|(known, _)| *known == name).map_or("options", |(_, shown)| shown)
    }

    pub(super) fn fail<T>(&self, name: &str, problem: &str) -> Result<T, ConfigError> {
        Err(ConfigError::option(self.shown(name), problem))
    }

    pub(super) fn text(&self, name: &str, default: &str) -> Result<String, ConfigError> {
        match self.get(name) {
            None => Ok(default.to_owned()),
            Some(value) => match value.as_string().filter(|text| !text.is_empty()) {
                Some(text) => Ok(text),
                None => self.fail(name, "a text that is not empty is needed"),
            },
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, ConfigError> {
        match self.get(name) {
            None => Ok(false),
            Some(value) => value.as_bool().map_or_else(|| self.fail(name, "true or false is needed"), Ok),
        }
    }

    /// A duration in milliseconds, at most a day.
    pub(super) fn millis(&self, name: &str, default: Duration) -> Result<Duration, ConfigError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => match value.as_f64() {
                Some(millis) if (0.0..=86_400_000.0).contains(&millis) => Ok(Duration::from_millis(millis as u64)),
                Some(_) | None => self.fail(name, "milliseconds from 0 to 86400000 (a day) are needed"),
            },
        }
    }

    pub(super) fn count(&self, name: &str, default: usize) -> Result<usize, ConfigError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => match value.as_f64() {
                Some(count) if (0.0..=4_294_967_295.0).contains(&count) && count.fract() == 0.0 => Ok(count as usize),
                Some(_) | None => self.fail(name, "a whole number from 0 is needed"),
            },
        }
    }

    pub(super) fn seconds(&self, name: &str) -> Result<Option<f64>, ConfigError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_f64().map_or_else(|| self.fail(name, "seconds as a number are needed"), |n| Ok(Some(n)))
            }
        }
    }

    pub(super) fn url(&self, name: &str, kind: UrlKind) -> Result<Url, ConfigError> {
        let text = match self.get(name) {
            Some(value) => value.as_string().or_else(|| Reflect::get(&value, &"href".into()).ok()?.as_string()),
            None => None,
        };
        match text {
            Some(text) => Url::parse(CODEC, self.shown(name), &text, kind),
            None => self.fail(name, "a URL is needed"),
        }
    }

    pub(super) fn method(&self, name: &str, default: Method) -> Result<Method, ConfigError> {
        match self.get(name).map(|value| value.as_string()) {
            None => Ok(default),
            Some(Some(text)) if text == "GET" => Ok(Method::Get),
            Some(Some(text)) if text == "POST" => Ok(Method::Post),
            Some(_) => self.fail(name, "'GET' or 'POST' is needed"),
        }
    }

    pub(super) fn json(&self, name: &str) -> Option<Json> {
        self.get(name).map(|value| from_js(&value))
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        if let Some(text) = value.as_string() {
            return Ok(vec![text]);
        }
        let texts = value.dyn_ref::<Array>().and_then(|items| items.iter().map(|item| item.as_string()).collect());
        texts.map_or_else(|| self.fail(name, "a text or an array of texts is needed"), Ok)
    }
}
