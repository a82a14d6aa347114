//! HTTP requests by `fetch`: no cookies unless asked for, no cache, no redirects to elsewhere, and an end when dropped.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_net::http::Response;
use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{AbortController, RequestInit};

use crate::proto::Secret;
use crate::proto::http::{HttpRequest, HttpResponse, Method, NoAnswer};

/// A request in flight; dropping it aborts it.
#[derive(Debug)]
pub(crate) struct Fetch {
    abort: Option<AbortController>,
}

type Done = Box<dyn FnOnce(Result<HttpResponse, NoAnswer>)>;

/// What is known until the request is done. Two promises in a row need no executor, which would be a thirtieth of the wasm.
struct Pending {
    done: Done,
    response: Option<web_sys::Response>,
    /// Hears of both promises, and of each by either end.
    settled: Closure<dyn FnMut(JsValue)>,
}

impl Fetch {
    /// Starts a request. `done` is called once, later, never from within.
    pub(crate) fn start(request: &HttpRequest, done: Done) -> Self {
        let abort = if request.is_farewell { None } else { AbortController::new().ok() };
        // Whatever is wrong with the request rejects the promise.
        let promise = fetch(&request.url, &init_of(request, abort.as_ref()));
        let pending = Rc::new(RefCell::new(None));
        let settled = {
            let pending = Rc::clone(&pending);
            Closure::new(move |value| on_settled(&pending, value))
        };
        wait(&promise, &settled);
        *pending.borrow_mut() = Some(Pending { done, response: None, settled });
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

/// What the browser is to send.
fn init_of(request: &HttpRequest, abort: Option<&AbortController>) -> RequestInit {
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
    set(&init, "keepalive", request.is_farewell.then_some("true"));
    set(&init, "body", request.body.as_ref().map(|body| body.text.expose()));
    init.set_headers(&headers);
    init.set_signal(abort.map(AbortController::signal).as_ref());
    init
}

/// Takes the response, then its text. Anything else is what went wrong, which is not looked at: it may quote the request, and
/// it is a request without an answer.
fn on_settled(pending: &RefCell<Option<Pending>>, value: JsValue) {
    let Some(mut asked) = pending.take() else { return };
    let result = match (value.as_string(), asked.response.take()) {
        (Some(text), Some(response)) => Ok(answer_of(response, text)),
        (_, None) => match text_of(&value) {
            Ok(promise) => {
                wait(&promise, &asked.settled);
                asked.response = Some(value.unchecked_into());
                pending.replace(Some(asked));
                return;
            }
            Err(_) => Err(NoAnswer),
        },
        (None, Some(_)) => Err(NoAnswer),
    };
    (asked.done)(result);
}

fn wait(promise: &Promise, settled: &Closure<dyn FnMut(JsValue)>) {
    // The promise that this makes is not looked at: the closure neither throws nor returns anything.
    drop(promise.then2(settled, settled));
}

fn answer_of(response: web_sys::Response, text: String) -> HttpResponse {
    let response = Response::from(response);
    let headers = response.headers();
    HttpResponse {
        status: response.status(),
        retry_after: headers.get("retry-after"),
        date: headers.get("date"),
        body: Secret::new(text),
    }
}

#[wasm_bindgen]
extern "C" {
    fn fetch(url: &str, init: &JsValue) -> Promise;

    /// A response, or an error, which has no text.
    type Settled;
    #[wasm_bindgen(method, catch)]
    fn text(this: &Settled) -> Result<Promise, JsValue>;
}

fn text_of(settled: &JsValue) -> Result<Promise, JsValue> {
    settled.unchecked_ref::<Settled>().text()
}

/// Sets a member, if it has a value. A plain object takes every one.
#[inline(never)]
fn set(object: &JsValue, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        Reflect::set(object, &name.into(), &value.into()).ok();
    }
}
