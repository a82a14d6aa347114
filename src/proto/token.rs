//! Token sets: what one is, when it expires, whose it is, and whether it may still be sent.
//!
//! A JWT is decoded, never verified: that is the server's work. What cannot be read is an opaque token without expiry.
//!
//! Source: RFC 7519 (JWT), RFC 6749 §5.1 (`expires_in`).

use core::time::Duration;

use super::text::cut;
use super::time::millis;
use super::{Codec, Json, Now, Secret, UnixTime};

/// Access token, optional refresh token, expiry.
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// Sent to the server.
    pub access: Secret,
    /// Exchanged for a new access token.
    pub refresh: Option<Secret>,
    /// When the access token stops being valid, by the wall clock; the boundary itself is expired. `None`: unknown.
    pub expires_at: Option<UnixTime>,
    /// How long before expiry the token no longer counts as usable.
    pub leeway: Duration,
    /// Whose token it is, where a JWT says so (`sub` or `user_id`).
    pub subject: Option<String>,
}

/// What an answer says of the token's end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lifetime {
    /// Seconds from now.
    pub expires_in: Option<f64>,
    /// Seconds since 1970.
    pub expires_at: Option<f64>,
}

/// How fresh a token is: decides whether its age is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The app had it from somewhere, some time ago.
    Earlier,
    /// The server issued it for this answer, so `exp - iat` counts from now and the client's clock may be wrong.
    JustNow,
}

impl TokenSet {
    /// Builds a token set; expiry comes from `lifetime`, else from the JWT itself.
    ///
    /// # Units
    /// `max_leeway` is cut to a tenth of the token's life where that is known.
    #[must_use]
    pub fn new(
        codec: Codec,
        now: Now,
        access: Secret,
        refresh: Option<Secret>,
        lifetime: Lifetime,
        received: Received,
        max_leeway: Duration,
    ) -> Self {
        let claims = claims(codec, access.expose()).unwrap_or(Json::Null);
        let number = |name: &str| claims.at(name).and_then(plain_number);
        let (exp, iat) = (number("exp"), number("iat"));
        let jwt_life = exp.zip(iat).and_then(|(exp, iat)| life_of(exp - iat));
        let told_life = lifetime.expires_in.and_then(life_of);
        let absolute = lifetime.expires_at.or(exp).and_then(UnixTime::from_seconds);
        let from_now = if received == Received::JustNow && lifetime.expires_at.is_none() {
            told_life.or(jwt_life)
        } else {
            told_life
        };
        let expires_at = from_now.map(|life| now.unix.after(life)).or(absolute);
        let life = told_life.or(jwt_life).or_else(|| expires_at.map(|end| end.since(now.unix)));
        let leeway = life.map_or(max_leeway, |life| max_leeway.min(Duration::from_millis(millis(life) / 10)));
        let text = |name: &str| claims.at(name).and_then(|value| subject_text(codec, value));
        let subject = text("sub").or_else(|| text("user_id"));
        Self { access, refresh, expires_at, leeway, subject }
    }

    /// Returns whether the token may still be sent at `now`: not within `leeway` of its expiry.
    #[must_use]
    pub fn is_usable_at(&self, now: UnixTime) -> bool {
        self.expires_at.is_none_or(|end| now < end.before(self.leeway))
    }

    /// Returns whether the token is past its expiry.
    #[must_use]
    pub fn is_expired_at(&self, now: UnixTime) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}

/// Decodes the payload of a JWT; what is none is `None`.
fn claims(codec: Codec, token: &str) -> Option<Json> {
    let (_header, rest) = cut(token, b'.')?;
    let (payload, signature) = cut(rest, b'.')?;
    if cut(signature, b'.').is_some() {
        return None;
    }
    (codec.parse)(&(codec.base64url)(payload)?)
}

/// A span of seconds, if it is one: at most 300 years, so that no sum overflows.
fn life_of(seconds: f64) -> Option<Duration> {
    (seconds > 0.0).then(|| Duration::from_millis((seconds.min(1e10) * 1000.0) as u64))
}

