//! Outside of browsers: by well-known crates.

use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde_json::Value as Serde;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{MAX_MESSAGES, MAX_REST, UrlParts};

/// A JSON value of `serde_json`.
#[derive(Clone, PartialEq)]
pub(crate) struct Value(Serde);

#[cfg(not(feature = "js"))]
impl From<Serde> for Value {
    fn from(value: Serde) -> Self {
        Self(value)
    }
}

impl Value {
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    pub(super) fn parse_exact(text: &str) -> Option<Self> {
        Self::parse(text)?;
        Self::parse(&with_ids_as_texts(text))
    }

    /// `self` is an array of matchers.
    pub(super) fn may_hold(&self, text: &str) -> bool {
        let mark = |matcher: &Serde| {
            let (mut names, mut values) = (String::new(), String::new());
            longest_texts(matcher, &mut names, &mut values);
            if values.is_empty() { names } else { values }
        };
        text.contains('\\') || self.0.as_array().into_iter().flatten().any(|matcher| text.contains(&mark(matcher)))
    }

    pub(super) fn key(&self) -> String {
        match &self.0 {
            // Of a whole number without its `.0`.
            Serde::Number(number) if !number.is_i64() && !number.is_u64() => {
                number.as_f64().map_or_else(|| self.print(), |number| number.to_string())
            }
            Serde::Null | Serde::Bool(_) | Serde::Number(_) | Serde::String(_) | Serde::Array(_) | Serde::Object(_) => {
                self.print()
            }
        }
    }

    pub(super) fn captured(&self, value: &Self) -> Option<Self> {
        let mut found = serde_json::Map::new();
        let is_same = matches(&self.0, &value.0, &mut |text, value| {
            let Some(name) = hole(text) else {
                return Some(text.strip_prefix('$').unwrap_or(text)) == value.as_str();
            };
            let first = found.entry(name).or_insert_with(|| value.clone());
            Self(first.clone()).key() == Self(value.clone()).key()
        });
        is_same.then(|| Self(found.into()))
    }

    pub(super) fn print(&self) -> String {
        self.0.to_string()
    }

    pub(super) fn of_text(text: &str) -> Self {
        Self(text.into())
    }

    pub(super) fn of_items(items: Vec<Self>) -> Self {
        Self(items.into_iter().map(|item| item.0).collect())
    }

    pub(super) fn of_members(members: &[(&str, &str)]) -> Self {
        Self(members.iter().map(|(name, text)| ((*name).to_owned(), Serde::from(*text))).collect())
    }

    #[cfg(not(feature = "js"))]
    pub(super) fn of_pairs(members: Vec<(String, Self)>) -> Self {
        Self(members.into_iter().map(|(name, value)| (name, value.0)).collect())
    }

    #[cfg(not(feature = "js"))]
    pub(super) fn of_whole(number: i64) -> Self {
        Self(number.into())
    }

    #[cfg(not(feature = "js"))]
    pub(super) const fn null() -> Self {
        Self(Serde::Null)
    }

    #[cfg(not(feature = "js"))]
    pub(super) fn of<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, String> {
        serde_json::to_value(value).map(Self).map_err(|error| error.to_string())
    }

    #[cfg(not(feature = "js"))]
    pub(super) fn to<T: serde::de::DeserializeOwned>(self) -> Result<T, String> {
        serde_json::from_value(self.0).map_err(|error| error.to_string())
    }

    pub(super) fn text(&self) -> Option<String> {
        self.0.as_str().map(str::to_owned)
    }

    pub(super) fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    pub(super) fn items(&self) -> Option<Vec<Self>> {
        self.0.as_array().map(|items| items.iter().cloned().map(Self).collect())
    }

    pub(super) fn members(&self) -> Vec<(String, Self)> {
        let members = self.0.as_object().into_iter().flatten();
        members.map(|(name, value)| (name.clone(), Self(value.clone()))).collect()
    }

    /// A text as it is, anything else as JSON.
    fn plain(&self) -> String {
        self.text().unwrap_or_else(|| self.print())
    }

    pub(super) fn frame(&self) -> String {
        self.items().map_or_else(|| self.plain(), |items| items.iter().map(Self::plain).collect())
    }

