//! Access and refresh tokens as simplejwt issues them, and DRF's opaque tokens: issuing and checking.
//!
//! Source: RFC 7519; djangorestframework-simplejwt 5.5 (claims `token_type`, `exp`, `iat`, `jti`, `user_id`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

/// The claims of a token, as simplejwt has them.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    token_type: String,
    exp: u64,
    iat: u64,
    jti: String,
    user_id: String,
}

/// Why a token is refused; the words are simplejwt's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Blacklisted,
    Expired,
    Invalid,
    WrongType,
}

impl Refused {
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::Blacklisted => "Token is blacklisted",
            Self::Expired => "Token is expired",
            Self::Invalid => "Token is invalid",
            Self::WrongType => "Token has wrong type",
        }
    }
}

/// Which of the two JWTs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Access,
    Refresh,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

/// The key and the tokens that are no longer good although their time has not come.
pub(crate) struct Tokens {
    key: [u8; 32],
    ended: BTreeSet<String>,
    live: BTreeSet<String>,
    /// Of every token, by its id.
    owners: BTreeMap<String, String>,
    blacklist: BTreeSet<String>,
    opaque: BTreeMap<String, String>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    pub(crate) fn new() -> Self {
        Self {
            key: random_bytes(),
            ended: BTreeSet::new(),
            live: BTreeSet::new(),
            owners: BTreeMap::new(),
            blacklist: BTreeSet::new(),
            opaque: BTreeMap::new(),
        }
    }

    pub(crate) fn issue(&mut self, kind: Kind, user: &str, life: Duration, now: Duration) -> String {
        let jti = hex(&random_bytes::<16>());
        let claims = Claims {
            token_type: kind.name().to_owned(),
            // simplejwt counts whole seconds, and so does the standard library that checks it.
            exp: (now + life).as_secs(),
            iat: now.as_secs(),
            jti: jti.clone(),
            user_id: user.to_owned(),
        };
        if kind == Kind::Access {
            self.live.insert(jti.clone());
        }
        self.owners.insert(jti, user.to_owned());
        encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(&self.key)).unwrap_or_default()
    }

    /// Returns the user of a token.
    pub(crate) fn check(&self, kind: Kind, token: &str, now: Duration) -> Result<String, Refused> {
        let claims = self.claims(token).ok_or(Refused::Invalid)?;
        if claims.exp <= now.as_secs() {
            return Err(Refused::Expired);
        }
        if claims.token_type != kind.name() {
            return Err(Refused::WrongType);
        }
        if self.ended.contains(&claims.jti) {
            return Err(Refused::Expired);
        }
        if self.blacklist.contains(&claims.jti) {
            return Err(Refused::Blacklisted);
        }
        Ok(claims.user_id)
    }

    /// The claims of a token that is ours, whatever its time.
    fn claims(&self, token: &str) -> Option<Claims> {
        let mut validation = Validation::new(Algorithm::HS256);
        // By the server's own clock, which may be another than this machine's.
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["exp"]);
        decode(token, &DecodingKey::from_secret(&self.key), &validation).ok().map(|data| data.claims)
    }

    /// Returns when a JWT ends, since 1970.
    pub(crate) fn end_of(&self, token: &str) -> Option<Duration> {
        self.claims(token).map(|claims| Duration::from_secs(claims.exp))
    }

    /// Puts a refresh token on the blacklist.
    pub(crate) fn blacklist(&mut self, token: &str) {
        if let Some(claims) = self.claims(token) {
            self.blacklist.insert(claims.jti);
        }
    }

    /// From now on every token of a user counts as expired.
    pub(crate) fn revoke(&mut self, user: &str) {
        let of_user = self.owners.iter().filter(|(_, owner)| *owner == user).map(|(jti, _)| jti.clone());
        self.ended.extend(of_user.collect::<Vec<_>>());
        self.opaque.retain(|_, owner| owner != user);
    }

    /// From now on every access token issued so far counts as expired; opaque ones are forgotten.
    pub(crate) fn expire_all(&mut self) {
        self.ended.append(&mut self.live);
        self.opaque.clear();
    }

    /// Returns the user's opaque token: 40 hex digits, the same at every call, as DRF's authtoken.
    pub(crate) fn opaque(&mut self, user: &str) -> String {
        let known = self.opaque.iter().find(|(_, owner)| *owner == user).map(|(token, _)| token.clone());
        known.unwrap_or_else(|| {
            let token = hex(&random_bytes::<20>());
            self.opaque.insert(token.clone(), user.to_owned());
            token
        })
    }

    pub(crate) fn is_opaque(&self, token: &str) -> bool {
        self.opaque.contains_key(token)
    }

    /// Ends an opaque token; returns whether it was known.
    pub(crate) fn forget_opaque(&mut self, token: &str) -> bool {
        self.opaque.remove(token).is_some()
    }

    /// Returns the user of an access token, JWT or opaque.
    pub(crate) fn user_of(&self, token: &str, now: Duration) -> Result<String, Refused> {
        match self.opaque.get(token) {
            Some(user) => Ok(user.clone()),
            None => self.check(Kind::Access, token, now),
        }
    }
}

