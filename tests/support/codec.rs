//! The codec of the native tests: serde_json, httpdate, url.
//!
//! For wasm it is the browser's own, so that unit tests compile there, too.

use gatepass::proto::Json;

#[cfg(target_family = "wasm")]
pub use gatepass::web::CODEC;

#[cfg(not(target_family = "wasm"))]
pub use native::CODEC;

pub fn json(text: &str) -> Json {
    (CODEC.parse)(text).unwrap_or_else(|| panic!("no JSON: {text}"))
}

/// A JWT with these claims and no valid signature.
pub fn jwt(payload: &str) -> String {
    use base64ct::{Base64UrlUnpadded, Encoding};
    format!("e30.{}.c2ln", Base64UrlUnpadded::encode_string(payload.as_bytes()))
}

#[cfg(not(target_family = "wasm"))]
mod native {
    use gatepass::proto::{Codec, Json, UnixTime, UrlParts};
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

    pub const CODEC: Codec = Codec {
        parse: |text| serde_json::from_str(text).ok().map(from_serde),
        print: |value| to_serde(value).to_string(),
        base64url: |text| {
            use base64ct::{Base64UrlUnpadded, Encoding};
            String::from_utf8(Base64UrlUnpadded::decode_vec(text).ok()?).ok()
        },
        base64: |text| {
            use base64ct::{Base64, Encoding};
            Base64::encode_string(text.as_bytes())
        },
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

    fn from_serde(value: serde_json::Value) -> Json {
        match value {
            serde_json::Value::Null => Json::Null,
            serde_json::Value::Bool(value) => Json::Bool(value),
            serde_json::Value::Number(value) => Json::Number(value.as_f64().unwrap_or(f64::NAN)),
            serde_json::Value::String(value) => Json::String(value),
            serde_json::Value::Array(items) => Json::Array(items.into_iter().map(from_serde).collect()),
            serde_json::Value::Object(members) => {
                Json::Object(members.into_iter().map(|(name, value)| (name, from_serde(value))).collect())
            }
        }
    }

    fn to_serde(value: &Json) -> serde_json::Value {
        match value {
            Json::Null => serde_json::Value::Null,
            Json::Bool(value) => (*value).into(),
            // As JavaScript prints it: 7, not 7.0.
            Json::Number(value) if value.fract() == 0.0 && value.abs() < 9e15 => (*value as i64).into(),
            Json::Number(value) => (*value).into(),
            Json::String(value) => value.as_str().into(),
            Json::Array(items) => items.iter().map(to_serde).collect(),
            Json::Object(members) => members.iter().map(|(name, value)| (name.clone(), to_serde(value))).collect(),
        }
    }
}
