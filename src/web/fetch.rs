//! HTTP requests by `fetch`: no cookies, no cache, no redirects to elsewhere, and an end when dropped.

use gloo_net::http::{Headers, Request};
use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, RequestCache, RequestCredentials, RequestInit, RequestRedirect};

use crate::proto::Secret;
use crate::proto::http::{HttpRequest, HttpResponse, Method, NoAnswer};

/// A request in flight; dropping it aborts it.
#[derive(Debug)]
pub(crate) struct Fetch {
    abort: Option<AbortController>,
}

impl Fetch {
    /// Starts a request. `done` is called once, later, never from within.
    pub(crate) fn start(request: HttpRequest, done: Box<dyn FnOnce(Result<HttpResponse, NoAnswer>)>) -> Self {
        let abort = AbortController::new().ok();
        let signal = abort.as_ref().map(AbortController::signal);
        spawn_local(async move {
            let result = send(request, signal.as_ref()).await;
            done(result.map_err(|_| NoAnswer));
        });
        Self { abort }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        if let Some(abort) = &self.abort {
            abort.abort();
        }
    }
}

async fn send(request: HttpRequest, signal: Option<&web_sys::AbortSignal>) -> Result<HttpResponse, gloo_net::Error> {
    let init = RequestInit::new();
    init.set_method(match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
    });
    init.set_signal(signal);
    init.set_cache(RequestCache::NoStore);
    init.set_credentials(RequestCredentials::Omit);
    init.set_redirect(RequestRedirect::Error);
    let headers = Headers::new().into_raw();
    let set = |name, value| headers.set(name, value).map_err(|_| no_request());
    set("Accept", "application/json")?;
    if let Some(authorization) = &request.authorization {
        set("Authorization", authorization.expose())?;
    }
    if let Some(body) = &request.body {
        set("Content-Type", "application/json")?;
        init.set_body(&body.expose().into());
    }
    init.set_headers(&headers);
    let request = web_sys::Request::new_with_str_and_init(&request.url, &init).map_err(|_| no_request())?;
    let response = Request::from(request).send().await?;
    let headers = response.headers();
    let (retry_after, date) = (headers.get("retry-after"), headers.get("date"));
    let body = Secret::new(response.text().await?);
    Ok(HttpResponse { status: response.status(), retry_after, date, body })
}

/// What the browser throws may quote the request: it goes nowhere.
fn no_request() -> gloo_net::Error {
    gloo_net::Error::GlooError(String::new())
}