/// The time since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Random bytes of the operating system.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap_or_else(|error| panic!("the operating system has no randomness: {error}"));
    bytes
}

/// 256 random bits as base64url without padding.
pub(crate) fn random_text() -> String {
    Base64UrlUnpadded::encode_string(&random_bytes::<32>())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_token_is_good_for_its_kind_and_its_time_only() {
        let mut tokens = Tokens::new();
        let access = tokens.issue(Kind::Access, "maggie", HOUR, now());
        let refresh = tokens.issue(Kind::Refresh, "maggie", HOUR, now());
        let old = tokens.issue(Kind::Access, "maggie", Duration::ZERO, now());
        assert_eq!(tokens.user_of(&access, now()), Ok("maggie".to_owned()));
        assert_eq!(tokens.user_of(&refresh, now()), Err(Refused::WrongType));
        assert_eq!(tokens.check(Kind::Refresh, &access, now()), Err(Refused::WrongType));
        assert_eq!(tokens.user_of(&old, now()), Err(Refused::Expired), "case_120: the boundary itself is expired");
        assert_eq!(tokens.user_of(&access, now() + HOUR), Err(Refused::Expired));
        assert_eq!(tokens.user_of(&old, now() - HOUR), Ok("maggie".to_owned()), "by the clock that it was issued by");
        for garbage in ["", "a.b.c", &access[..access.len() - 2], &format!("{access}x"), &format!(" {access}")] {
            assert_eq!(tokens.user_of(garbage, now()), Err(Refused::Invalid));
        }
        assert_eq!(Tokens::new().user_of(&access, now()), Err(Refused::Invalid), "another server's key");
    }

    #[test]
    fn all_tokens_can_be_ended_at_once_and_new_ones_are_good() {
        let mut tokens = Tokens::new();
        let (jwt, opaque) = (tokens.issue(Kind::Access, "bob", HOUR, now()), tokens.opaque("bob"));
        assert_eq!(tokens.opaque("bob"), opaque);
        tokens.expire_all();
        assert_eq!(tokens.user_of(&jwt, now()), Err(Refused::Expired));
        assert_eq!(tokens.user_of(&opaque, now()), Err(Refused::Invalid));
        let fresh = tokens.issue(Kind::Access, "bob", HOUR, now());
        assert_eq!(tokens.user_of(&fresh, now()), Ok("bob".to_owned()));
    }

    #[test]
    fn a_users_tokens_can_be_revoked_and_nobody_elses() {
        let mut tokens = Tokens::new();
        let access = tokens.issue(Kind::Access, "maggie", HOUR, now());
        let refresh = tokens.issue(Kind::Refresh, "maggie", HOUR, now());
        let (opaque, other) = (tokens.opaque("maggie"), tokens.issue(Kind::Access, "bob", HOUR, now()));
        tokens.revoke("maggie");
        assert_eq!(tokens.user_of(&access, now()), Err(Refused::Expired));
        assert_eq!(tokens.check(Kind::Refresh, &refresh, now()), Err(Refused::Expired));
        assert_eq!(tokens.user_of(&opaque, now()), Err(Refused::Invalid));
        assert_eq!(tokens.user_of(&other, now()), Ok("bob".to_owned()));
    }

    #[test]
    fn a_blacklisted_refresh_token_is_refused() {
        let mut tokens = Tokens::new();
        let refresh = tokens.issue(Kind::Refresh, "maggie", HOUR, now());
        tokens.blacklist(&refresh);
        assert_eq!(tokens.check(Kind::Refresh, &refresh, now()), Err(Refused::Blacklisted));
    }
}
