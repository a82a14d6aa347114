//! Errors as plain objects: `{code, message, disposition, retryable, status?, closeCode?, retryAfter?}`.

use serde::Serialize;
use wasm_bindgen::JsValue;

use super::events::to_js;
use crate::error::{ConfigError, Disposition, Problem, SendError, TokenError};

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
        Self {
            status: problem.failure.status(),
            close_code: problem.failure.close_code(),
            ..Self::new(problem.failure.code(), problem.failure.to_string(), problem.disposition)
        }
    }
}

impl From<TokenError> for ErrorData {
    fn from(error: TokenError) -> Self {
        Self { status: error.status(), ..Self::new(error.code(), error.to_string(), error.disposition()) }
    }
}

impl ErrorData {
    fn new(code: &'static str, message: String, disposition: Disposition) -> Self {
        let retry_after = match disposition {
            Disposition::Retry { after } => after.map(|after| after.as_secs_f64()),
            Disposition::RefreshToken | Disposition::SignIn | Disposition::GiveUp => None,
        };
        let retryable = matches!(disposition, Disposition::Retry { .. } | Disposition::RefreshToken);
        let disposition = disposition.name();
        Self { code, message, disposition, retryable, status: None, close_code: None, retry_after }
    }
}

pub(super) fn token_error(error: TokenError) -> JsValue {
    to_js(&ErrorData::from(error))
}

pub(super) fn config_error(error: &ConfigError) -> JsValue {
    to_js(&ErrorData::new(error.code(), error.to_string(), Disposition::GiveUp))
}

pub(super) fn send_error(error: SendError) -> JsValue {
    let disposition = match error {
        SendError::Closed => Disposition::GiveUp,
        SendError::QueueFull => Disposition::RETRY,
    };
    to_js(&ErrorData::new(error.code(), error.to_string(), disposition))
}
