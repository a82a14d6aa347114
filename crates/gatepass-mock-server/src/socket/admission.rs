//! Who is let in by the handshake alone.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderMap, StatusCode};
use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};

use super::dialogue::{self, Dialogue};
use crate::careless::Careless;
use crate::http::{cookie_of, word_and_token};
use crate::state::Inner;

/// What a handshake shows.
pub(super) struct HandshakeRequest<'a> {
    pub(super) path: &'a str,
    pub(super) origin: Option<&'a str>,
    pub(super) query: &'a [(String, String)],
    pub(super) headers: &'a HeaderMap,
}

/// What a handshake has led to.
#[derive(Debug)]
pub(super) struct Admission {
    /// Whose socket it is, as far as it is known.
    pub(super) user: Option<String>,
    /// The messages to exchange first, if any.
    pub(super) dialogue: Option<&'static Dialogue>,
    /// What the server says about the credential of the handshake, if anything.
    pub(super) greeting: Option<Greeting>,
    /// The subprotocol to choose, if it was offered.
    pub(super) protocol: Option<&'static str>,
    /// One that was offered and is not known, for a careless server.
    pub(super) unknown_protocol: Option<String>,
    /// When the token ends by which it was let in, since 1970 by the server's clock.
    pub(super) ends: Option<Duration>,
}

/// What a server says on the socket about the credential of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greeting {
    /// It is refused; close 4401 follows.
    Denied,
    /// It is refused without a word; close 1008 follows.
    Late,
    /// It is accepted.
    Welcome,
}

impl Admission {
    /// Of a careless server: accepted, and then closed.
    pub(super) fn refused_late() -> Self {
        Self { greeting: Some(Greeting::Late), ..Self::of(None) }
    }

    fn of(user: Option<String>) -> Self {
        Self { user, dialogue: None, greeting: None, protocol: None, unknown_protocol: None, ends: None }
    }
}

impl HandshakeRequest<'_> {
    fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first subprotocol that is offered.
    pub(super) fn first_protocol(&self) -> Option<String> {
        self.protocols().next().map(str::to_owned)
    }

    /// The offered subprotocols; several headers are one list (RFC 9110 §5.3). What is no text is no offer.
    fn protocols(&self) -> impl Iterator<Item = &str> {
        let headers = self.headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
        headers.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')).map(str::trim)
    }

    /// The credential among the subprotocols: exactly one, beside at least one of the plain ones.
    fn credential(&self, prefix: &str, plain: &[&'static str]) -> Option<(String, &'static str)> {
        let mut found = self.protocols().filter_map(|entry| entry.strip_prefix(prefix));
        let credential = found.next()?.to_owned();
        if found.next().is_some() {
            return None;
        }
        let chosen = plain.iter().find(|known| self.protocols().any(|entry| entry == **known))?;
        Some((credential, chosen))
    }
}

