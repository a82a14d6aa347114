//! Token sets: what one is, when it expires, whose it is, and whether it may still be sent.
//!
//! A JWT is decoded, never verified: that is the server's work. What cannot be read is an opaque token without expiry.
//!
//! Source: RFC 7519 (JWT), RFC 6749 §5.1 (`expires_in`).

use super::time::ServerClock;
use super::{Json, Now, Secret, UnixTime};
use crate::proto::Millis;

/// What a second more or less in `exp`, `iat` and `Date` makes no difference to, in milliseconds: half of it may be waited by chance.
const LEAST_LEEWAY: u64 = 2_000;

/// Access token, optional refresh token, expiry.
#[derive(Clone, Debug)]
pub(crate) struct TokenSet {
    /// Sent to the server.
    pub(crate) access: Secret,
    /// Exchanged for a new access token.
    pub(crate) refresh: Option<Secret>,
    /// When the access token stops being valid, by the server's clock; the boundary itself is expired. `None`: unknown.
    pub(crate) expires_at: Option<UnixTime>,
    /// How long before expiry the token no longer counts as usable.
    pub(crate) leeway: Millis,
    /// Whose token it is, where a JWT says so (`sub` or `user_id`, and `iss`): to be compared, not to be shown.
    pub(crate) subject: Option<String>,
}

/// The token's expiry according to an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lifetime {
    /// Seconds from now.
    pub expires_in: Option<f64>,
    /// Seconds since 1970, by the server's clock.
    pub expires_at: Option<f64>,
}

/// How fresh a token is: decides whether it tells the server's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenOrigin {
    /// The app or another tab had it from somewhere, some time ago.
    Earlier,
    /// The server issued it for this answer, which may say when (`Date`). Else the token itself may (`iat`).
    JustNow { date: Option<UnixTime> },
}

impl TokenSet {
    /// What the body of a call may hold: `access`, and `refresh` if there is one.
    pub(crate) fn values(&self) -> Json {
        let access = ("access", self.access.expose());
        match &self.refresh {
            Some(refresh) => Json::object(&[access, ("refresh", refresh.expose())]),
            None => Json::object(&[access]),
        }
    }

    /// Whether this is the access token. A session by cookie has none: its sign-ins always differ.
    pub(crate) fn has_token(&self, access: &Secret) -> bool {
        !access.expose().is_empty() && self.access == *access
    }

    /// Whether the access token is that of another set.
    pub(crate) fn has_token_of(&self, other: &Self) -> bool {
        self.has_token(&other.access)
    }

    /// Builds a token set; expiry comes from `lifetime`, else from the JWT itself. A fresh token sets the server's clock.
    ///
    /// # Units
    /// Where the token's life is known, the leeway is a tenth of it and at most `max_leeway`. It is at least [`LEAST_LEEWAY`], since
    /// servers tell their times in whole seconds, but never more than a third of the life.
    pub(crate) fn new(
        clock: &mut Option<ServerClock>,
        now: Now,
        (access, refresh): (Secret, Option<Secret>),
        lifetime: Lifetime,
        received: TokenOrigin,
        max_leeway: Millis,
    ) -> Self {
        let claims = Json::claims(access.expose());
        let claim = |name: &str| claims.as_ref().and_then(|claims| claims.at(name));
        // A NumericDate; a string is not one (RFC 7519 §2), so a broken issuer's token counts as without expiry.
        let number = |name: &str| claim(name).and_then(|value| value.as_number());
        let exp = number("exp");
        // An age that cannot be says nothing.
        let iat = number("iat").filter(|iat| exp.is_some_and(|exp| exp > *iat));
        if let TokenOrigin::JustNow { date } = received
            && let Some(server) = date.or_else(|| iat.and_then(UnixTime::from_seconds))
        {
            *clock = Some(ServerClock { server, at: now });
        }
        let told_life = lifetime.expires_in.and_then(life_of);
        // A span needs no other clock than ours.
        if told_life.is_some() {
            clock.get_or_insert(ServerClock { server: now.unix, at: now });
        }
        let server_now = clock.map_or(now.unix, |clock| clock.latest(now));
        let absolute = lifetime.expires_at.or(exp).and_then(UnixTime::from_seconds);
        let expires_at = told_life.map(|life| server_now.after(life)).or(absolute);
        let jwt_life = exp.zip(iat).and_then(|(exp, iat)| life_of(exp - iat));
        let life = told_life.or(jwt_life).or_else(|| expires_at.map(|end| end.since(server_now)));
        let leeway = life.map_or(max_leeway, |life| {
            let life = (life).as_millis();
            max_leeway.min(Millis::from_millis((life / 10).max(LEAST_LEEWAY).min(life / 3)))
        });
        // A subject is unique within its issuer, and under its own name (RFC 7519 §4.1.2). Older simplejwt issues the user's id as a number.
        let text = |name: &str| {
            let value = claim(name)?;
            value.as_text().or_else(|| value.as_number().map(|_| value.print()))
        };
        let of = |name: &str| Some([name, " ", &text(name)?, " ", &text("iss").unwrap_or_default()].concat());
        let subject = of("sub").or_else(|| of("user_id"));
        Self { access, refresh, expires_at, leeway, subject }
    }

