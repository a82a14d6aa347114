//! Failures as arrays: the face has the sentences (`SENTENCES`).
//!
//! What the caller did wrong comes with its words. Options are none of it: the face has checked them.

use js_sys::Array;
use wasm_bindgen::JsValue;

use super::parts::by_place;
use crate::error::{Disposition, Problem, SendError, TokenError};
use crate::proto::contract::FailurePart as At;

fn failure(sentence: u8, disposition: Disposition, status: Option<u16>, close_code: Option<u16>) -> JsValue {
    by_place(|part| match part {
        At::Sentence => sentence.into(),
        At::Remedy => disposition.remedy().number().into(),
        At::Status => status.into(),
        At::CloseCode => close_code.into(),
        At::RetryAfter => match disposition {
            Disposition::Retry { after } => after.map(|after| after.as_millis() as f64 / 1000.0),
            Disposition::RefreshToken | Disposition::SignIn | Disposition::GiveUp => None,
        }
        .into(),
    })
}

pub(super) fn problem(problem: &Problem) -> JsValue {
    let of = &problem.failure;
    failure(of.number(), problem.disposition, of.status(), of.close_code())
}

pub(super) fn token_error(token: TokenError) -> JsValue {
    failure(token.number(), token.disposition(), token.status(), None)
}

/// As an array of two texts.
pub(super) fn send_error(send: SendError) -> JsValue {
    Array::of2(&send.code().into(), &send.message().into()).into()
}
