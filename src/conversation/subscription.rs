//! A subscription, as one holder has it.

use core::future::poll_fn;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::collections::VecDeque;
use std::fmt;

use futures_channel::mpsc::UnboundedReceiver;
use futures_core::Stream;
use serde::de::DeserializeOwned;

use super::Command;
use super::desk::News;
use super::driver::Link;
use crate::error::JsonError;
use crate::proto::Json;
use crate::proto::conversation::{HolderId, Input, SubscriptionFailure};

/// What a subscription yields besides its messages.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SubscriptionError {
    /// It has ended before it was joined: by the server's last word, or because the socket is closed.
    #[error("CLOSED: the subscription has ended before it was joined")]
    Ended,
    /// This has ended it.
    #[error("{0}")]
    Failed(#[from] SubscriptionFailure),
    /// A message does not fit the type. The next one is read as if it had not been there.
    #[error("{0}")]
    Message(#[from] JsonError),
}

impl SubscriptionError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ended => "CLOSED",
            Self::Failed(failure) => failure.code(),
            Self::Message(_) => "MESSAGE_INVALID",
        }
    }

    /// Returns the server's words, if it has refused the subscription.
    #[must_use]
    pub const fn answer(&self) -> Option<&Json> {
        match self {
            Self::Failed(failure) => failure.answer(),
            Self::Ended | Self::Message(_) => None,
        }
    }
}

/// The messages of a subscription, across reconnects: a `Stream` of `T`. They are kept until they are read. A failure that ends it is the last item.
/// Dropped, it unsubscribes.
pub struct Subscription<T> {
    holder: HolderId,
    key: String,
    link: Link,
    news: UnboundedReceiver<News>,
    /// What has arrived, and was not read.
    messages: VecDeque<Json>,
    is_ready: bool,
    end: Option<End>,
    types: PhantomData<fn() -> T>,
}

/// How it has ended.
#[derive(Clone)]
enum End {
    Failed(SubscriptionFailure),
    /// The failure was read, or there is none.
    Over,
}

impl<T> Subscription<T> {
    pub(super) fn new(holder: HolderId, key: String, link: Link, news: UnboundedReceiver<News>) -> Self {
        Self { holder, key, link, news, messages: VecDeque::new(), is_ready: false, end: None, types: PhantomData }
    }

    /// Returns its key: that of [`Heard::Gap`](super::Heard::Gap), and of those that share it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Waits until the server has joined it: until its message was sent, or with `reply` until the answer is there.
    ///
    /// # Errors
    /// What has ended it.
    pub async fn ready(&mut self) -> Result<(), SubscriptionError> {
        loop {
            if self.is_ready {
                return Ok(());
            }
            match &self.end {
                Some(End::Failed(failure)) => return Err(failure.clone().into()),
                Some(End::Over) => return Err(SubscriptionError::Ended),
                None => poll_fn(|context| self.poll_news(context)).await,
            }
        }
    }

    /// Takes what has happened.
    fn poll_news(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match ready!(Pin::new(&mut self.news).poll_next(context)) {
            Some(News::Joined) => self.is_ready = true,
            Some(News::Message(message)) => self.messages.push_back(message),
            Some(News::Ended(Some(failure))) => {
                // What a former user has not read is nobody's.
                if failure == SubscriptionFailure::UserChanged {
                    self.messages.clear();
                }
                self.end = Some(End::Failed(failure));
            }
            Some(News::Ended(None)) | None => {
                self.end.get_or_insert(End::Over);
            }
        }
        Poll::Ready(())
    }
}

impl<T: DeserializeOwned> Subscription<T> {
    /// Waits for the next message, over reconnects. `None` after the end.
    pub async fn next(&mut self) -> Option<Result<T, SubscriptionError>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<T: DeserializeOwned> Stream for Subscription<T> {
    type Item = Result<T, SubscriptionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // All that has happened, since a user who changes takes with him what waits.
        while self.end.is_none() && self.poll_news(context).is_ready() {}
        if let Some(message) = self.messages.pop_front() {
            return Poll::Ready(Some(message.to().map_err(SubscriptionError::Message)));
        }
        match self.end.clone() {
            Some(End::Failed(failure)) => {
                self.end = Some(End::Over);
                Poll::Ready(Some(Err(failure.into())))
            }
            Some(End::Over) => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        self.link.tell(Command::Input(Input::Leave(self.holder)));
    }
}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("holder", &self.holder).finish_non_exhaustive()
    }
}