    /// Returns whether the token may still be sent, if it is so late at the server: not within `leeway` of its expiry.
    pub(crate) fn is_usable_at(&self, latest: UnixTime) -> bool {
        self.expires_at.is_none_or(|end| latest < end.before(self.leeway))
    }

    /// Returns whether the token is past its expiry.
    pub(crate) fn is_expired_at(&self, server: UnixTime) -> bool {
        self.expires_at.is_some_and(|end| server >= end)
    }
}

/// A span of seconds, if it is one: at most 300 years, so that no sum overflows.
fn life_of(seconds: f64) -> Option<Millis> {
    (seconds > 0.0).then(|| Millis::from_millis((seconds.min(1e10) * 1000.0) as u64))
}

#[cfg(test)]
mod tests {
    use super::super::Instant;
    use super::super::test_json::jwt;
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn now() -> Now {
        Now { instant: Instant::from_millis(0), unix: at(NOW) }
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_millis(seconds * 1000)
    }

    const FRESH: TokenOrigin = TokenOrigin::JustNow { date: None };

    /// The tokens, and how long they live yet as far as the server's clock is known.
    fn left(token: &str, lifetime: Lifetime, received: TokenOrigin) -> (TokenSet, Option<f64>) {
        let mut clock = None;
        let tokens = (Secret::new(token.to_owned()), None);
        let set = TokenSet::new(&mut clock, now(), tokens, lifetime, received, Millis::from_secs(30));
        let server_now = clock.map_or_else(|| now().unix, |clock| clock.latest(now())).as_millis();
        let left = set.expires_at.map(|end| (end.as_millis() - server_now) as f64 / 1000.0);
        (set, left)
    }

    fn set(token: &str, lifetime: Lifetime, received: TokenOrigin) -> TokenSet {
        left(token, lifetime, received).0
    }

