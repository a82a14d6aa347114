//! JSON values as the machines see them: templates with holes, and matchers.
//!
//! Values are substituted into templates as values; text is never spliced, so a token cannot change the shape of a message.

use super::present::Value;
#[cfg(not(feature = "js"))]
use crate::error::JsonError;

/// A JSON value (RFC 8259). Of two members with one name the last counts.
#[derive(Clone, PartialEq)]
pub struct Json(Value);

impl Json {
    /// Reads JSON text; anything that is no JSON is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Value::parse(text).map(Self)
    }

    /// Reads JSON text whose whole numbers of 16 digits and more become texts: a double cannot tell two such ids apart.
    pub(crate) fn parse_exact(text: &str) -> Option<Self> {
        Value::parse_exact(text).map(Self)
    }

    /// Returns a text by which a value can be compared: of the number 7 the same, however it was written.
    pub(crate) fn key(&self) -> String {
        self.0.key()
    }

    /// Returns what stands where this matcher has holes, by their names, if it describes the rest of `value`. A hole is everywhere the same.
    pub(crate) fn captured(&self, value: &Self) -> Option<Self> {
        self.0.captured(&value.0).map(Self)
    }

    /// Returns whether a text may hold a message that one of these matchers, an array, describes. Each has a text without which it describes
    /// nothing; where a character of the message is escaped nobody knows without reading.
    pub(crate) fn may_hold(&self, text: &str) -> bool {
        self.0.may_hold(text)
    }

    /// Writes JSON text.
    #[must_use]
    pub fn print(&self) -> String {
        self.0.print()
    }

    /// Makes a string.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self(Value::of_text(text))
    }

    /// Makes an array.
    #[must_use]
    pub fn array(items: Vec<Self>) -> Self {
        Self(Value::of_items(items.into_iter().map(|item| item.0).collect()))
    }

    /// Makes an object of texts.
    #[must_use]
    pub fn object(members: &[(&str, &str)]) -> Self {
        Self(Value::of_members(members))
    }

    /// Makes an object.
    #[cfg(not(feature = "js"))]
    pub(crate) fn of_members(members: Vec<(String, Self)>) -> Self {
        Self(Value::of_pairs(members.into_iter().map(|(name, value)| (name, value.0)).collect()))
    }

    /// Returns whether it is an object or an array.
    #[cfg(not(feature = "js"))]
    pub(crate) fn has_places(&self) -> bool {
        self.0.items().is_some() || self.print().starts_with('{')
    }

    /// Makes a whole number.
    #[cfg(not(feature = "js"))]
    pub(crate) fn whole(number: i64) -> Self {
        Self(Value::of_whole(number))
    }

    /// Makes the value `null`.
    #[cfg(not(feature = "js"))]
    pub(crate) fn null() -> Self {
        Self(Value::null())
    }

    /// Writes a value of a Rust type.
    ///
    /// # Errors
    /// JSON has no such value: a map whose keys are no texts, say. In a browser also a number that JavaScript does not tell from the next one.
    #[cfg(not(feature = "js"))]
    pub fn of<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        Value::of(value).map(Self).map_err(JsonError::Encode)
    }

    /// Reads a value of a Rust type.
    ///
    /// # Errors
    /// It has another shape.
    #[cfg(not(feature = "js"))]
    pub fn to<T: serde::de::DeserializeOwned>(self) -> Result<T, JsonError> {
        self.0.to().map_err(JsonError::Decode)
    }

    /// Returns the member of an object, or the element of an array, by a dotted path: `data.0.access_token`.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<Self> {
        self.0.at(path).map(Self)
    }

    /// Returns the text of a string that is not empty.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        self.0.text().filter(|text| !text.is_empty())
    }

    /// Returns the text of a string that is not empty, by a dotted path.
    #[must_use]
    pub fn text_at(&self, path: &str) -> Option<String> {
        self.at(path)?.as_text()
    }

    /// Returns whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.print() == "null"
    }

    /// Returns a number.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        self.0.number()
    }

    /// Returns a number by a dotted path, also one written as a string (`"3600"`), as some issuers send it. A date (RFC 3339, or an
    /// HTTP-date) is the seconds since 1970.
    #[must_use]
    pub fn number_at(&self, path: &str) -> Option<f64> {
        self.0.number_at(path)
    }

    /// Returns the items of an array.
    #[must_use]
    pub fn items(&self) -> Option<Vec<Self>> {
        Some(self.0.items()?.into_iter().map(Self).collect())
    }

    /// Returns the members of an object, in order; anything else has none.
    #[must_use]
    pub fn members(&self) -> Vec<(String, Self)> {
        self.0.members().into_iter().map(|(name, value)| (name, Self(value))).collect()
    }

    /// Writes a message as text: of an array the texts as they are, all else as JSON.
    pub(crate) fn frame(&self) -> String {
        self.0.frame()
    }

    /// Takes the messages of a text, each ended by a line feed or a record separator (U+001E): JSON, text before JSON as an array of
    /// both, or text. With what of the last the next frame may go on with.
    pub(crate) fn messages_of(frame: &str) -> (Vec<Self>, String) {
        let (messages, rest) = Value::messages_of(frame);
        (messages.into_iter().map(Self).collect(), rest)
    }

    /// Writes the members of an object as a form (WHATWG URL §5.2, with `%20` for a space, which every server reads).
    #[must_use]
    pub fn form(&self) -> String {
        self.0.form()
    }

    /// Returns whether `self`, a matcher, describes `value`: objects match as subsets, everything else as equal.
    ///
    /// # Examples
    /// `{"type": "auth_ok"}` matches `{"type": "auth_ok", "ha_version": "2026.11"}`.
    #[must_use]
    pub fn matches(&self, value: &Self) -> bool {
        self.0.matches(&value.0)
    }

    /// Returns the first hole of this template that `known` does not name.
    ///
    /// A hole is a string value that begins with one `$`: `"$token"`. `"$$token"` is no hole but the text `$token`.
    #[must_use]
    pub fn unknown_hole(&self, known: &[&str]) -> Option<String> {
        self.0.unknown_hole(known)
    }

    /// Returns the template with each hole replaced by the member of `values` that it names. A hole that `values` does not name is left out
    /// with its member or item; if the template is nothing else, it is null.
    #[must_use]
    pub fn filled(&self, values: &Self) -> Self {
        Self(self.0.filled(&values.0))
    }

    /// Returns the payload of a JWT, which is decoded and never verified; what cannot be read is `None` (RFC 7519 §3).
    #[must_use]
    pub fn claims(token: &str) -> Option<Self> {
        super::present::claims(token).map(Self)
    }

    /// Takes a value as JavaScript has it: one that JSON could write.
    #[cfg(target_family = "wasm")]
    pub(crate) const fn from_js(value: wasm_bindgen::JsValue) -> Self {
        Self(Value(value))
    }

    /// Returns the value as JavaScript has it.
    #[cfg(all(target_family = "wasm", not(feature = "js")))]
    pub(crate) fn into_js(self) -> wasm_bindgen::JsValue {
        self.0.0
    }
}

/// For `json!` of serde_json.
#[cfg(all(not(target_family = "wasm"), not(feature = "js")))]
impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self(Value::from(value))
    }
}

/// As [`Json::parse`].
#[cfg(not(feature = "js"))]
impl core::str::FromStr for Json {
    type Err = JsonError;

    fn from_str(text: &str) -> Result<Self, JsonError> {
        Self::parse(text).ok_or_else(|| JsonError::Decode("it is no JSON".to_owned()))
    }
}

/// Contents may be credentials.
impl core::fmt::Debug for Json {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("[json]")
    }
}
