//! Reads options and remembers the first mistake, by name.
//!
//! Read by hand: serde's way in costs more than the machine (its error path formats floats). A mistake does not end the
//! reading but leaves the default, so that reading is a plain list of names; `Mistakes::first` is asked at the end.

use core::time::Duration;
use std::cell::RefCell;

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::error::ConfigError;
use crate::proto::http::Method;
use crate::proto::{Json, Url, UrlKind};
use crate::web::{CODEC, from_js};

/// The first mistake of a reading.
#[derive(Default)]
pub(super) struct Mistakes(RefCell<Option<ConfigError>>);

impl Mistakes {
    #[inline(never)]
    pub(super) fn note(&self, error: ConfigError) {
        self.0.borrow_mut().get_or_insert(error);
    }

    /// Returns what was read, unless there was a mistake.
    pub(super) fn first<T>(self, read: Option<T>) -> Result<T, ConfigError> {
        match (self.0.into_inner(), read) {
            (Some(error), _) => Err(error),
            (None, Some(read)) => Ok(read),
            (None, None) => Err(ConfigError::option("options", "incomplete")),
        }
    }
}

/// An options object, and where it stands: `path` is put before names (`scheme.`).
pub(super) struct Options<'a> {
    object: JsValue,
    path: &'static str,
    mistakes: &'a Mistakes,
}

impl<'a> Options<'a> {
    /// Takes an object with no other members than these.
    #[inline(never)]
    pub(super) fn new(object: JsValue, path: &'static str, known: &str, mistakes: &'a Mistakes) -> Self {
        let options = Self { object, path, mistakes };
        match options.object.dyn_ref::<Object>() {
            None => options.fail("", "an object is needed"),
            Some(object) => {
                for key in Object::keys(object).iter().filter_map(|key| key.as_string()) {
                    if !known.split(' ').any(|name| name == key) {
                        options.fail(&key, &format!("there is no such option; known are {known}"));
                    }
                }
            }
        }
        options
    }

    /// Takes an object that is a member of this one, if it is there.
    pub(super) fn within(&self, name: &str, path: &'static str, known: &str) -> Option<Self> {
        self.get(name).map(|object| Self::new(object, path, known, self.mistakes))
    }

    /// Returns where this object stands.
    pub(super) fn path(&self) -> &'static str {
        self.path.trim_end_matches('.')
    }

    /// Returns a member that is there and not undefined.
    #[inline(never)]
    pub(super) fn get(&self, name: &str) -> Option<JsValue> {
        Reflect::get(&self.object, &name.into()).ok().filter(|value| !value.is_undefined())
    }

    #[inline(never)]
    pub(super) fn fail(&self, name: &str, problem: &str) {
        let option = format!("{}{name}", self.path);
        let option = if option.is_empty() { "options" } else { option.trim_end_matches('.') };
        self.mistakes.note(ConfigError::option(option, problem));
    }

    #[inline(never)]
    pub(super) fn text(&self, name: &str, default: &str) -> String {
        match self.get(name).map(|value| value.as_string()) {
            None => default.to_owned(),
            Some(Some(text)) if !text.is_empty() => text,
            Some(_) => {
                self.fail(name, "a text that is not empty is needed");
                String::new()
            }
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        match self.get(name).map(|value| value.as_bool()) {
            None => false,
            Some(Some(flag)) => flag,
            Some(None) => {
                self.fail(name, "true or false is needed");
                false
            }
        }
    }

    #[inline(never)]
    fn number(&self, name: &str, max: f64, problem: &str) -> Option<f64> {
        let number = self.get(name)?.as_f64().filter(|number| (0.0..=max).contains(number));
        if number.is_none() {
            self.fail(name, problem);
        }
        number
    }

    /// A duration in milliseconds, at most a day.
    pub(super) fn millis(&self, name: &str, default: Duration) -> Duration {
        let millis = self.number(name, 86_400_000.0, "milliseconds from 0 to 86400000 (a day) are needed");
        millis.map_or(default, |millis| Duration::from_millis(millis as u64))
    }

    pub(super) fn count(&self, name: &str, default: usize) -> usize {
        let count = self.number(name, 4_294_967_295.0, "a whole number from 0 is needed");
        count.map_or(default, |count| count as usize)
    }

    pub(super) fn seconds(&self, name: &str) -> Option<f64> {
        self.number(name, 8.64e12, "seconds from 0 are needed")
    }

    #[inline(never)]
    pub(super) fn url(&self, name: &str, kind: UrlKind) -> Option<Url> {
        let text = self
            .get(name)
            .and_then(|value| value.as_string().or_else(|| Reflect::get(&value, &"href".into()).ok()?.as_string()));
        let Some(text) = text else {
            self.fail(name, "a URL is needed");
            return None;
        };
        let option = format!("{}{name}", self.path);
        Url::parse(CODEC, &option, &text, kind).map_err(|error| self.mistakes.note(error)).ok()
    }

    pub(super) fn method(&self, default: Method) -> Method {
        match self.text("method", "default").as_str() {
            "default" => default,
            "GET" => Method::Get,
            "POST" => Method::Post,
            _ => {
                self.fail("method", "'GET' or 'POST' is needed");
                default
            }
        }
    }

    pub(super) fn json(&self, name: &str) -> Option<Json> {
        self.get(name).map(|value| from_js(&value))
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let Some(value) = self.get(name) else { return Vec::new() };
        if let Some(text) = value.as_string() {
            return vec![text];
        }
        let texts = value.dyn_ref::<Array>().and_then(|items| items.iter().map(|item| item.as_string()).collect());
        texts.unwrap_or_else(|| {
            self.fail(name, "a text or an array of texts is needed");
            Vec::new()
        })
    }
}
