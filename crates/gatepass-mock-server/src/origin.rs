//! Who may talk to the server: the Origin allow-list and the Host check.
//!
//! Source: RFC 6455 §10.2 (Origin), Django Channels' `OriginValidator` (absent means refused); the Host check stops DNS
//! rebinding against a server on loopback.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

/// Origins that are let in. Exact match of scheme, host and port; a port of `*` is any port.
#[derive(Clone, Debug)]
pub struct OriginPolicy {
    allowed: Vec<String>,
    allow_absent: bool,
}

impl OriginPolicy {
    /// Returns a policy that lets in just these origins, and no request without an Origin unless `allow_absent`.
    ///
    /// # Errors
    /// The first entry that is no origin (`scheme://host` or `scheme://host:port`, lower case, without a path).
    pub fn new(allowed: &[String], allow_absent: bool) -> Result<Self, String> {
        for origin in allowed {
            let is_origin = origin.split_once("://").is_some_and(|(scheme, host)| {
                is_scheme(scheme) && !host.is_empty() && !host.contains(['/', '?', '#', '@'])
            });
            if !is_origin || *origin != origin.to_ascii_lowercase() {
                return Err(format!(
                    "`{origin}` is no origin; write for example http://localhost:4200 or http://127.0.0.1:*"
                ));
            }
        }
        Ok(Self { allowed: allowed.to_vec(), allow_absent })
    }

    /// Lets in one more origin.
    pub(crate) fn allow(&mut self, origin: String) {
        self.allowed.push(origin);
    }

    /// Returns whether a request with this Origin header is let in.
    #[must_use]
    pub fn allows(&self, origin: Option<&str>) -> bool {
        let Some(origin) = origin else { return self.allow_absent };
        self.allowed.iter().any(|allowed| match allowed.strip_suffix(":*") {
            Some(host) => origin
                .strip_prefix(host)
                .is_some_and(|port| port.is_empty() || port.strip_prefix(':').is_some_and(is_port)),
            None => allowed == origin,
        })
    }
}

/// RFC 3986 §3.1. Extensions and apps have schemes of their own (`chrome-extension`, `capacitor`); the schemes of sockets are those of no page.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        && !matches!(text, "ws" | "wss" | "file")
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the one Origin of a request; several are none that could be allowed.
pub(crate) fn origin_of(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(ORIGIN).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return Some("several".to_owned());
    }
    Some(String::from_utf8_lossy(first.as_bytes()).into_owned())
}

/// Returns whether the request was meant for this machine.
pub(crate) fn is_loopback_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|value| value.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_60_only_the_very_origin_is_let_in() {
        let policy = OriginPolicy::new(&["http://good.example:8080".to_owned()], false).unwrap();
        assert!(policy.allows(Some("http://good.example:8080")));
        for origin in [
            "http://good.example",
            "https://good.example:8080",
            "http://good.example:8081",
            "http://good.example:80800",
            "http://good.example.evil.com:8080",
            "http://evil.com/http://good.example:8080",
            "http://GOOD.example:8080",
            "http://xn--good-cua.example:8080",
            "http://good.example:8080/",
            "null",
            "several",
            "",
        ] {
            assert!(!policy.allows(Some(origin)), "{origin}");
        }
        assert!(!policy.allows(None));
        assert!(OriginPolicy::new(&[], true).unwrap().allows(None));
    }

    #[test]
    fn case_60_a_port_may_be_left_open_and_nothing_else() {
        let policy = OriginPolicy::new(&["http://127.0.0.1:*".to_owned()], false).unwrap();
        assert!(policy.allows(Some("http://127.0.0.1:4200")) && policy.allows(Some("http://127.0.0.1")));
        for origin in [
            "http://127.0.0.1:",
            "http://127.0.0.1:4200.evil.com",
            "http://127.0.0.1.evil.com:80",
            "http://127.0.0.11:80",
        ] {
            assert!(!policy.allows(Some(origin)), "{origin}");
        }
    }

    #[test]
    fn the_pages_of_extensions_and_apps_have_origins_too() {
        for origin in
            ["chrome-extension://abcdefgh", "moz-extension://0a1b-2c3d", "capacitor://localhost", "tauri://localhost"]
        {
            let policy = OriginPolicy::new(&[origin.to_owned()], false).unwrap();
            assert!(policy.allows(Some(origin)) && !policy.allows(Some(&format!("{origin}.evil.com"))), "{origin}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_by_name() {
        for entry in
            ["*", "localhost:4200", "http://", "http://a/b", "HTTP://a", "ws://a", "1://a", "a b://a", "http://u@a"]
        {
            assert!(OriginPolicy::new(&[entry.to_owned()], false).unwrap_err().contains(entry), "{entry}");
        }
    }
}