    fn earlier(payload: &str) -> TokenSet {
        set(&jwt(payload), Lifetime::default(), TokenOrigin::Earlier)
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
    fn leeway_is_a_tenth_of_the_tokens_life_but_some_whole_seconds() {
        for (life, leeway) in [
            (3_600, 30_000),
            (300, 30_000),
            (200, 20_000),
            (60, 6_000),
            (20, 2_000),
            (10, 2_000),
            (6, 2_000),
            (3, 1_000),
            (1, 333),
        ] {
            let leeway = Millis::from_millis(leeway);
            let token = earlier(&format!(r#"{{"exp":{},"iat":{}}}"#, NOW + life, NOW));
            assert_eq!(token.leeway, leeway, "a JWT of {life} s");
            let told = set("opaque", Lifetime { expires_in: Some(life as f64), expires_at: None }, FRESH);
            assert_eq!((told.leeway, told.expires_at), (leeway, Some(at(NOW + life))), "told: {life} s");
        }
    }

    /// What is known of a token's end, and when that is, in seconds from now.
    struct Row {
        /// Of a JWT, in seconds from now, or as JSON has it; empty: opaque.
        claims: String,
        expires_in: Option<f64>,
        expires_at: Option<f64>,
        received: TokenOrigin,
        ends: Option<f64>,
    }

    fn jwt_row(claims: &str, just_now: Option<f64>, earlier: Option<f64>) -> [Row; 2] {
        let row =
            |received, ends| Row { claims: claims.to_owned(), expires_in: None, expires_at: None, received, ends };
        [row(FRESH, just_now), row(TokenOrigin::Earlier, earlier)]
    }

    fn told_row(expires_in: Option<f64>, expires_at: Option<f64>, ends: Option<f64>) -> [Row; 2] {
        [FRESH, TokenOrigin::Earlier].map(|received| Row {
            claims: String::new(),
            expires_in,
            expires_at,
            received,
            ends,
        })
    }

    fn check(rows: impl IntoIterator<Item = Row>) {
        for Row { claims, expires_in, expires_at, received, ends } in rows {
            let token = if claims.is_empty() { "opaque".to_owned() } else { jwt(&claims) };
            let (_, found) = left(&token, Lifetime { expires_in, expires_at }, received);
            assert_eq!(found, ends, "{claims} {expires_in:?} {expires_at:?} {received:?}");
        }
    }

    #[test]
    fn cases_20_and_21_a_jwt_lives_by_its_span_if_it_is_fresh_and_by_its_end_if_not() {
        let span = |exp: i64, iat: i64| format!(r#"{{"exp":{},"iat":{}}}"#, NOW + exp, NOW + iat);
        let odd = |exp: &str| format!(r#"{{"exp":{exp},"iat":{NOW}}}"#);
        let rows = [
            // the server's clock is right, ten minutes and two hours off, both ways
            jwt_row(&span(300, 0), Some(300.0), Some(300.0)),
            jwt_row(&span(900, 600), Some(300.0), Some(900.0)),
            jwt_row(&span(-300, -600), Some(300.0), Some(-300.0)),
            jwt_row(&span(7_500, 7_200), Some(300.0), Some(7_500.0)),
            jwt_row(&span(-6_900, -7_200), Some(300.0), Some(-6_900.0)),
            // no age, or none that can be: the end alone counts
            jwt_row(&format!(r#"{{"exp":{}}}"#, NOW + 300), Some(300.0), Some(300.0)),
            jwt_row(&format!(r#"{{"exp":{},"iat":"{NOW}"}}"#, NOW + 300), Some(300.0), Some(300.0)),
            jwt_row(&format!(r#"{{"exp":{},"iat":null}}"#, NOW + 300), Some(300.0), Some(300.0)),
            jwt_row(&span(0, 0), Some(0.0), Some(0.0)),
            jwt_row(&span(-10, 10), Some(-10.0), Some(-10.0)),
            jwt_row(&odd("1800000000.5"), Some(0.5), Some(0.5)),
            jwt_row(&odd("-5"), Some(-5.0 - NOW as f64), Some(-5.0 - NOW as f64)),
            jwt_row(&odd("0"), Some(-NOW as f64), Some(-NOW as f64)),
            // in three thousand years, beyond what a date can name, and beyond an i64
            jwt_row(&odd("100000000000"), Some(1e11 - NOW as f64), Some(1e11 - NOW as f64)),
            jwt_row(&odd("1e18"), None, None),
            jwt_row(&odd("1e300"), None, None),
        ];
        check(rows.into_iter().flatten());
        for claims in
            [r#"{"exp":"1800000000"}"#, r#"{"exp":null}"#, r#"{"exp":true}"#, r#"{"exp":[1]}"#, r#"{"iat":1}"#]
        {
            check(jwt_row(claims, None, None));
        }
        for claims in ["{}", "[]", "3", "null", r#""exp""#, "{"] {
            check(jwt_row(claims, None, None));
        }
    }

    #[test]
    fn case_18_what_an_answer_tells_of_the_end_is_read_mildly() {
        let now = NOW as f64;
        let rows = [
            told_row(Some(3_600.0), None, Some(3_600.0)),
            told_row(Some(0.5), None, Some(0.5)),
            told_row(Some(0.0), None, None),
            told_row(Some(-5.0), None, None),
            told_row(Some(f64::NAN), None, None),
            told_row(Some(1e15), None, Some(1e10)),
            told_row(Some(f64::INFINITY), None, Some(1e10)),
            // 25 days: more than a timer of a browser can wait
            told_row(Some(2_160_000.0), None, Some(2_160_000.0)),
            told_row(None, Some(now + 10.0), Some(10.0)),
            told_row(None, Some(now - 10.0), Some(-10.0)),
            told_row(None, Some(0.0), Some(-now)),
            told_row(None, Some(8.64e12), Some(8.64e12 - now)),
            told_row(None, Some(8.65e12), None),
            told_row(None, Some(f64::NAN), None),
            told_row(None, Some(f64::INFINITY), None),
            told_row(None, None, None),
        ];
        check(rows.into_iter().flatten());
    }

    #[test]
    fn case_21_the_date_of_an_answer_goes_before_the_age_of_a_token_that_may_come_from_a_cache() {
        let claims = jwt(&format!(r#"{{"exp":{},"iat":{}}}"#, NOW + 7_500, NOW + 7_200));
        for (date, ends) in [(None, 300.0), (Some(at(NOW + 7_300)), 200.0), (Some(at(NOW + 7_600)), -100.0)] {
            assert_eq!(left(&claims, Lifetime::default(), TokenOrigin::JustNow { date }).1, Some(ends), "{date:?}");
        }
    }

    #[test]
    fn what_an_answer_tells_goes_before_what_the_jwt_says() {
        let claims = format!(r#"{{"exp":{},"iat":{NOW}}}"#, NOW + 300);
        let row = |expires_in, expires_at, received, ends| Row {
            claims: claims.clone(),
            expires_in,
            expires_at,
            received,
            ends: Some(ends),
        };
        let at = |seconds: f64| Some(NOW as f64 + seconds);
        check([
            row(Some(60.0), None, FRESH, 60.0),
            row(Some(60.0), None, TokenOrigin::Earlier, 60.0),
            row(None, at(90.0), FRESH, 90.0),
            row(None, at(90.0), TokenOrigin::Earlier, 90.0),
            row(Some(60.0), at(90.0), FRESH, 60.0),
            row(Some(0.0), None, FRESH, 300.0),
            row(Some(-1.0), None, TokenOrigin::Earlier, 300.0),
        ]);
    }

    #[test]
    fn what_is_no_jwt_is_an_opaque_token_without_expiry() {
        for token in ["", "a.b", "a.b.c.d", "..", "a.!!.c", "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"] {
            assert_eq!(set(token, Lifetime::default(), TokenOrigin::Earlier).expires_at, None, "{token}");
        }
    }

    #[test]
    fn two_tokens_are_of_one_user_if_they_have_one_subject_of_one_issuer() {
        let is_same = |first: &str, second: &str| {
            let subjects = (earlier(first).subject, earlier(second).subject);
            subjects.0.is_some() && subjects.0 == subjects.1
        };
        let rows = [
            (r#"{"sub":"maggie","user_id":"1"}"#, r#"{"sub":"maggie","user_id":"2"}"#, true),
            (r#"{"user_id":7}"#, r#"{"user_id":"7"}"#, true),
            (r#"{"user_id":7}"#, r#"{"user_id":8}"#, false),
            (r#"{"sub":"7"}"#, r#"{"user_id":"7"}"#, false),
            (r#"{"sub":"7","iss":"a"}"#, r#"{"sub":"7","iss":"b"}"#, false),
            ("{}", "{}", false),
            // One double.
            (r#"{"user_id":1234567890123456789}"#, r#"{"user_id":1234567890123456790}"#, false),
            (r#"{"user_id":1234567890123456789}"#, r#"{"user_id":1234567890123456789}"#, true),
            (r#"{"sub":9007199254740993}"#, r#"{"sub":9007199254740992}"#, false),
            (r#"{"sub":-9007199254740993}"#, r#"{"sub":-9007199254740992}"#, false),
            (
                r#"{"sub":340282366920938463463374607431768211455}"#,
                r#"{"sub":340282366920938463463374607431768211454}"#,
                false,
            ),
            (r#"{"x":"\"1234567890123456789","sub":1}"#, r#"{"x":"1234567890123456789","sub":1}"#, true),
        ];
        for (first, second, expected) in rows {
            assert_eq!(is_same(first, second), expected, "{first} {second}");
        }
    }
}
