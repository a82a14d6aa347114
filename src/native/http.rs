//! HTTP requests by `reqwest`: no redirects, and cookies for those that ask for them, in one jar for each session.

use std::sync::Arc;

use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;

use crate::proto::Secret;
use crate::proto::http::{HttpRequest, HttpResponse, MAX_BODY, Method, NoAnswer};

/// A client with a jar of cookies. Clones share both.
#[derive(Clone)]
pub(super) struct Http {
    plain: reqwest::Client,
    with_cookies: reqwest::Client,
    jar: Arc<Jar>,
}

impl Http {
    pub(super) fn new() -> Self {
        choose_provider();
        let jar = Arc::new(Jar::default());
        let client = || reqwest::Client::builder().redirect(Policy::none());
        let built = |builder: reqwest::ClientBuilder| builder.build().unwrap_or_default();
        Self { plain: built(client()), with_cookies: built(client().cookie_provider(Arc::clone(&jar))), jar }
    }

    /// Makes a request. What goes wrong is not looked at, since it may quote the request: it is one without an answer.
    pub(super) async fn ask(&self, http: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let client = if http.cookies { &self.with_cookies } else { &self.plain };
        let method = match http.method {
            Method::Delete => reqwest::Method::DELETE,
            Method::Get => reqwest::Method::GET,
            Method::Patch => reqwest::Method::PATCH,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        };
        let mut request = client.request(method, &http.url);
        request = request.header(ACCEPT, "application/json");
        if let Some(authorization) = http.authorization.as_ref().filter(|text| !text.expose().is_empty()) {
            request = request.header(AUTHORIZATION, sensitive(authorization).ok_or(NoAnswer::Failed)?);
        }
        if let Some(body) = &http.body {
            request = request.header(CONTENT_TYPE, body.encoding.media_type()).body(body.text.expose().to_owned());
        }
        let mut response = request.send().await.map_err(|_| NoAnswer::Failed)?;
        let header = |name| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let (status, retry_after, date) = (response.status().as_u16(), header(RETRY_AFTER), header(DATE));
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| NoAnswer::Failed)? {
            if bytes.len() + chunk.len() > MAX_BODY {
                return Err(NoAnswer::TooLong);
            }
            bytes.extend_from_slice(&chunk);
        }
        let body = Secret::new(String::from_utf8_lossy(&bytes).into_owned());
        Ok(HttpResponse { status, retry_after, date, body })
    }

    /// The cookies that go to an address, as a header.
    pub(super) fn cookies_for(&self, url: &str) -> Option<HeaderValue> {
        // The jar knows http: and https: alone; a cookie is the same for both (RFC 6265bis §5.8.3 counts wss: as secure).
        let url = url::Url::parse(&url.replacen("ws", "http", 1)).ok()?;
        self.jar.cookies(&url)
    }
}

/// A header that no log shows.
pub(super) fn sensitive(secret: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(secret.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Sees to it that TLS has its cryptography: whichever the program has chosen stays.
pub(super) fn choose_provider() {
    rustls::crypto::ring::default_provider().install_default().ok();
}
