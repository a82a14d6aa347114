//! What belongs to no subscription and no request.

use core::future::poll_fn;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::fmt;

use futures_channel::mpsc::UnboundedReceiver;
use futures_core::Stream;
use serde::de::DeserializeOwned;

use crate::error::JsonError;
use crate::proto::Json;
use crate::proto::connection::Event;

/// Something that was heard.
#[derive(Clone, Debug)]
pub enum Heard<T> {
    /// Something happened to the socket.
    Event(Event),
    /// The server cannot go on where the client was: what lies between is lost. Load your state again.
    Gap {
        /// What the server said.
        message: Json,
        /// The key of the subscription, if the cursor is its own.
        key: Option<String>,
    },
    /// A message that belongs to no subscription and no request.
    Message(T),
    /// A message that is no JSON, or does not fit the type.
    Misfit(JsonError),
    /// The server goes on where the client was.
    Resumed {
        /// What the server said.
        message: Json,
        /// The key of the subscription, if the cursor is its own.
        key: Option<String>,
    },
}

/// A `Stream` of what belongs to no subscription. It ends with the conversation.
pub struct Messages<T> {
    receiver: UnboundedReceiver<Heard<Json>>,
    /// What has arrived, and was not read.
    heard: VecDeque<Heard<Json>>,
    types: PhantomData<fn() -> T>,
}

impl<T> Messages<T> {
    pub(super) const fn new(receiver: UnboundedReceiver<Heard<Json>>) -> Self {
        Self { receiver, heard: VecDeque::new(), types: PhantomData }
    }
}

impl<T: DeserializeOwned> Messages<T> {
    /// Waits for what happens next. `None` after the end.
    pub async fn next(&mut self) -> Option<Heard<T>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<T: DeserializeOwned> Stream for Messages<T> {
    type Item = Heard<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Heard<T>>> {
        let is_over = loop {
            match Pin::new(&mut self.receiver).poll_next(context) {
                Poll::Ready(Some(heard)) => {
                    // What a former user has not read is nobody's.
                    if matches!(&heard, Heard::Event(Event::StateChanged(change)) if change.user_changed) {
                        self.heard.retain(|heard| matches!(heard, Heard::Event(_)));
                    }
                    self.heard.push_back(heard);
                }
                Poll::Ready(None) => break true,
                Poll::Pending => break false,
            }
        };
        match self.heard.pop_front() {
            Some(heard) => Poll::Ready(Some(typed(heard))),
            None if is_over => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

fn typed<T: DeserializeOwned>(heard: Heard<Json>) -> Heard<T> {
    match heard {
        Heard::Event(event) => Heard::Event(event),
        Heard::Gap { message, key } => Heard::Gap { message, key },
        Heard::Message(message) => message.to().map_or_else(Heard::Misfit, Heard::Message),
        Heard::Misfit(error) => Heard::Misfit(error),
        Heard::Resumed { message, key } => Heard::Resumed { message, key },
    }
}

impl<T> fmt::Debug for Messages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}
