//! Which addresses a credential may go to, and how it is put into a query.
//!
//! The driver makes a URL absolute and normal (WHATWG URL); this module decides whether it is fit to dial. Everything
//! that browsers accept silently and that leaks or breaks later is an error here: userinfo stays readable in `ws.url`,
//! tabs and line ends are stripped, a fragment throws.

use core::fmt;

use super::{Codec, Secret};
use crate::error::{ConfigError, UrlProblem};

/// An absolute URL that is fit to be dialled or fetched.
///
/// # Security
/// `Debug` shows no query.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// `scheme://authority`
    origin: String,
    host: String,
    path: String,
    query: Option<String>,
}

/// What a URL is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlKind {
    /// `http:` and `https:`
    Http,
    /// `ws:` and `wss:`; `http:` and `https:` are taken as these (WHATWG WebSockets §3.1).
    WebSocket,
}

impl Url {
    /// Reads and checks a URL given by the app as `option`.
    ///
    /// # Errors
    /// [`ConfigError::InvalidUrl`] with what is wrong.
    pub fn parse(codec: Codec, option: &str, text: &str, kind: UrlKind) -> Result<Self, ConfigError> {
        let fail = |problem| ConfigError::InvalidUrl { option: option.to_owned(), problem };
        if text.is_empty() {
            return Err(fail(UrlProblem::Empty));
        }
        if text.chars().any(|c| c.is_control() || c == ' ') {
            return Err(fail(UrlProblem::ControlCharacter));
        }
        if text.contains('#') {
            return Err(fail(UrlProblem::Fragment));
        }
        let absolute = (codec.absolute_url)(text).ok_or_else(|| fail(UrlProblem::Unreadable))?;
        let (scheme, rest) = absolute.split_once(':').ok_or_else(|| fail(UrlProblem::Scheme))?;
        let secure = match (scheme.to_ascii_lowercase().as_str(), kind) {
            ("https", UrlKind::Http) | ("https" | "wss", UrlKind::WebSocket) => true,
            ("http", UrlKind::Http) | ("http" | "ws", UrlKind::WebSocket) => false,
            _ => return Err(fail(UrlProblem::Scheme)),
        };
        let rest = rest.strip_prefix("//").ok_or_else(|| fail(UrlProblem::Scheme))?;
        let authority = rest.split(['/', '?']).next().unwrap_or("");
        let tail = rest.strip_prefix(authority).unwrap_or("");
        if authority.contains('@') {
            return Err(fail(UrlProblem::UserInfo));
        }
        let host = host_of(authority);
        if host.is_empty() {
            return Err(fail(UrlProblem::Unreadable));
        }
        let (path, query) = match tail.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (tail, None),
        };
        let scheme = match (kind, secure) {
            (UrlKind::Http, true) => "https",
            (UrlKind::Http, false) => "http",
            (UrlKind::WebSocket, true) => "wss",
            (UrlKind::WebSocket, false) => "ws",
        };
        Ok(Self {
            origin: format!("{scheme}://{authority}"),
            host: host.to_ascii_lowercase(),
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
            query: query.filter(|query| !query.is_empty()),
        })
    }

    /// Refuses to send a credential in the clear to anything but this machine.
    ///
    /// # Errors
    /// [`ConfigError::InsecureUrl`] for `ws:` and `http:` to a foreign host, unless `allow_insecure`.
    pub fn check_carries_credential(&self, option: &str, allow_insecure: bool) -> Result<(), ConfigError> {
        let encrypted = self.origin.starts_with("wss:") || self.origin.starts_with("https:");
        if encrypted || allow_insecure || self.is_loopback() {
            return Ok(());
        }
        Err(ConfigError::InsecureUrl { option: option.to_owned(), host: self.host.clone() })
    }

    /// Returns whether the host is this machine: `localhost`, `*.localhost`, 127.0.0.0/8 or `[::1]`.
    ///
    /// # Source
    /// W3C Secure Contexts §3.1 (potentially trustworthy origins).
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_end_matches('.');
        let is_ipv4_loopback = || {
            let mut parts = host.split('.');
            parts.next() == Some("127") && host.split('.').count() == 4 && parts.all(|part| part.parse::<u8>().is_ok())
        };
        host == "localhost" || host.ends_with(".localhost") || host == "[::1]" || is_ipv4_loopback()
    }

    /// Returns the URL as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let query = self.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{}{query}", self.origin, self.path)
    }

    /// Returns the URL with `param` set to a credential; a parameter of that name that was there before is replaced.
    ///
    /// Every byte but RFC 3986's unreserved ones is percent-encoded, since browsers leave `+` and `=` alone and servers
    /// read `+` as a space.
    #[must_use]
    pub fn with_param(&self, param: &str, value: &Secret) -> Secret {
        let mut query = String::new();
        let name = percent_encoded(param);
        for pair in self.query.as_deref().unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
            let key = pair.split('=').next().unwrap_or("");
            if key != param && key != name {
                query.push_str(pair);
                query.push('&');
            }
        }
        Secret::new(format!("{}{}?{query}{name}={}", self.origin, self.path, percent_encoded(value.expose())))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = if self.query.is_some() { "?[redacted]" } else { "" };
        write!(f, "{}{}{query}", self.origin, self.path)
    }
}