    pub(super) fn messages_of(frame: &str) -> (Vec<Self>, String) {
        let mut pieces = frame.split(['\n', '\u{1e}']);
        let mut rest = "";
        let mut messages = Vec::new();
        for piece in pieces.by_ref().take(MAX_MESSAGES) {
            let message = Self::message(piece);
            let is_open = message.is_none() && piece.len() <= MAX_REST && piece.contains(['{', '[']);
            rest = if is_open { piece } else { "" };
            messages.push(message.unwrap_or_else(|| Self::of_text(piece.trim_ascii_end())));
        }
        let is_whole = pieces.next().is_none();
        (messages, if is_whole { rest.to_owned() } else { String::new() })
    }

    /// JSON, or text before JSON.
    fn message(piece: &str) -> Option<Self> {
        Self::parse(piece).or_else(|| {
            let (before, json) = piece.split_at(piece.find(['{', '['])?);
            Some(Self::of_items(vec![Self::of_text(before), Self::parse(json)?]))
        })
    }

    pub(super) fn form(&self) -> String {
        let pair = |(name, value): (String, Self)| [percent(&name), percent(&value.plain())].join("=");
        self.members().into_iter().map(pair).collect::<Vec<_>>().join("&")
    }

    pub(super) fn at(&self, path: &str) -> Option<Self> {
        let mut value = &self.0;
        for name in path.split('.') {
            value = match value.as_array() {
                Some(list) => {
                    let index = name.parse::<usize>().ok().filter(|index| index.to_string() == name)?;
                    list.get(index)?
                }
                None => value.as_object()?.get(name)?,
            };
        }
        Some(Self(value.clone()))
    }

    pub(super) fn number_at(&self, path: &str) -> Option<f64> {
        let value = self.at(path)?;
        match value.text() {
            Some(text) => number_of(&text),
            None => value.number(),
        }
    }

    pub(super) fn matches(&self, value: &Self) -> bool {
        matches(&self.0, &value.0, &mut |text, value| Some(text) == value.as_str())
    }

    pub(super) fn filled(&self, values: &Self) -> Self {
        Self(
            mapped(&self.0, &mut |text| match hole(text) {
                Some(name) => values.0.get(name).cloned(),
                None => Some(text.strip_prefix('$').unwrap_or(text).into()),
            })
            .unwrap_or_default(),
        )
    }

    pub(super) fn unknown_hole(&self, known: &[&str]) -> Option<String> {
        let mut unknown = None;
        mapped(&self.0, &mut |text| {
            if let Some(name) = hole(text).filter(|name| unknown.is_none() && !known.contains(name)) {
                unknown = Some(name.to_owned());
            }
            None
        });
        unknown
    }
}

/// `same` compares with a text of the matcher.
fn matches(matcher: &Serde, value: &Serde, same: &mut dyn FnMut(&str, &Serde) -> bool) -> bool {
    match (matcher, value) {
        (Serde::String(text), value) => same(text, value),
        (Serde::Number(wanted), Serde::Number(found)) => wanted.as_f64() == found.as_f64(),
        (Serde::Object(wanted), Serde::Object(found)) => {
            wanted.iter().all(|(name, matcher)| found.get(name).is_some_and(|found| matches(matcher, found, same)))
        }
        (Serde::Array(wanted), Serde::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(matcher, item)| matches(matcher, item, same))
        }
        (wanted, found) => wanted == found,
    }
}

/// The longest name, and the longest text that is no hole.
fn longest_texts(value: &Serde, names: &mut String, values: &mut String) {
    let longer = |text: &str, present: &mut String| {
        if text.len() > present.len() {
            text.clone_into(present);
        }
    };
    match value {
        Serde::String(text) if !text.starts_with('$') => longer(text, values),
        Serde::Array(items) => items.iter().for_each(|item| longest_texts(item, names, values)),
        Serde::Object(members) => members.iter().for_each(|(name, item)| {
            // As in JavaScript, where it may be a place.
            if !name.bytes().all(|byte| byte.is_ascii_digit()) {
                longer(name, names);
            }
            longest_texts(item, names, values);
        }),
        Serde::Null | Serde::Bool(_) | Serde::Number(_) | Serde::String(_) => {}
    }
}

