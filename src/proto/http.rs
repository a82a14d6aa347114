//! HTTP requests and responses of the machines, as plain data.
//!
//! Source: RFC 9110; `Retry-After` is §10.2.3.

use super::contract::numbered;
use super::hint::RETRY_AFTER_CAP;
use super::{Json, Now, Secret, UnixTime};
use crate::error::{HttpError, Malformed};
use crate::platform;
use crate::proto::Millis;

numbered! {
    /// Whether a call carries cookies and keeps those of its answer (WHATWG Fetch, credentials mode).
    pub enum Credentials {
        /// It does.
        Include = 1 "include",
        /// It does not.
        Omit = 0 "omit",
    }
}

numbered! {
/// A request method.
pub enum Method {
    /// `DELETE`
    Delete = 2 "DELETE",
    /// `GET`; never with a body: `fetch` throws.
    Get = 1 "GET",
    /// `PATCH`
    Patch = 3 "PATCH",
    /// `POST`
    Post = 0 "POST",
    /// `PUT`
    Put = 4 "PUT",
}
}

numbered! {
    /// The purpose of a request. The driver may send each in another way.
    pub enum HttpCall {
        /// A login.
        Login = 0 "login",
        /// A logout.
        Logout = 1 "logout",
        /// A probe, after a failed handshake.
        Probe = 2 "probe",
        /// A renewal of the tokens.
        Refresh = 3 "refresh",
        /// The question whether the browser holds a session that no script sees.
        Restore = 5 "restore",
        /// A ticket.
        Ticket = 4 "ticket",
    }
}

/// A request for the driver to make.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// The purpose.
    pub call: HttpCall,
    /// The method.
    pub method: Method,
    /// The absolute URL; it holds no credential.
    pub url: String,
    /// The `Authorization` header; an empty text is none.
    pub authorization: Option<Secret>,
    /// The body.
    pub body: Option<Body>,
    /// Whether cookies go along and are taken.
    pub cookies: bool,
    /// Whether it outlives its session and the page (`keepalive` of the Fetch standard). Its answer is not needed.
    pub keepalive: bool,
}

/// What a request sends.
#[derive(Clone, Debug)]
pub struct Body {
    /// The text.
    pub text: Secret,
    /// How it is written.
    pub encoding: BodyEncoding,
}

impl Body {
    /// Writes a JSON value.
    pub(crate) fn new(value: &Json, encoding: BodyEncoding) -> Self {
        let text = match encoding {
            BodyEncoding::Form => value.form(),
            BodyEncoding::Json => value.print(),
        };
        Self { text: Secret::new(text), encoding }
    }
}

numbered! {
/// How the body of a request is written.
pub enum BodyEncoding {
    /// `application/x-www-form-urlencoded`: what OAuth 2 asks for (RFC 6749 §4 to §6).
    Form = 1 "form",
    /// `application/json`
    Json = 0 "json",
}
}

impl BodyEncoding {
    /// Returns the media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Form => "application/x-www-form-urlencoded",
            Self::Json => "application/json",
        }
    }
}

/// An answer, of whatever status.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// `Retry-After`, where it can be read.
    pub retry_after: Option<String>,
    /// `Date`, where it can be read.
    pub date: Option<String>,
    /// The body.
    pub body: Secret,
}

/// The longest body that a driver reads, in bytes: an answer to a login, a renewal or a call for a ticket is a thousandth of it.
pub const MAX_BODY: usize = 1 << 20;

/// There was no answer that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The driver could not send the request or read the response.
    Failed,
    /// The body is longer than [`MAX_BODY`].
    TooLong,
}

/// What an endpoint means by its answers, beside the usual.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meanings {
    /// An answer that is a refusal although its status says success.
    pub(crate) reject: Option<Json>,
    /// Statuses that count as a 401.
    pub(crate) unauthorized: Vec<u16>,
    /// Statuses that count as a 403.
    pub(crate) forbidden: Vec<u16>,
}

/// Reads a successful JSON answer. One that `reject` describes is a refusal: some servers refuse with a 200.
///
/// # Errors
/// Any other status, a redirect (RFC 9110 §15.4), no answer, or no JSON.
pub(crate) fn json_of(
    now: Now,
    result: &Result<HttpResponse, NoAnswer>,
    Meanings { reject, unauthorized, forbidden }: &Meanings,
) -> Result<Json, HttpError> {
    let response = result.as_ref().map_err(|none| match none {
        NoAnswer::Failed => HttpError::Network,
        NoAnswer::TooLong => HttpError::Malformed(Malformed::TooLong),
    })?;
    if matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return Err(HttpError::Redirected);
    }
    let status = response.status;
    if !(200..300).contains(&status) {
        let retry_after = response.retry_after.as_deref().and_then(|text| retry_after(now.unix, text));
        return Err(match status {
            _ if unauthorized.contains(&status) => HttpError::Unauthorized { status },
            _ if forbidden.contains(&status) => HttpError::Forbidden { status },
            401 => HttpError::Unauthorized { status },
            403 => HttpError::Forbidden { status },
            _ => HttpError::Status { status, retry_after },
        });
    }
    let json = Json::parse(response.body.expose()).ok_or(HttpError::Malformed(Malformed::NotJson))?;
    if reject.as_ref().is_some_and(|reject| reject.matches(&json)) {
        return Err(HttpError::Unauthorized { status });
    }
    Ok(json)
}

