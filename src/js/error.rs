//! Errors as arrays: code, message, disposition, status, close code, seconds of `Retry-After`.

use serde::Serialize;
use wasm_bindgen::JsValue;

use super::events::to_js;
use crate::error::{ConfigError, Disposition, Problem, SendError, TokenError};
use crate::proto::millis;

/// What `GatepassError` is made of; the face names the parts.
#[derive(Serialize)]
pub(super) struct ErrorData(&'static str, String, &'static str, Option<u16>, Option<u16>, Option<f64>);

impl From<&Problem> for ErrorData {
    fn from(problem: &Problem) -> Self {
        let failure = &problem.failure;
        Self::new(failure.code(), failure.message(), problem.disposition, failure.status(), failure.close_code())
    }
}

impl ErrorData {
    #[inline(never)]
    fn new(
        code: &'static str,
        message: &str,
        disposition: Disposition,
        status: Option<u16>,
        close_code: Option<u16>,
    ) -> Self {
        let retry_after = match disposition {
            Disposition::Retry { after } => after.map(|after| millis(after) as f64 / 1000.0),
            Disposition::RefreshToken | Disposition::SignIn | Disposition::GiveUp => None,
        };
        Self(code, message.to_owned(), disposition.name(), status, close_code, retry_after)
    }
}

pub(super) fn token_error(error: TokenError) -> JsValue {
    to_js(&ErrorData::new(error.code(), error.message(), error.disposition(), error.status(), None))
}

pub(super) fn config_error(error: &ConfigError) -> JsValue {
    to_js(&ErrorData::new(error.code(), &error.message(), Disposition::GiveUp, None, None))
}

pub(super) fn send_error(error: SendError) -> JsValue {
    let disposition = match error {
        SendError::Closed => Disposition::GiveUp,
        SendError::QueueFull => Disposition::RETRY,
    };
    to_js(&ErrorData::new(error.code(), error.message(), disposition, None, None))
}
