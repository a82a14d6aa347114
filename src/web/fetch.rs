//! HTTP requests by `fetch`: no cookies, no cache, no redirects to elsewhere, and an end when dropped.

use gloo_net::http::{Method as HttpMethod, RequestBuilder};
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;

use crate::proto::Secret;
use crate::proto::http::{HttpRequest, HttpResponse, Method, NoAnswer};

/// A request in flight; dropping it aborts it.
#[derive(Debug)]
pub(crate) struct Fetch {
    abort: Option<AbortController>,
}

impl Fetch {
    /// Starts a request. `done` is called once, later, never from within.
    pub(crate) fn start(request: HttpRequest, done: impl FnOnce(Result<HttpResponse, NoAnswer>) + 'static) -> Self {
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
    let method = match request.method {
        Method::Get => HttpMethod::GET,
        Method::Post => HttpMethod::POST,
    };
    let mut builder = RequestBuilder::new(&request.url)
        .method(method)
        .abort_signal(signal)
        .cache(web_sys::RequestCache::NoStore)
        .credentials(web_sys::RequestCredentials::Omit)
        .redirect(web_sys::RequestRedirect::Error)
        .header("Accept", "application/json");
    if let Some(authorization) = &request.authorization {
        builder = builder.header("Authorization", authorization.expose());
    }
    let response = match &request.body {
        Some(body) => builder.header("Content-Type", "application/json").body(body.expose())?.send().await?,
        None => builder.send().await?,
    };
    let headers = response.headers();
    let (retry_after, date) = (headers.get("retry-after"), headers.get("date"));
    let body = Secret::new(response.text().await?);
    Ok(HttpResponse { status: response.status(), retry_after, date, body })
}
