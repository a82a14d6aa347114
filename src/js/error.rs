//! Errors as arrays: code, message, disposition, status, close code, seconds of `Retry-After`.

use wasm_bindgen::JsValue;

use super::events::list;
use crate::error::{ConfigError, Disposition, Problem, SendError, TokenError};
use crate::proto::millis;

pub(super) fn problem(problem: &Problem) -> JsValue {
    let failure = &problem.failure;
    error(failure.code(), failure.message(), problem.disposition, failure.status(), failure.close_code())
}

pub(super) fn token_error(token: TokenError) -> JsValue {
    error(token.code(), token.message(), token.disposition(), token.status(), None)
}

pub(super) fn config_error(config: &ConfigError) -> JsValue {
    error(config.code(), &config.message(), Disposition::GiveUp, None, None)
}

pub(super) fn send_error(send: SendError) -> JsValue {
    let disposition = match send {
        SendError::Closed => Disposition::GiveUp,
        SendError::QueueFull => Disposition::RETRY,
    };
    error(send.code(), send.message(), disposition, None, None)
}

/// What `GatepassError` is made of; the face names the parts.
#[inline(never)]
fn error(
    code: &'static str,
    message: &str,
    disposition: Disposition,
    status: Option<u16>,
    close_code: Option<u16>,
) -> JsValue {
    let retry_after = match disposition {
        Disposition::Retry { after } => after.map(|after| millis(after) as f64 / 1000.0),
        Disposition::RefreshToken | Disposition::SignIn | Disposition::GiveUp => None,
    };
    list(&[
        code.into(),
        message.into(),
        disposition.name().into(),
        status.into(),
        close_code.into(),
        retry_after.into(),
    ])
}