/// Answers a handshake: who is let in, or the status of the refusal.
pub(super) fn authorize(inner: &mut Inner, request: &HandshakeRequest<'_>) -> Result<Admission, StatusCode> {
    inner.counts.handshakes += 1;
    if !inner.refuse_handshakes.is_empty() {
        let status = inner.refuse_handshakes.remove(0);
        return Err(StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN));
    }
    if !inner.origins.allows(request.origin) && !inner.is_careless(Careless::AnyOrigin) {
        return Err(StatusCode::FORBIDDEN);
    }
    if let Some(dialogue) = dialogue::at(request.path) {
        if dialogue.param.is_some_and(|(name, value)| request.param(name) != Some(value)) {
            return Err(StatusCode::BAD_REQUEST);
        }
        return Ok(Admission { dialogue: Some(dialogue), protocol: dialogue.protocol, ..Admission::of(None) });
    }
    let user_of = |inner: &Inner, token: Option<&str>| match token {
        None if inner.is_careless(Careless::AnyToken) => inner.active_user_of(""),
        token => token.and_then(|token| inner.active_user_of(token)),
    };
    let known = |user: Option<String>| user.map(|user| Admission::of(Some(user))).ok_or(StatusCode::FORBIDDEN);
    match request.path.trim_matches('/').split('/').collect::<Vec<_>>().as_slice() {
        ["ws", "anonymous"] => Ok(Admission::of(None)),
        // A number that anybody can write is no proof of who it is.
        ["ws", "user-id"] if inner.is_careless(Careless::OthersId) => Ok(Admission::of(Some("maggie".to_owned()))),
        ["ws", "user-id"] => Err(StatusCode::FORBIDDEN),
        ["channel"] => {
            let user = request.param("ticket").and_then(|ticket| inner.tickets.take(ticket, request.origin));
            known(user.filter(|user| !inner.inactive.contains(user)))
        }
        ["ws", "jwt"] | ["api", "kernels", _, "channels"] => {
            let token = request.param("token");
            let ends = token.and_then(|token| inner.tokens.end_of(token));
            known(user_of(inner, token)).map(|admission| Admission { ends, ..admission })
        }
        ["ws", "public"] => match request.param("token") {
            Some(token) => known(user_of(inner, Some(token))),
            None => Ok(Admission::of(None)),
        },
        ["ws", "rooms"] => match (request.param("ticket"), request.param("token")) {
            (Some(ticket), _) => known(inner.tickets.take(ticket, request.origin)),
            (None, Some(token)) => known(user_of(inner, Some(token))),
            (None, None) => Ok(Admission::of(None)),
        },
        ["ws", "welcome"] => {
            let user = user_of(inner, request.param("token"));
            let greeting = if user.is_some() { Greeting::Welcome } else { Greeting::Denied };
            Ok(Admission { greeting: Some(greeting), ..Admission::of(user) })
        }
        ["ws", group] if group.starts_with("app_") => {
            let user = user_of(inner, request.param("token"));
            known(user.filter(|user| group.strip_prefix("app_").is_some_and(|group| inner.may_enter(user, group))))
        }
        ["ws", "cookie"] => known(user_of(inner, cookie_of(request.headers, "JWT"))),
        ["ws", "cookie-or-anonymous"] => Ok(Admission::of(user_of(inner, cookie_of(request.headers, "JWT")))),
        ["ws", "session"] => {
            let user = request.param("session_key").and_then(|key| inner.session_keys.user_of(key));
            known(user.filter(|user| !inner.inactive.contains(user)))
        }
        ["ws", "header"] => {
            let token = request.headers.get(AUTHORIZATION).and_then(word_and_token);
            let token = token.filter(|(word, _)| word.eq_ignore_ascii_case("Token")).map(|(_, token)| token);
            Ok(Admission::of(user_of(inner, token)))
        }
        ["ws", "ticket-protocol"] => {
            let (ticket, chosen) =
                request.credential("ticket.", &["circle-match.v1"]).ok_or(StatusCode::UNAUTHORIZED)?;
            let user = inner.tickets.take(&ticket, request.origin).ok_or(StatusCode::UNAUTHORIZED)?;
            Ok(Admission { protocol: Some(chosen), ..Admission::of(Some(user)) })
        }
        ["api", "v1", "namespaces", _, "pods", _, "exec"] => {
            let plain = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
            let credential = request.credential("base64url.bearer.authorization.k8s.io.", &plain);
            let (token, chosen) = credential.ok_or(StatusCode::UNAUTHORIZED)?;
            let token = Base64UrlUnpadded::decode_vec(&token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let user = user_of(inner, token.as_deref()).ok_or(StatusCode::UNAUTHORIZED)?;
            Ok(Admission { protocol: Some(chosen), ..Admission::of(Some(user)) })
        }
        ["socket", "websocket"] => {
            let (token, chosen) =
                request.credential("base64url.bearer.phx.", &["phoenix"]).ok_or(StatusCode::FORBIDDEN)?;
            // The name says base64url, Phoenix decodes base64; it fails on what is none.
            let bytes = Base64Unpadded::decode_vec(&token).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
            let token = String::from_utf8(bytes).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
            let user = user_of(inner, Some(&token)).ok_or(StatusCode::FORBIDDEN)?;
            Ok(Admission { protocol: Some(chosen), ..Admission::of(Some(user)) })
        }
        _ => Err(StatusCode::NOT_FOUND),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::COOKIE;

    fn request(headers: &HeaderMap) -> HandshakeRequest<'_> {
        HandshakeRequest { path: "/", origin: None, query: &[], headers }
    }

    #[test]
    fn case_62_the_right_cookie_is_read_among_many() {
        let cookie = |text: &str| {
            let headers = HeaderMap::from_iter([(COOKIE, text.parse().unwrap())]);
            cookie_of(&headers, "JWT").map(str::to_owned)
        };
        assert_eq!(cookie("a=1; JWT=x.y.z; b=2").as_deref(), Some("x.y.z"));
        assert_eq!(cookie(r#"JWT="x.y.z""#).as_deref(), Some("x.y.z"));
        assert_eq!(cookie("JWT=first; JWT=second").as_deref(), Some("first"));
        assert_eq!(cookie("NOTJWT=x; JWTX=y"), None);
        assert_eq!(cookie("JWT"), None);
        assert_eq!(cookie_of(&HeaderMap::new(), "JWT"), None);
    }

    #[test]
    fn case_63_several_subprotocol_headers_are_one_list_and_nothing_is_percent_decoded() {
        let mut headers = HeaderMap::new();
        headers.append(SEC_WEBSOCKET_PROTOCOL, "a, b".parse().unwrap());
        headers.append(SEC_WEBSOCKET_PROTOCOL, "c%2Cd".parse().unwrap());
        assert_eq!(request(&headers).protocols().collect::<Vec<_>>(), ["a", "b", "c%2Cd"]);
    }

    #[test]
    fn case_52_a_credential_stands_alone_beside_a_plain_subprotocol() {
        let credential = |list: &str| {
            let headers = HeaderMap::from_iter([(SEC_WEBSOCKET_PROTOCOL, list.parse().unwrap())]);
            request(&headers).credential("t.", &["v2", "v1"])
        };
        assert_eq!(credential("v1, t.abc"), Some(("abc".to_owned(), "v1")));
        assert_eq!(credential("v1, v2, t.abc"), Some(("abc".to_owned(), "v2")));
        assert_eq!(credential("t.abc"), None, "only the credential");
        assert_eq!(credential("v1, t.abc, t.def"), None, "two credentials");
        assert_eq!(credential("v1"), None);
    }
}
