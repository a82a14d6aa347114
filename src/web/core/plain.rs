//! Plain values: what is read of an array, and what is written into one.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use crate::error::{Disposition, TokenError};
use crate::platform::text_at;
use crate::proto::contract::{FailurePart, HttpEnd, Numbered, RequirementKind};
use crate::proto::http::{HttpRequest, HttpResponse, NoAnswer};
use crate::proto::session::{AccessToken, SessionView, TokenRequirement};
use crate::proto::{Instant, Millis, Now, Secret, UnixTime};

#[wasm_bindgen]
extern "C" {
    /// An array that values are written into, one behind the other.
    #[derive(Debug)]
    pub type Plain;
    #[wasm_bindgen(method, js_name = push)]
    pub(super) fn number(this: &Plain, value: f64);
    #[wasm_bindgen(method, js_name = push)]
    pub(super) fn maybe_number(this: &Plain, value: Option<f64>);
    #[wasm_bindgen(method, js_name = push)]
    pub(super) fn text(this: &Plain, value: &str);
    #[wasm_bindgen(method, js_name = push)]
    pub(super) fn maybe_text(this: &Plain, value: Option<&str>);
    #[wasm_bindgen(method, js_name = push)]
    pub(super) fn flag(this: &Plain, value: bool);
    #[wasm_bindgen(method, js_name = push)]
    pub(super) fn row(this: &Plain, value: &Plain);
    #[wasm_bindgen(method, js_name = push)]
    fn nothing(this: &Plain, value: JsValue);
}

/// What the face is told of a failure.
pub(super) struct Told {
    pub(super) sentence: u8,
    pub(super) disposition: Disposition,
    pub(super) status: Option<u16>,
    pub(super) close_code: Option<u16>,
    pub(super) length: Option<usize>,
}

impl Plain {
    pub(super) fn new() -> Self {
        Array::new().unchecked_into()
    }

    /// A row of an enum's variants, in the order of their places.
    pub(super) fn parts<P: Numbered>(&self, write: impl Fn(&Self, P)) {
        let row = Self::new();
        P::ALL.iter().for_each(|part| write(&row, *part));
        self.row(&row);
    }

    /// A failure: [`FailurePart`], or undefined.
    pub(super) fn failure(&self, failure: Option<Told>) {
        let Some(Told { sentence, disposition, status, close_code, length }) = failure else {
            return self.nothing(JsValue::UNDEFINED);
        };
        self.parts(|row, part| match part {
            FailurePart::Sentence => row.number(sentence.into()),
            FailurePart::Remedy => row.number(disposition.remedy().number().into()),
            FailurePart::Status => row.maybe_number(status.map(f64::from)),
            FailurePart::CloseCode => row.maybe_number(close_code.map(f64::from)),
            FailurePart::Length => row.maybe_number(length.map(|length| length as f64)),
            FailurePart::RetryAfter => row.maybe_number(match disposition {
                Disposition::Retry { after } => after.map(|after| after.as_millis() as f64 / 1000.0),
                Disposition::RefreshToken | Disposition::SignIn | Disposition::GiveUp => None,
            }),
        });
    }

    pub(super) fn token_error(&self, error: Option<TokenError>) {
        self.failure(error.map(|error| Told {
            sentence: error.number(),
            disposition: error.disposition(),
            status: error.status(),
            close_code: None,
            length: None,
        }));
    }

    /// The number of an HTTP request, and the request: URL, method, `Authorization`, media type, body, cookies, whether nothing ends it, and the purpose.
    pub(super) fn http(&self, id: u32, http: &HttpRequest) {
        let body = http.body.as_ref();
        self.number(id.into());
        self.text(&http.url);
        self.text(http.method.name());
        self.maybe_text(http.authorization.as_ref().map(Secret::expose));
        self.maybe_text(body.map(|body| body.encoding.media_type()));
        self.maybe_text(body.map(|body| body.text.expose()));
        self.flag(http.cookies);
        self.flag(http.keepalive);
        self.number(http.call.number().into());
    }

    /// A session as a connection sees it.
    pub(super) fn view(&self, view: SessionView) {
        let row = Self::new();
        row.number(view.user_epoch.into());
        row.number(view.sign_in_count.into());
        row.number(view.generation.into());
        row.flag(view.is_signed_in);
        self.row(&row);
    }

    /// A failure, or undefined and a token: its `Authorization`, where in that it begins, generation, user, sign-ins and since when.
    pub(super) fn token(&self, result: &Result<AccessToken, TokenError>) {
        self.token_error(result.as_ref().err().copied());
        let Ok(token) = result else { return };
        self.text(token.authorization.expose());
        self.number(token.start as f64);
        self.number(token.generation.into());
        self.number(token.user_epoch.into());
        self.number(token.sign_in_count.into());
        self.number(token.since.as_millis() as f64);
    }
}