/// A NumericDate; a string is not one (RFC 7519 §2), so a broken issuer's token counts as without expiry.
fn plain_number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => Some(*number),
        Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

fn subject_text(codec: Codec, value: &Json) -> Option<String> {
    match value {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        // Older simplejwt issues the user's id as a number.
        Json::Number(_) => Some((codec.print)(value)),
        Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Instant;
    use super::super::test_codec::{CODEC, jwt};
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn now() -> Now {
        Now { instant: Instant::from_millis(0), unix: at(NOW) }
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_millis(seconds * 1000)
    }

    fn set(token: &str, lifetime: Lifetime, received: Received) -> TokenSet {
        TokenSet::new(CODEC, now(), Secret::new(token.to_owned()), None, lifetime, received, Duration::from_secs(30))
    }

    fn earlier(payload: &str) -> TokenSet {
        set(&jwt(payload), Lifetime::default(), Received::Earlier)
    }

    #[test]
    fn a_token_within_its_leeway_counts_as_unusable_and_the_boundary_too() {
        let token = earlier(&format!(r#"{{"exp":{},"iat":{}}}"#, NOW + 3600, NOW));
        assert!(token.is_usable_at(at(NOW + 3569)));
        assert!(!token.is_usable_at(at(NOW + 3570)));
        assert!(!token.is_expired_at(at(NOW + 3599)));
        assert!(token.is_expired_at(at(NOW + 3600)));
    }

    #[test]
    fn leeway_is_at_most_a_tenth_of_the_tokens_life() {
        let token = earlier(&format!(r#"{{"exp":{},"iat":{}}}"#, NOW + 60, NOW));
        assert_eq!(token.leeway, Duration::from_secs(6));
        let told = set("opaque", Lifetime { expires_in: Some(20.0), expires_at: None }, Received::JustNow);
        assert_eq!((told.leeway, told.expires_at), (Duration::from_secs(2), Some(at(NOW + 20))));
    }

    #[test]
    fn a_fresh_jwt_lives_by_its_span_even_if_this_clock_is_wrong() {
        let payload = format!(r#"{{"exp":{},"iat":{}}}"#, NOW - 7200 + 300, NOW - 7200);
        assert_eq!(set(&jwt(&payload), Lifetime::default(), Received::JustNow).expires_at, Some(at(NOW + 300)));
        assert_eq!(earlier(&payload).expires_at, Some(at(NOW - 6900)));
    }

    #[test]
    fn what_cannot_be_read_is_an_opaque_token_without_expiry() {
        let payloads = [r#"{"exp":"1800000000"}"#, r#"{"exp":null}"#, "{}", "[]", "3", "{", r#"{"exp":1e300}"#];
        for payload in payloads {
            assert_eq!(earlier(payload).expires_at, None, "{payload}");
        }
        for token in ["", "a.b", "a.b.c.d", "..", "a.!!.c", "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"] {
            assert_eq!(set(token, Lifetime::default(), Received::Earlier).expires_at, None, "{token}");
        }
    }

    #[test]
    fn absurd_lifetimes_neither_overflow_nor_count() {
        let ends = |expires_in| {
            set("t", Lifetime { expires_in: Some(expires_in), expires_at: None }, Received::JustNow).expires_at
        };
        assert_eq!(ends(0.0), None);
        assert_eq!(ends(-5.0), None);
        assert_eq!(ends(f64::NAN), None);
        assert!(ends(1e15).is_some_and(|end| end > at(NOW)));
        assert_eq!(earlier(r#"{"exp":1800000000.5}"#).expires_at, Some(UnixTime::from_millis(NOW * 1000 + 500)));
    }

    #[test]
    fn the_subject_is_sub_or_user_id() {
        assert_eq!(earlier(r#"{"sub":"maggie","user_id":"1"}"#).subject.as_deref(), Some("maggie"));
        assert_eq!(earlier(r#"{"user_id":7}"#).subject.as_deref(), Some("7"));
        assert_eq!(earlier("{}").subject, None);
    }
}