/// Puts whole numbers of 16 digits and more between quotation marks. The text is JSON.
fn with_ids_as_texts(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        let (before, token) = rest.split_at(start);
        let end = if token.starts_with('"') {
            let mut is_escaped = false;
            let is_end = |c: char| {
                let ends = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                ends
            };
            token.get(1..).and_then(|text| text.find(is_end)).map_or(token.len(), |end| end + 2)
        } else {
            token.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')).unwrap_or(token.len())
        };
        let (token, after) = token.split_at(end);
        let digits = token.strip_prefix('-').unwrap_or(token);
        let is_id = digits.len() >= 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
        written.push_str(before);
        if is_id {
            written.extend(["\"", token, "\""]);
        } else {
            written.push_str(token);
        }
        rest = after;
    }
    written + rest
}

/// Puts something else, or nothing, in the place of every string value.
fn mapped(value: &Serde, replacement: &mut dyn FnMut(&str) -> Option<Serde>) -> Option<Serde> {
    Some(match value {
        Serde::String(text) => return replacement(text),
        Serde::Array(items) => items.iter().filter_map(|item| mapped(item, replacement)).collect(),
        Serde::Object(members) => {
            let filled = members.iter().filter_map(|(name, value)| Some((name.clone(), mapped(value, replacement)?)));
            Serde::Object(filled.collect())
        }
        Serde::Null | Serde::Bool(_) | Serde::Number(_) => value.clone(),
    })
}

/// Returns the name of the hole that this text is, if it is one.
fn hole(text: &str) -> Option<&str> {
    text.strip_prefix('$').filter(|name| !name.starts_with('$') && !name.is_empty())
}

/// Decodes the payload of a JWT; what is none is `None`.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let [_header, payload, _signature] = token.split('.').collect::<Vec<_>>().try_into().ok()?;
    Value::parse_exact(&String::from_utf8(Base64UrlUnpadded::decode_vec(payload).ok()?).ok()?)
}

/// Writes base64 without padding, or base64url (RFC 4648 §4, §5), of a text of ASCII, as every token is; what becomes of any other
/// is not said.
pub(crate) fn base64(text: &str, is_for_urls: bool) -> String {
    if is_for_urls {
        Base64UrlUnpadded::encode_string(text.as_bytes())
    } else {
        Base64Unpadded::encode_string(text.as_bytes())
    }
}

/// Reads a number, or of a date (RFC 9110 §5.6.7, RFC 3339) the seconds since 1970.
pub(crate) fn number_of(text: &str) -> Option<f64> {
    if let Some(value) = Value::parse(text) {
        return value.number();
    }
    let time = httpdate::parse_http_date(text).ok().map(OffsetDateTime::from);
    let time = time.or_else(|| OffsetDateTime::parse(text, &Rfc3339).ok())?;
    // As browsers do: whole milliseconds.
    Some((time.unix_timestamp_nanos() / 1_000_000) as f64 / 1000.0)
}

/// Cuts up a URL; what is none is `None`.
pub(crate) fn url(text: &str) -> Option<UrlParts> {
    let url = url::Url::parse(text).ok()?;
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(UrlParts {
        scheme: url.scheme().to_owned(),
        has_user: !url.username().is_empty() || url.password().is_some(),
        host: host.to_owned(),
        address: [host, &port, url.path()].concat(),
        query: url.query().unwrap_or_default().to_owned(),
    })
}

/// Sets a parameter in a query, percent-encoded; one of that name that was there before is replaced.
pub(crate) fn with_param(address: &str, query: &str, param: &str, value: &str) -> String {
    let name = percent(param);
    let is_other = |pair: &&str| {
        let key = pair.split_once('=').map_or(*pair, |(key, _)| key);
        !pair.is_empty() && key != param && key != name
    };
    let mut pairs: Vec<_> = query.split('&').filter(is_other).map(str::to_owned).collect();
    pairs.push([name.as_str(), "=", &percent(value)].concat());
    [address, "?", &pairs.join("&")].concat()
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, RESERVED).to_string()
}

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
