//! Errors as numbers: the face has the names and the sentences (`SENTENCES`).
//!
//! What the caller did wrong comes with its words. Options are none of it: the face has checked them.

use wasm_bindgen::JsValue;

use super::parts::list;
use crate::error::{Disposition, Problem, SendError, TokenError};

/// A failure in numbers; what is not there is 0, but for the seconds of `Retry-After`, which are below it.
#[derive(Clone, Copy, Default)]
pub(super) struct Numbers {
    /// From 1; 0 is no failure.
    pub(super) number: u8,
    pub(super) disposition: u8,
    pub(super) status: u16,
    pub(super) close_code: u16,
    pub(super) retry_after: f64,
}

impl Numbers {
    fn new(number: u8, disposition: Disposition, status: Option<u16>, close_code: Option<u16>) -> Self {
        let after = match disposition {
            Disposition::Retry { after } => after,
            Disposition::RefreshToken | Disposition::SignIn | Disposition::GiveUp => None,
        };
        Self {
            number: number + 1,
            disposition: disposition.remedy().number(),
            status: status.unwrap_or(0),
            close_code: close_code.unwrap_or(0),
            retry_after: after.map_or(-1.0, |after| after.as_millis() as f64 / 1000.0),
        }
    }

    pub(super) fn of_problem(problem: &Problem) -> Self {
        let failure = &problem.failure;
        Self::new(failure.number(), problem.disposition, failure.status(), failure.close_code())
    }

    pub(super) fn of_token(token: TokenError) -> Self {
        Self::new(token.number(), token.disposition(), token.status(), None)
    }
}

/// As an array: number, disposition, status, close code, seconds of `Retry-After`.
pub(super) fn token_error(token: TokenError) -> JsValue {
    let Numbers { number, disposition, status, close_code, retry_after } = Numbers::of_token(token);
    list(&[number.into(), disposition.into(), status.into(), close_code.into(), retry_after.into()])
}

/// As an array of two texts.
pub(super) fn send_error(send: SendError) -> JsValue {
    list(&[send.code().into(), send.message().into()])
}
