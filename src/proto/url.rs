//! URLs: which of them may get a credential, and how it is put into a query.
//!
//! The platform makes a URL absolute and normal (WHATWG URL); this module decides whether it is fit to dial. Everything
//! that browsers accept silently and that leaks or breaks later is an error here: userinfo stays readable in `ws.url`,
//! tabs and line ends are stripped, a fragment throws.

use core::fmt;

use super::Secret;
use crate::error::{ConfigError, UrlProblem};
use crate::platform::{self, UrlParts, with_param};

/// An absolute URL that is fit to be dialled or fetched.
///
/// # Security
/// `Debug` shows no query.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Url {
    /// Scheme, host and path.
    before_query: String,
    /// Without the question mark; empty if there is none.
    query: String,
    /// The host without its port; an IPv6 address in brackets.
    host: String,
    is_encrypted: bool,
}

/// The use of a URL.
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
    pub fn parse(option: &'static str, text: &str, kind: UrlKind) -> Result<Self, ConfigError> {
        Self::checked(text, kind).map_err(|problem| ConfigError::InvalidUrl { option, problem })
    }

    fn checked(text: &str, kind: UrlKind) -> Result<Self, UrlProblem> {
        if text.is_empty() {
            return Err(UrlProblem::Empty);
        }
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(UrlProblem::ControlCharacter);
        }
        if text.bytes().any(|byte| byte == b'#') {
            return Err(UrlProblem::Fragment);
        }
        let parts = platform::url(text).ok_or(UrlProblem::Unreadable)?;
        if parts.has_user {
            return Err(UrlProblem::UserInfo);
        }
        Self::of(parts, kind).ok_or(UrlProblem::Scheme)
    }

    /// Reads a URL that was checked before.
    #[cfg(target_family = "wasm")]
    pub(crate) fn trusted(text: &str, kind: UrlKind) -> Self {
        platform::url(text).and_then(|parts| Self::of(parts, kind)).unwrap_or_default()
    }

    fn of(parts: UrlParts, kind: UrlKind) -> Option<Self> {
        let (scheme, is_encrypted) = match (parts.scheme.as_str(), kind) {
            ("https", UrlKind::Http) => ("https://", true),
            ("http", UrlKind::Http) => ("http://", false),
            ("https" | "wss", UrlKind::WebSocket) => ("wss://", true),
            ("http" | "ws", UrlKind::WebSocket) => ("ws://", false),
            _ => return None,
        };
        let before_query = [scheme, &parts.address].concat();
        Some(Self { before_query, query: parts.query, host: parts.host, is_encrypted })
    }

    /// Refuses to send an unencrypted credential to another machine.
    ///
    /// # Errors
    /// [`ConfigError::InsecureUrl`] for `ws:` and `http:` to a foreign host, unless `allow_insecure`.
    pub fn check_carries_credential(&self, option: &'static str, allow_insecure: bool) -> Result<(), ConfigError> {
        if self.is_encrypted || allow_insecure || self.is_loopback() {
            return Ok(());
        }
        Err(ConfigError::InsecureUrl { option, host: self.host.clone() })
    }

    /// Returns whether the host is this machine: `localhost`, `*.localhost`, 127.0.0.0/8 or `[::1]`.
    ///
    /// # Source
    /// W3C Secure Contexts §3.1 (potentially trustworthy origins). The host is in its normal form, so an address is a
    /// dotted quad and nothing else begins with `127.` and has no letter.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host.as_str();
        let is_ipv4_loopback =
            host.starts_with("127.") && host.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
        is_ipv4_loopback || host == "localhost" || host.ends_with(".localhost") || host == "[::1]"
    }

    /// Returns the URL as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = self.before_query.clone();
        if !self.query.is_empty() {
            text.push('?');
            text.push_str(&self.query);
        }
        text
    }

    /// Reads a URL that an answer gives in the place of this one. It has to be as well encrypted, and its host the same or
    /// one of `hosts`.
    pub(crate) fn redirected(&self, text: &str, hosts: &[String]) -> Option<Secret> {
        self.replaced_by(text, |url| url.host == self.host || hosts.contains(&url.host))
    }

    /// Reads a URL that the app gives in the place of this one. It has to be as well encrypted; one that is not has to be on this machine if
    /// this one is.
    pub(crate) fn replaced(&self, text: &str) -> Option<Secret> {
        self.replaced_by(text, |url| url.is_encrypted || url.is_loopback() || !self.is_loopback())
    }

    fn replaced_by(&self, text: &str, is_known: impl Fn(&Self) -> bool) -> Option<Secret> {
        let url = Self::checked(text, UrlKind::WebSocket).ok()?;
        (is_known(&url) && (url.is_encrypted || !self.is_encrypted)).then(|| Secret::new(url.to_text()))
    }

    /// Returns the URL with a parameter that is no credential.
    #[must_use]
    pub fn with_plain_param(&self, param: &str, value: &str) -> Self {
        let query = with_param("", &self.query, param, value);
        Self { query: query.trim_start_matches('?').to_owned(), ..self.clone() }
    }

    /// Returns the URL with `param` set to a credential; a parameter of that name that was there before is replaced.
    ///
    /// Every byte but RFC 3986's unreserved ones is percent-encoded, since browsers leave `+` and `=` alone and servers
    /// read `+` as a space.
    #[must_use]
    pub fn with_param(&self, param: &str, value: &str) -> Secret {
        Secret::new(with_param(&self.before_query, &self.query, param, value))
    }
}