/// What came in: a value, or an array of values.
#[derive(Clone)]
pub(in crate::web) struct Given(pub(in crate::web) JsValue);

impl Given {
    pub(in crate::web) fn at(&self, place: u32) -> Self {
        Self(self.array().get(place))
    }

    /// What is none has no length.
    pub(super) fn array(&self) -> &Array {
        self.0.unchecked_ref()
    }

    pub(in crate::web) fn number(&self, place: u32) -> Option<f64> {
        self.array().get(place).as_f64()
    }

    /// A number that is always there.
    pub(in crate::web) fn count(&self, place: u32) -> f64 {
        self.number(place).unwrap_or_default()
    }

    pub(in crate::web) fn text(&self, place: u32) -> String {
        text_at(self.array(), place)
    }

    pub(super) fn secret(&self, place: u32) -> Secret {
        Secret::new(self.text(place))
    }

    pub(super) fn maybe_text(&self, place: u32) -> Option<String> {
        self.array().get(place).as_string()
    }

    pub(in crate::web) fn flag(&self, place: u32) -> bool {
        self.array().get(place).is_truthy()
    }

    /// The variant at a place; an unknown number is thrown, and ends the machine.
    pub(super) fn choice<T: Numbered>(&self, place: u32) -> T {
        known(self.number(place).unwrap_or(255.0) as u32)
    }
}

/// The variant of a number; an unknown one is thrown, and ends the machine.
pub(super) fn known<T: Numbered>(number: u32) -> T {
    let variant = u8::try_from(number).ok().and_then(T::from_number);
    variant.unwrap_or_else(|| wasm_bindgen::throw_str(T::ENUM))
}

/// The last moment that a date of JavaScript can be (ECMA-262, time values): a clock that shows a later one is broken.
const LAST: f64 = 8.64e15;

/// A monotonic clock, as JavaScript has it.
pub(super) fn instant(millis: f64) -> Instant {
    Instant::from_millis(millis.min(LAST) as u64)
}

/// Both clocks, as JavaScript has them.
pub(super) fn now(monotonic: f64, unix: f64) -> Now {
    Now { instant: instant(monotonic), unix: UnixTime::from_millis(unix.clamp(-LAST, LAST) as i64) }
}

/// How an HTTP request ended: [`HttpEnd`], then status, `Retry-After`, `Date` and body.
pub(super) fn answer(given: &Given) -> Result<HttpResponse, NoAnswer> {
    match given.choice(0) {
        HttpEnd::Response => Ok(HttpResponse {
            status: given.count(1) as u16,
            retry_after: given.maybe_text(2),
            date: given.maybe_text(3),
            body: given.secret(4),
        }),
        HttpEnd::Failed => Err(NoAnswer::Failed),
        HttpEnd::TooLong => Err(NoAnswer::TooLong),
    }
}

/// The kind of a requirement, and its generation or milliseconds.
pub(in crate::web) fn requirement_parts(requirement: TokenRequirement) -> (RequirementKind, f64) {
    match requirement {
        TokenRequirement::PreferOther(generation) => (RequirementKind::PreferOther, f64::from(generation)),
        TokenRequirement::OtherThan(generation) => (RequirementKind::OtherThan, f64::from(generation)),
        TokenRequirement::ValidFor(time) => (RequirementKind::ValidFor, time.as_millis() as f64),
    }
}

/// A session as a connection sees it. Missing values mean that nobody is signed in.
pub(in crate::web) fn view(given: &Given) -> SessionView {
    let [user_epoch, sign_in_count, generation] = [0, 1, 2].map(|place| given.count(place) as u32);
    SessionView { user_epoch, sign_in_count, generation, is_signed_in: given.flag(3) }
}

/// What [`Plain::token_error`] has written.
pub(in crate::web) fn token_error(given: &Given) -> Option<TokenError> {
    if given.0.is_undefined() {
        return None;
    }
    let sentence = given.count(FailurePart::Sentence.place()) as u8;
    let status = given.count(FailurePart::Status.place()) as u16;
    let after = given.number(FailurePart::RetryAfter.place());
    let after = after.map(|seconds| Millis::from_millis((seconds * 1000.0 + 0.5) as u64));
    let error = TokenError::of_number(sentence, status, after);
    Some(error.unwrap_or_else(|| wasm_bindgen::throw_str("TokenError")))
}

/// What [`Plain::token`] has written.
pub(in crate::web) fn read_token(given: &Given) -> Result<AccessToken, TokenError> {
    if let Some(error) = token_error(&given.at(0)) {
        return Err(error);
    }
    Ok(AccessToken {
        authorization: given.secret(1),
        start: given.count(2) as usize,
        generation: given.count(3) as u32,
        user_epoch: given.count(4) as u32,
        sign_in_count: given.count(5) as u32,
        since: Instant::from_millis(given.count(6) as u64),
    })
}
