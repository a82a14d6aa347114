//! HTTP requests by `fetch`: no cookies unless asked for, no cache, no redirects to elsewhere, and an end when dropped.

use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;

use super::listener::Listener;
use crate::platform::text_at;
use crate::proto::Secret;
use crate::proto::http::{HttpRequest, HttpResponse, Method, NoAnswer};
use crate::proto::session::{NoToken, Provided};
use crate::proto::token::Lifetime;

#[wasm_bindgen(module = "/src/web/driver.js")]
extern "C" {
    fn request(
        url: &str,
        method: &str,
        authorization: Option<&str>,
        media_type: Option<&str>,
        body: Option<&str>,
        cookies: bool,
        keepalive: bool,
        done: &JsValue,
    ) -> JsValue;
}

/// A request in flight; dropping it ends it, unless it is a farewell.
#[derive(Debug)]
pub(crate) struct Fetch {
    end: JsValue,
    _done: Listener,
}

impl Fetch {
    /// Starts a request. `done` is called once, later, never from within.
    pub(crate) fn start(http: &HttpRequest, done: impl Fn(Result<HttpResponse, NoAnswer>) + 'static) -> Self {
        let done = Listener::new(move |_, answer| done(answer_of(&answer)));
        let body = http.body.as_ref();
        let end = request(
            &http.url,
            if http.method == Method::Get { "GET" } else { "POST" },
            http.authorization.as_ref().map(Secret::expose),
            body.map(|body| body.encoding.media_type()),
            body.map(|body| body.text.expose()),
            http.cookies,
            http.is_farewell,
            done.as_js(),
        );
        Self { end, _done: done }
    }

    /// Asks the app's own source of tokens: see `Surroundings::source`.
    pub(crate) fn ask(source: &Function, reason: &str, done: impl Fn(Result<Provided, NoToken>) + 'static) -> Self {
        let done = Listener::new(move |kind, tokens| {
            let parts: &Array = tokens.unchecked_ref();
            let number = |index| parts.get(index).as_f64();
            done(match kind {
                0 => Ok(Provided {
                    access: Secret::new(text_at(parts, 0)),
                    lifetime: Lifetime { expires_in: number(1), expires_at: number(2) },
                }),
                1 => Err(NoToken::Failed),
                _ => Err(NoToken::SignInRequired),
            });
        });
        let end = source.call2(&JsValue::NULL, &reason.into(), done.as_js()).unwrap_or_default();
        Self { end, _done: done }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        // It throws nothing.
        drop(self.end.unchecked_ref::<Function>().call0(&JsValue::NULL));
    }
}

fn answer_of(answer: &JsValue) -> Result<HttpResponse, NoAnswer> {
    if answer.is_undefined() {
        return Err(NoAnswer);
    }
    let parts: &Array = answer.unchecked_ref();
    let text = |index| parts.get(index).as_string();
    Ok(HttpResponse {
        status: parts.get(0).as_f64().unwrap_or_default() as u16,
        retry_after: text(1),
        date: text(2),
        body: Secret::new(text(3).unwrap_or_default()),
    })
}