/// Reads an HTTP-date (RFC 9110 §5.6.7).
pub(crate) fn http_date(text: &str) -> Option<UnixTime> {
    date_or_span(text)?.ok()
}

/// Reads `Retry-After`: seconds or an HTTP-date. A past date is no wait, garbage is none at all, and all is capped.
fn retry_after(now: UnixTime, text: &str) -> Option<Millis> {
    let delay = date_or_span(text)?.map_or_else(|span| span, |date| date.since(now));
    Some(delay.min(RETRY_AFTER_CAP))
}

/// A date as one, and a number of seconds as a span: 10⁸ of them are 1973 for the one and three years for the other.
fn date_or_span(text: &str) -> Option<Result<UnixTime, Millis>> {
    let millis = platform::number_of(text).filter(|seconds| *seconds >= 0.0)? * 1000.0;
    Some(if millis < 1e11 { Err(Millis::from_millis(millis as u64)) } else { Ok(UnixTime::from_millis(millis as i64)) })
}

#[cfg(test)]
mod tests {
    use super::super::Instant;
    use super::*;

    fn status_with(retry_after: &str) -> HttpError {
        let response = HttpResponse {
            status: 429,
            retry_after: Some(retry_after.to_owned()),
            date: None,
            body: Secret::new(String::new()),
        };
        let now = Now { instant: Instant::from_millis(0), unix: UnixTime::from_millis(784_111_777_000) };
        json_of(now, &Ok(response), &Meanings::default()).unwrap_err()
    }

    #[test]
    fn only_2xx_is_an_answer_whatever_the_body() {
        let now = Now { instant: Instant::from_millis(0), unix: UnixTime::from_millis(0) };
        let answer = |status| {
            let body = Secret::new(r#"{"access":"token"}"#.to_owned());
            let response = HttpResponse { status, retry_after: None, date: None, body };
            json_of(now, &Ok(response), &Meanings::default()).map(|_| ())
        };
        for status in [200, 201, 299] {
            assert_eq!(answer(status), Ok(()));
        }
        for status in [0, 100, 199, 300, 304, 399, 400, 500] {
            assert_eq!(answer(status), Err(HttpError::Status { status, retry_after: None }));
        }
        assert_eq!(answer(401), Err(HttpError::Unauthorized { status: 401 }));
        assert_eq!(answer(403), Err(HttpError::Forbidden { status: 403 }));
        for status in [301, 302, 303, 307, 308] {
            assert_eq!(answer(status), Err(HttpError::Redirected));
        }
    }

    #[test]
    fn a_status_that_means_a_refusal_is_told_as_it_was() {
        let now = Now { instant: Instant::from_millis(0), unix: UnixTime::from_millis(0) };
        let refused = Json::parse(r#"{"ok":false}"#);
        let meanings = Meanings { reject: refused, unauthorized: vec![419, 403], forbidden: vec![423, 401] };
        let told = |status| {
            let body = Secret::new(r#"{"ok":false}"#.to_owned());
            json_of(now, &Ok(HttpResponse { status, retry_after: None, date: None, body }), &meanings).unwrap_err()
        };
        for status in [200, 403, 419] {
            assert_eq!(told(status), HttpError::Unauthorized { status });
        }
        for status in [401, 423] {
            assert_eq!(told(status), HttpError::Forbidden { status });
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_absurd() {
        let rows = [
            ("7", Some(7)),
            ("0", Some(0)),
            ("1000000000000", Some(300)),
            ("99999999999999999999999999", Some(300)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(300)),
            ("soon", None),
            ("-3", None),
            ("1.5e1", Some(15)),
            ("", None),
        ];
        for (text, seconds) in rows {
            let expected = HttpError::Status { status: 429, retry_after: seconds.map(Millis::from_secs) };
            assert_eq!(status_with(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_date_is_a_date_and_a_number_is_none() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(UnixTime::from_millis(784_111_777_000)));
        assert_eq!(http_date("7"), None);
        assert_eq!(http_date("today"), None);
    }
}
