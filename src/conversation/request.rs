//! A request that was asked, and the wait for its answer.

use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::fmt;

use futures_channel::oneshot;
use serde::de::DeserializeOwned;

use super::Command;
use super::driver::Link;
use crate::error::JsonError;
use crate::proto::Json;
use crate::proto::conversation::{Fate, Input, RequestFailure, RequestId};

/// Why a request has no answer of the type.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// The request failed.
    #[error("{0}")]
    Failed(#[from] RequestFailure),
    /// The message is no JSON, or the answer does not fit the type.
    #[error("{0}")]
    Json(#[from] JsonError),
}

impl RequestError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Failed(failure) => failure.code(),
            Self::Json(_) => "MESSAGE_INVALID",
        }
    }

    /// Returns what is known of the message, if it was taken.
    #[must_use]
    pub const fn fate(&self) -> Option<Fate> {
        match self {
            Self::Failed(failure) => failure.fate(),
            // Its answer is there, or it could not be written.
            Self::Json(_) => None,
        }
    }

    /// Returns the server's words, if it has refused the request.
    #[must_use]
    pub const fn answer(&self) -> Option<&Json> {
        match self {
            Self::Failed(failure) => failure.answer(),
            Self::Json(_) => None,
        }
    }
}

/// A request that was asked: the future of its answer. Dropped before, it gives up.
#[must_use = "dropped, it gives up"]
pub struct Request<T> {
    pub(super) request: RequestId,
    pub(super) link: Link,
    pub(super) answer: oneshot::Receiver<Result<Json, RequestFailure>>,
    /// What was wrong with it from the start.
    pub(super) refused: Option<RequestError>,
    pub(super) types: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Future for Request<T> {
    type Output = Result<T, RequestError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(error) = self.refused.take() {
            return Poll::Ready(Err(error));
        }
        let answer = ready!(Pin::new(&mut self.answer).poll(context));
        // Nobody answers once the driver has ended.
        let answer = answer.unwrap_or(Err(RequestFailure::Closed(Fate::MaybeArrived)));
        Poll::Ready(answer.map_err(RequestError::Failed).and_then(|answer| Ok(answer.to()?)))
    }
}

impl<T> Drop for Request<T> {
    fn drop(&mut self) {
        // One that was answered is known no more.
        self.link.tell(Command::Input(Input::Abort(self.request)));
    }
}

impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("request", &self.request).finish_non_exhaustive()
    }
}
