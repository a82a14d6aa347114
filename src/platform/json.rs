//! JSON values as the machines see them: templates with holes, and matchers.
//!
//! Values are substituted into templates as values; text is never spliced, so a token cannot change the shape of a message.

use super::present::Value;

/// A JSON value (RFC 8259). Of two members with one name the last counts.
#[derive(Clone, PartialEq)]
pub struct Json(Value);

impl Json {
    /// Reads JSON text; anything that is no JSON is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Value::parse(text).map(Self)
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

    /// Returns the member of an object by a dotted path: `data.access_token`.
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

    /// Returns a number.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        self.0.number()
    }

    /// Returns a number by a dotted path, also one written as a string (`"3600"`), as some issuers send it.
    #[must_use]
    pub fn number_at(&self, path: &str) -> Option<f64> {
        let value = self.at(path)?;
        value.as_number().or_else(|| Self::parse(&value.as_text()?)?.as_number())
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

    /// Returns a text as it is, anything else as JSON.
    #[must_use]
    pub fn plain(&self) -> String {
        self.0.text().unwrap_or_else(|| self.print())
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

    /// Returns the template with each hole replaced by the member of `values` that it names, or by null.
    #[must_use]
    pub fn filled(&self, values: &Self) -> Self {
        Self(self.0.filled(&values.0))
    }

    /// Takes a value as JavaScript has it: one that JSON could write.
    #[cfg(target_family = "wasm")]
    pub(crate) const fn from_js(value: wasm_bindgen::JsValue) -> Self {
        Self(Value(value))
    }
}

/// Contents may be credentials.
impl core::fmt::Debug for Json {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("[json]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text).unwrap_or_else(|| panic!("no JSON: {text}"))
    }

    #[test]
    fn a_matcher_describes_a_subset_of_an_object() {
        let rows = [
            (r#"{"type":"auth_ok"}"#, r#"{"type":"auth_ok","v":1}"#, true),
            (r#"{"type":"auth_ok"}"#, r#"{"v":1}"#, false),
            (r#"{"a":{"b":null}}"#, r#"{"a":{"b":null,"c":2}}"#, true),
            (r#"{"a":{"b":null}}"#, r#"{"a":{}}"#, false),
            (r#"{"a":[1,{"x":1}]}"#, r#"{"a":[1,{"x":1,"y":2}]}"#, true),
            (r#"{"a":[1]}"#, r#"{"a":[1,2]}"#, false),
            (r#"{"a":1}"#, r#"{"a":1.0}"#, true),
            (r#"{}"#, r#"[]"#, false),
            (r#"[]"#, r#"{}"#, false),
            (r#"{}"#, "null", false),
            (r#"{"type":"auth_ok"}"#, r#""auth_ok""#, false),
            (r#"{"length":2}"#, r#""ok""#, false),
            (r#""ok""#, r#""ok""#, true),
            (r#"{"a":1}"#, r#"{"a":"1"}"#, false),
            ("true", "true", true),
            ("true", "false", false),
            ("null", "false", false),
        ];
        for (matcher, value, expected) in rows {
            assert_eq!(json(matcher).matches(&json(value)), expected, "{matcher} on {value}");
        }
    }

    #[test]
    fn a_path_leads_through_objects_alone() {
        let value = json(r#"{"a":{"b":"text","n":1.5,"s":"3600","z":"","l":["x"]},"t":"abc"}"#);
        assert_eq!(value.text_at("a.b").as_deref(), Some("text"));
        for path in
            ["a.c", "a.b.length", "t.0", "a.l.0", "a.l.length", "", "a.", "a.z", "__proto__", "constructor", "a.n"]
        {
            assert_eq!(value.text_at(path), None, "{path}");
        }
        assert_eq!(value.at("toString"), None);
        assert_eq!(value.number_at("a.n"), Some(1.5));
        assert_eq!(value.number_at("a.s"), Some(3600.0));
        assert_eq!(value.number_at("a.b"), None);
        assert_eq!(value.at("a.n").and_then(|value| value.as_number()), Some(1.5));
        assert_eq!(value.at("a.s").and_then(|value| value.as_number()), None);
    }

    #[test]
    fn case_82_a_token_is_a_value_and_never_changes_the_shape_of_a_message() {
        let template =
            json(r#"{"type": "auth", "nested": ["$token", 1], "price": "$$token", "other": "$constructor"}"#);
        let token = r#"","admin":true,"x":"\u0000${token}$token"#;

        let sent = template.filled(&Json::object(&[("token", token)])).print();

        let back = json(&sent);
        let nested = back.at("nested").and_then(|nested| nested.items()).unwrap();
        assert_eq!(nested[0].as_text().as_deref(), Some(token));
        assert_eq!(back.text_at("price").as_deref(), Some("$token"));
        assert_eq!(back.at("admin"), None);
        assert_eq!(back.at("other").map(|value| value.print()).as_deref(), Some("null"));
    }

    #[test]
    fn a_form_holds_texts_as_they_are_and_all_else_as_json() {
        let value = json(r#"{"grant type":"a&b=c d+e","n":7,"list":[1,"é"],"empty":"","none":null}"#);
        let mut pairs: Vec<_> = value.form().split('&').map(str::to_owned).collect();
        pairs.sort();
        assert_eq!(
            pairs,
            ["empty=", "grant%20type=a%26b%3Dc%20d%2Be", "list=%5B1%2C%22%C3%A9%22%5D", "n=7", "none=null"]
        );
        assert_eq!(json("[1]").form(), "");
    }

    #[test]
    fn a_hole_that_nobody_fills_is_found() {
        assert_eq!(json(r#"{"a":["$token","$tokn"]}"#).unknown_hole(&["token"]), Some("tokn".to_owned()));
        assert_eq!(json(r#"["$one","$two"]"#).unknown_hole(&[]), Some("one".to_owned()), "the first");
        assert_eq!(json(r#"{"a":["$token","$$tokn","$"]}"#).unknown_hole(&["token"]), None);
    }

    #[test]
    fn a_debug_form_of_json_shows_no_content() {
        assert_eq!(format!("{:?}", json(r#"{"token":"abc"}"#)), "[json]");
    }
}