fn host_of(authority: &str) -> &str {
    match authority.split_once(']') {
        // The brackets of an IPv6 address belong to it.
        Some((address, _)) => authority.get(..=address.len()).unwrap_or(""),
        None => authority.split(':').next().unwrap_or(""),
    }
}

fn percent_encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::super::test_codec::CODEC;
    use super::*;

    fn ws(text: &str) -> Url {
        Url::parse(CODEC, "url", text, UrlKind::WebSocket).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn problem(text: &str) -> UrlProblem {
        match Url::parse(CODEC, "url", text, UrlKind::WebSocket) {
            Err(ConfigError::InvalidUrl { problem, option }) if option == "url" => problem,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn case_40_every_odd_byte_of_a_ticket_is_percent_encoded() {
        let dialled =
            ws("ws://127.0.0.1:8000/channel/").with_param("ticket", &Secret::new("a+/=&#% é\"\u{1f600}".to_owned()));
        assert_eq!(dialled.expose(), "ws://127.0.0.1:8000/channel/?ticket=a%2B%2F%3D%26%23%25%20%C3%A9%22%F0%9F%98%80");
    }

    #[test]
    fn case_41_a_ticket_joins_the_query_that_is_there() {
        let rows = [
            ("wss://h/p", "wss://h/p?ticket=t"),
            ("wss://h", "wss://h/?ticket=t"),
            ("wss://h/p?", "wss://h/p?ticket=t"),
            ("wss://h/p?a=1", "wss://h/p?a=1&ticket=t"),
            ("wss://h/p?a=1&", "wss://h/p?a=1&ticket=t"),
            ("wss://h/p?ticket=old&a=1&ticket=older", "wss://h/p?a=1&ticket=t"),
            ("wss://h/p?ticketing=1", "wss://h/p?ticketing=1&ticket=t"),
            ("wss://h?a=/x?y", "wss://h/?a=/x?y&ticket=t"),
        ];
        for (url, dialled) in rows {
            assert_eq!(ws(url).with_param("ticket", &Secret::new("t".to_owned())).expose(), dialled);
        }
        assert_eq!(problem("wss://h/p#frag"), UrlProblem::Fragment);
        assert_eq!(problem("wss://h/p#"), UrlProblem::Fragment);
    }

    #[test]
    fn case_57_userinfo_is_refused_and_never_shown() {
        assert_eq!(problem("wss://maggie:secret@h/p"), UrlProblem::UserInfo);
        let error = Url::parse(CODEC, "url", "wss://maggie:secret@h/p", UrlKind::WebSocket).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }

    #[test]
    fn case_58_http_addresses_and_capital_schemes_become_websocket_ones() {
        assert_eq!(ws("http://127.0.0.1/p").to_text(), "ws://127.0.0.1/p");
        assert_eq!(ws("https://h/p?q=1").to_text(), "wss://h/p?q=1");
        assert_eq!(ws("WSS://h/p").to_text(), "wss://h/p");
    }

    #[test]
    fn what_is_no_websocket_address_is_refused_by_name() {
        assert_eq!(problem(""), UrlProblem::Empty);
        assert_eq!(problem("ftp://h/"), UrlProblem::Scheme);
        assert_eq!(problem("mailto:maggie"), UrlProblem::Scheme);
        assert_eq!(problem("ws://h/\u{9}p"), UrlProblem::ControlCharacter);
        assert_eq!(problem("ws:///p"), UrlProblem::Unreadable);
        assert_eq!(problem("ws://:80/p"), UrlProblem::Unreadable);
    }

    #[test]
    fn case_117_a_credential_goes_in_the_clear_only_to_this_machine() {
        let allowed =
            ["ws://localhost/", "ws://app.localhost:1/", "ws://127.0.0.1:9/", "ws://127.9.8.7/", "ws://[::1]:80/"];
        let refused =
            ["ws://example.com/", "ws://127.0.0.1.example.com/", "ws://localhost.example.com/", "ws://127.1/"];
        for url in allowed {
            assert_eq!(ws(url).check_carries_credential("url", false), Ok(()), "{url}");
        }
        for url in refused {
            let error = ws(url).check_carries_credential("url", false).unwrap_err();
            assert!(matches!(error, ConfigError::InsecureUrl { .. }), "{url}");
            assert_eq!(ws(url).check_carries_credential("url", true), Ok(()), "{url}");
        }
        assert_eq!(ws("wss://example.com/").check_carries_credential("url", false), Ok(()));
    }

    #[test]
    fn a_debug_form_shows_no_query() {
        assert_eq!(format!("{:?}", ws("wss://h/p?token=abc")), "wss://h/p?[redacted]");
    }
}
