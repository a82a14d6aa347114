//! What the native driver can do with text, by well-known crates.

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde_json::Value;

use crate::proto::{Codec, Json, UnixTime, UrlParts};

/// JSON by `serde_json`, base64 by `base64ct`, dates by `httpdate`, URLs by `url`.
pub const CODEC: Codec = Codec {
    parse: |text| serde_json::from_str(text).ok().map(from_serde),
    print: |value| to_serde(value).to_string(),
    base64url: |text| String::from_utf8(Base64UrlUnpadded::decode_vec(text).ok()?).ok(),
    base64: |text| Base64::encode_string(text.as_bytes()),
    http_date: |text| {
        let time = httpdate::parse_http_date(text).ok()?;
        let since_1970 = time.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(UnixTime::from_millis(since_1970.as_millis() as i64))
    },
    url: |text| {
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
    },
    percent: |text| percent_encoding::utf8_percent_encode(text, RESERVED).to_string(),
};

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn from_serde(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(value),
        Value::Number(value) => Json::Number(value.as_f64().unwrap_or(f64::NAN)),
        Value::String(value) => Json::String(value),
        Value::Array(items) => Json::Array(items.into_iter().map(from_serde).collect()),
        Value::Object(members) => {
            Json::Object(members.into_iter().map(|(name, value)| (name, from_serde(value))).collect())
        }
    }
}

fn to_serde(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => (*value).into(),
        // As JavaScript prints it: 7, not 7.0.
        Json::Number(value) if value.fract() == 0.0 && value.abs() < 9e15 => (*value as i64).into(),
        Json::Number(value) => (*value).into(),
        Json::String(value) => value.as_str().into(),
        Json::Array(items) => items.iter().map(to_serde).collect(),
        Json::Object(members) => members.iter().map(|(name, value)| (name.clone(), to_serde(value))).collect(),
    }
}
