//! JSON values as the machine sees them: templates with holes, and matchers.
//!
//! The text form is not read or written here. The driver brings a [`Codec`]: a browser has JSON built in, and a second
//! parser would cost the download more than the whole machine. Values are substituted into templates as values; text is
//! never spliced, so a token cannot change the shape of a message.

use super::text::pieces;
use super::{Framing, Secret, UnixTime, UrlParts};

/// A JSON value (RFC 8259).
///
/// An object keeps the order of its members. Of two members with one name the last counts, as in JavaScript.
#[derive(Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as JavaScript holds it.
    Number(f64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Self>),
    /// An object: names and values in order.
    Object(Vec<(String, Self)>),
}

/// What the platform can do with text, given to the machine from outside. Every function is pure.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    /// Reads JSON text; anything that is no JSON is `None`.
    pub parse: fn(&str) -> Option<Json>,
    /// Writes JSON text.
    pub print: fn(&Json) -> String,
    /// Decodes base64url without padding (RFC 4648 §5) to text; anything else is `None`.
    pub base64url: fn(&str) -> Option<String>,
    /// Writes base64 with padding (RFC 4648 §4) of a text of ASCII, as every token is; what becomes of any other is not said.
    pub base64: fn(&str) -> String,
    /// Reads an HTTP-date (RFC 9110 §5.6.7).
    pub http_date: fn(&str) -> Option<UnixTime>,
    /// Makes a URL absolute and normal (WHATWG URL, against the page's address) and cuts it up; what is no URL is `None`.
    pub url: fn(&str) -> Option<UrlParts>,
    /// Percent-encodes everything but RFC 3986's unreserved characters.
    pub percent: fn(&str) -> String,
}

impl Json {
    /// Returns the member of an object by a dotted path: `data.access_token`.
    #[must_use]
    #[inline(never)]
    pub fn at(&self, path: &str) -> Option<&Self> {
        pieces(path, b'.').try_fold(self, |value, name| value.member(name))
    }

    /// Returns the text of a string that is not empty.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(text) if !text.is_empty() => Some(text),
            Self::String(_) | Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Returns a number, also one written as a string (`"3600"`), as some issuers send it.
    #[must_use]
    pub fn as_number(&self, codec: Codec) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::String(text) => match (codec.parse)(text) {
                Some(Self::Number(number)) => Some(number),
                Some(Self::Null | Self::Bool(_) | Self::String(_) | Self::Array(_) | Self::Object(_)) | None => None,
            },
            Self::Null | Self::Bool(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Returns a text as it is, anything else as JSON.
    pub(super) fn plain(&self, codec: Codec) -> String {
        match self {
            Self::String(text) => text.clone(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => (codec.print)(self),
        }
    }

    /// Returns whether `self`, a matcher, describes `value`: objects match as subsets, everything else as equal.
    ///
    /// # Examples
    /// `{"type": "auth_ok"}` matches `{"type": "auth_ok", "ha_version": "2026.11"}`.
    #[must_use]
    pub fn matches(&self, value: &Self) -> bool {
        match (self, value) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(wanted), Self::Bool(found)) => wanted == found,
            (Self::Number(wanted), Self::Number(found)) => wanted == found,
            (Self::String(wanted), Self::String(found)) => wanted == found,
            (Self::Object(wanted), Self::Object(_)) => {
                wanted.iter().all(|(name, matcher)| value.member(name).is_some_and(|found| matcher.matches(found)))
            }
            (Self::Array(wanted), Self::Array(found)) => {
                wanted.len() == found.len() && wanted.iter().zip(found).all(|(matcher, item)| matcher.matches(item))
            }
            (Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Array(_) | Self::Object(_), _) => {
                false
            }
        }
    }

    /// Returns the first hole of this template that `known` does not name.
    ///
    /// A hole is a string value that begins with one `$`: `"$token"`. `"$$token"` is no hole but the text `$token`.
    #[must_use]
    pub fn unknown_hole(&self, known: &[&str]) -> Option<String> {
        let mut unknown = None;
        self.clone().each_text(&mut |text| {
            if let Some(name) = hole(text).filter(|name| unknown.is_none() && !known.contains(name)) {
                unknown = Some(name.to_owned());
            }
            Self::Null
        });
        unknown
    }

    /// Returns the template with each hole replaced by the member of `values` that it names, or by null.
    #[must_use]
    pub fn filled(&self, values: &Self) -> Self {
        let mut filled = self.clone();
        filled.each_text(&mut |text| match hole(text) {
            Some(name) => values.at(name).cloned().unwrap_or(Self::Null),
            None => Self::String(text.strip_prefix('$').unwrap_or(text).to_owned()),
        });
        filled
    }

    /// Puts something else in the place of every string value.
    fn each_text(&mut self, replacement: &mut dyn FnMut(&str) -> Self) {
        match self {
            Self::String(text) => *self = replacement(text),
            Self::Array(items) => items.iter_mut().for_each(|item| item.each_text(replacement)),
            Self::Object(members) => members.iter_mut().for_each(|(_, value)| value.each_text(replacement)),
            Self::Null | Self::Bool(_) | Self::Number(_) => {}
        }
    }

    fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Array(_) => None,
        }
    }
}

/// Shapes may be shown, contents may be credentials.
impl core::fmt::Debug for Json {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        })
    }
}

/// Returns the name of the hole that this text is, if it is one.
fn hole(text: &str) -> Option<&str> {
    text.strip_prefix('$').filter(|name| !name.starts_with('$') && !name.is_empty())
}

impl Codec {
    /// Writes a message template with the token, and the value of an `Authorization` header, in its holes: ready to send.
    pub(crate) fn message(self, framing: Framing, template: &Json, token: &str, authorization: &str) -> Secret {
        let value = |name: &str, text: &str| (name.to_owned(), Json::String(text.to_owned()));
        let values = Json::Object(vec![value("token", token), value("authorization", authorization)]);
        Secret::new(framing.write(self, &template.filled(&values)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_codec::{CODEC, json};
    use super::*;

    #[test]
    fn case_82_a_token_is_a_value_and_never_changes_the_shape_of_a_message() {
        let template = json(r#"{"type": "auth", "nested": ["$token", 1], "price": "$$token"}"#);
        let token = r#"","admin":true,"x":"\u0000${token}$token"#;

        let sent = CODEC.message(Framing::Json, &template, token, "");

        let back = json(sent.expose());
        assert_eq!(back.at("nested"), Some(&Json::Array(vec![Json::String(token.to_owned()), Json::Number(1.0)])));
        assert_eq!(back.at("price").and_then(Json::as_text), Some("$token"));
        assert_eq!(back.at("admin"), None);
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
            (r#"{}"#, r#"[]"#, false),
            (r#"{"type":"auth_ok"}"#, r#""auth_ok""#, false),
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
    fn a_hole_that_nobody_fills_is_found() {
        assert_eq!(json(r#"{"a":["$token","$tokn"]}"#).unknown_hole(&["token"]), Some("tokn".to_owned()));
        assert_eq!(json(r#"["$one","$two"]"#).unknown_hole(&[]), Some("one".to_owned()), "the first");
        assert_eq!(json(r#"{"a":["$token","$$tokn","$"]}"#).unknown_hole(&["token"]), None);
    }

    #[test]
    fn a_debug_form_of_json_shows_no_content() {
        assert_eq!(format!("{:?}", json(r#"{"token":"abc"}"#)), "object");
    }
}