/// Shows no query: it may hold a credential.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.before_query)?;
        f.write_str(if self.query.is_empty() { "" } else { "?[redacted]" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ws(text: &str) -> Url {
        Url::parse("url", text, UrlKind::WebSocket).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn problem(text: &str) -> UrlProblem {
        match Url::parse("url", text, UrlKind::WebSocket) {
            Err(ConfigError::InvalidUrl { problem, option: "url" }) => problem,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_fragment_is_refused_even_if_it_is_empty() {
        assert_eq!(problem("wss://h/p#frag"), UrlProblem::Fragment);
        assert_eq!(problem("wss://h/p#"), UrlProblem::Fragment);
    }

    #[test]
    fn case_43_a_url_in_an_answer_is_as_encrypted_as_ours_and_of_a_host_that_is_known() {
        let known = ["cell.example".to_owned()];
        let to = |from: &str, text: &str| ws(from).redirected(text, &known).map(|url| url.expose().to_owned());
        let secure = "wss://h/channel";
        assert_eq!(to(secure, "wss://h:8443/x?ticket=t").as_deref(), Some("wss://h:8443/x?ticket=t"));
        assert_eq!(to(secure, "wss://cell.example/link?ticket=t").as_deref(), Some("wss://cell.example/link?ticket=t"));
        for bad in [
            "wss://evil.example/?ticket=t",
            "wss://cell.example.evil/",
            "ws://h/",
            "ftp://h/",
            "/relative",
            "",
            "wss://u:p@h/",
        ] {
            assert_eq!(to(secure, bad), None, "{bad}");
        }
        assert_eq!(to("ws://localhost/", "ws://cell.example/").as_deref(), Some("ws://cell.example/"));
        // Here the app names no hosts.
        let to = |from: &str, text: &str| ws(from).replaced(text).is_some();
        assert!(to("ws://localhost/", "ws://127.0.0.1:8000/") && to("ws://localhost/", "wss://cell.example/"));
        assert!(to("ws://cell.example/", "ws://other.example/"), "`allowInsecure` is set");
        assert!(!to("ws://localhost/", "ws://cell.example/") && !to("wss://cell.example/", "ws://localhost/"));
    }

    #[test]
    fn case_57_userinfo_is_refused_and_never_shown() {
        assert_eq!(problem("wss://maggie:secret@h/p"), UrlProblem::UserInfo);
        let error = Url::parse("url", "wss://maggie:secret@h/p", UrlKind::WebSocket).unwrap_err();
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
        assert_eq!(problem("no-url"), UrlProblem::Unreadable);
        assert_eq!(problem("ws://h/\u{9}p"), UrlProblem::ControlCharacter);
        assert_eq!(problem("ws://h/a b"), UrlProblem::ControlCharacter);
        assert_eq!(problem("ws://h/\u{7f}"), UrlProblem::ControlCharacter);
        assert_eq!(ws("wss://h/@p?x=@").to_text(), "wss://h/@p?x=@");
        assert_eq!(problem("ws://"), UrlProblem::Unreadable);
        assert_eq!(problem("ws://:80/p"), UrlProblem::Unreadable);
    }

    #[test]
    fn case_117_a_credential_goes_in_the_clear_only_to_this_machine() {
        let allowed = [
            "ws://localhost/",
            "ws://app.localhost:1/",
            "ws://127.0.0.1:9/",
            "ws://127.9.8.7/",
            "ws://127.1/",
            "ws://[::1]:80/",
        ];
        let refused = [
            "ws://example.com/",
            "ws://127.0.0.1.example.com/",
            "ws://localhost.example.com/",
            "ws://evillocalhost/",
            "ws://[::2]/",
            "ws://1270.0.0.1.nip.io/",
        ];
        for url in allowed {
            assert_eq!(ws(url).check_carries_credential("url", false), Ok(()), "{url}");
        }
        for url in refused {
            let error = ws(url).check_carries_credential("url", false).unwrap_err();
            assert!(matches!(error, ConfigError::InsecureUrl { .. }), "{url}");
            assert_eq!(ws(url).check_carries_credential("url", true), Ok(()), "{url}");
        }
        assert_eq!(ws("wss://example.com/").check_carries_credential("url", false), Ok(()));
        for (text, is_allowed) in
            [("http://example.com/", false), ("https://example.com/", true), ("http://[::1]:8/", true)]
        {
            let url = Url::parse("url", text, UrlKind::Http).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(url.check_carries_credential("url", false).is_ok(), is_allowed, "{text}");
        }
    }

    #[test]
    fn a_debug_form_shows_no_query() {
        assert_eq!(format!("{:?}", ws("wss://h/p?token=abc")), "wss://h/p?[redacted]");
    }
}
