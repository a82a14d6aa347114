//! JSON and JWTs for tests.

use gatepass::proto::Json;

pub fn json(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|| panic!("no JSON: {text}"))
}

/// A JWT with these claims and no valid signature.
pub fn jwt(payload: &str) -> String {
    use base64ct::{Base64UrlUnpadded, Encoding};
    format!("e30.{}.c2ln", Base64UrlUnpadded::encode_string(payload.as_bytes()))
}
