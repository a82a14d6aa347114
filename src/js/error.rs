//! Errors as plain objects: `{code, message, disposition, retryable, status?, closeCode?, retryAfter?}`.

use serde::Serialize;
use wasm_bindgen::JsValue;

use super::events::to_js;
use crate::error::{ConfigError, Disposition, Problem, SendError, TokenError};
use crate::proto::millis;

/// What `GatepassError` is made of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorData {
    code: &'static str,
    message: String,
    disposition: &'static str,
    retryable: bool,
    status: Option<u16>,
    close_code: Option<u16>,
    /// Seconds.
    retry_after: Option<f64>,
}

impl From<&Problem> for ErrorData {
    fn from(problem: &Problem) -> Self {
        let failure = &problem.failure;
        Self::new(failure.code(), failure, problem.disposition, failure.status(), failure.close_code())
    }
}

impl ErrorData {
    #[inline(never)]
    fn new(
        code: &'static str,
        message: &dyn core::fmt::Display,
        disposition: Disposition,
        status: Option<u16>,
        close_code: Option<u16>,
    ) -> Self {
        let retry_after = match disposition {
            Disposition::Retry { after } => after.map(|after| millis(after) as f64 / 1000.0),
            Disposition::RefreshToken | Disposition::SignIn | Disposition::GiveUp => None,
        };
        let retryable = matches!(disposition, Disposition::Retry { .. } | Disposition::RefreshToken);
        Self {
            code,
            message: message.to_string(),
            disposition: disposition.name(),
            retryable,
            status,
            close_code,
            retry_after,
        }
    }
}

pub(super) fn token_error(error: TokenError) -> JsValue {
    to_js(&ErrorData::new(error.code(), &error, error.disposition(), error.status(), None))
}

pub(super) fn config_error(error: &ConfigError) -> JsValue {
    to_js(&ErrorData::new(error.code(), error, Disposition::GiveUp, None, None))
}

pub(super) fn send_error(error: SendError) -> JsValue {
    let disposition = match error {
        SendError::Closed => Disposition::GiveUp,
        SendError::QueueFull => Disposition::RETRY,
    };
    to_js(&ErrorData::new(error.code(), &error, disposition, None, None))
}
