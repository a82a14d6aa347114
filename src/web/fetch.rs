//! HTTP requests by `fetch`: no cookies unless asked for, no cache, no redirects to elsewhere, and an end when dropped.

use gloo_net::http::Response;
use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, RequestInit};

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
        let request = build(&request, abort.as_ref());
        spawn_local(async move {
            let result = match request {
                Some(request) => answer_to(request).await.ok(),
                None => None,
            };
            done(result.ok_or(NoAnswer));
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

/// Makes the browser's request. What it throws may quote the request, so it goes nowhere.
fn build(request: &HttpRequest, abort: Option<&AbortController>) -> Option<web_sys::Request> {
    // Plain objects: a setter for each member would cost a binding each.
    let headers = Object::new();
    set(&headers, "accept", Some("application/json"));
    set(&headers, "authorization", request.authorization.as_ref().map(Secret::expose));
    set(&headers, "content-type", request.body.as_ref().map(|body| body.encoding.media_type()));
    let init: RequestInit = Object::new().unchecked_into();
    set(&init, "method", Some(if request.method == Method::Get { "GET" } else { "POST" }));
    set(&init, "cache", Some("no-store"));
    set(&init, "credentials", Some(if request.cookies { "include" } else { "omit" }));
    set(&init, "redirect", Some("error"));
    set(&init, "body", request.body.as_ref().map(|body| body.text.expose()));
    init.set_headers(&headers);
    init.set_signal(abort.map(AbortController::signal).as_ref());
    web_sys::Request::new_with_str_and_init(&request.url, &init).ok()
}

/// What goes wrong is not looked at: it is a request without an answer.
async fn answer_to(request: web_sys::Request) -> Result<HttpResponse, JsValue> {
    let response: web_sys::Response = JsFuture::from(fetch(&request)).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?;
    let response = Response::from(response);
    let headers = response.headers();
    Ok(HttpResponse {
        status: response.status(),
        retry_after: headers.get("retry-after"),
        date: headers.get("date"),
        body: Secret::new(text.as_string().unwrap_or_default()),
    })
}

#[wasm_bindgen]
extern "C" {
    fn fetch(request: &web_sys::Request) -> Promise;
}

/// Sets a member, if it has a value. A plain object takes every one.
#[inline(never)]
fn set(object: &JsValue, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        Reflect::set(object, &name.into(), &value.into()).ok();
    }
}
