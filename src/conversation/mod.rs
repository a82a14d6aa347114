//! A conversation over a socket, for a Rust app: messages are values of your types, subscriptions survive a reconnect, requests end with their answer, and
//! after a loss nothing is missed. It works with any protocol of JSON messages, because you say what they look like.
//!
//! It is the same over tokio (`native::Conversation`) and in a browser (`web::Conversation`). The rules are [`proto::conversation`](crate::proto::conversation);
//! `desk.rs` connects them with the app, and each driver carries what the desk asks for.

mod desk;
mod heard;
mod request;
mod subscription;

use core::marker::PhantomData;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_channel::{mpsc, oneshot};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(not(target_family = "wasm"))]
use crate::native::{self as driver, AuthSocket, Session};
#[cfg(target_family = "wasm")]
use crate::web::{self as driver, AuthSocket, Session};

use crate::error::ConfigError;
use crate::proto::Json;
use crate::proto::connection::ConnectionConfig;
use crate::proto::conversation::{
    Conversation as Rules, ConversationConfig, HolderId, RequestFailure, RequestId, RequestOptions, SubscribeOptions,
};

pub(crate) use desk::{Command, Desk, Job};
pub use heard::{Heard, Messages};
pub use request::{Request, RequestError};
pub use subscription::{Subscription, SubscriptionError};

/// A socket with subscriptions and requests. It closes with its value.
///
/// Its messages are JSON: texts, or bytes of one in UTF-8.
pub struct Conversation {
    socket: AuthSocket,
    link: driver::Link,
    /// What requests have in common.
    requests: RequestOptions,
    /// Whether the socket has a cursor.
    resumes: bool,
    next: AtomicU32,
}

impl Conversation {
    /// Makes a socket that waits for [`connect`](AuthSocket::connect) of [`Conversation::socket`]. A native one needs a tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the settings, or a scheme with a credential and no session.
    pub fn new(
        mut config: ConnectionConfig,
        session: Option<&Session>,
        options: ConversationConfig,
    ) -> Result<Self, ConfigError> {
        options.check()?;
        let (requests, resumes) = (options.requests.clone(), options.resume.is_some());
        let desk = Desk::new(&mut config, options);
        let (socket, link) = driver::converse(config, session, desk)?;
        Ok(Self { socket, link, requests, resumes, next: AtomicU32::new(0) })
    }

    /// Returns the socket, for what is neither a subscription nor a request: to connect, to send, to close, its state.
    #[must_use]
    pub const fn socket(&self) -> &AuthSocket {
        &self.socket
    }

    fn number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Subscribes: the message is sent now, and again on each connection, before anything else that waits. Those who subscribe with the same message or key
    /// share one, with the options of the first. It ends with its value; the last one with its key leaves.
    ///
    /// # Errors
    /// The message is no JSON, or what is wrong with the options. What the world does wrong ends the subscription.
    pub fn subscribe<T>(
        &self,
        message: &(impl Serialize + ?Sized),
        options: SubscribeOptions,
    ) -> Result<Subscription<T>, ConfigError> {
        options.check()?;
        let message = Json::of(message).map_err(|_| ConfigError::option("message", "JSON has no such value"))?;
        if options.id.is_some() && !message.has_places() {
            return Err(ConfigError::option("message", "an object is needed"));
        }
        if message.is_null() {
            return Err(ConfigError::option("message", "it is needed"));
        }
        if options.resume.is_none() && !self.resumes && Rules::has_cursor(&message) {
            return Err(ConfigError::option("resume", "`$cursor` in the message needs it"));
        }
        let holder = HolderId(self.number());
        let key = options.key.clone().unwrap_or_else(|| message.print());
        let (sender, news) = mpsc::unbounded();
        self.link.tell(Command::Subscribe { holder, message, options: Box::new(options), sender });
        Ok(Subscription::new(holder, key, self.link.clone(), news))
    }

    /// Asks at once, with the options that all requests of this conversation have in common. The future is the answer; dropped before, it gives up, and
    /// a late answer changes nothing.
    ///
    /// # Errors
    /// Of the future: the server's refusal, a loss, no answer in time, another user, a closed socket, too many requests; or what is no JSON, or not of the
    /// type.
    pub fn request<A: Serialize + ?Sized, B: DeserializeOwned>(&self, message: &A) -> Request<B> {
        self.request_with(message, self.requests.clone())
    }

    /// The same with options of its own.
    ///
    /// # Errors
    /// As [`Conversation::request`], and [`RequestFailure::Options`].
    pub fn request_with<A: Serialize + ?Sized, B: DeserializeOwned>(
        &self,
        message: &A,
        options: RequestOptions,
    ) -> Request<B> {
        let request = RequestId(self.number());
        let (sender, answer) = oneshot::channel();
        let checked = options.check().map_err(|error| RequestFailure::Options(error).into());
        let message = checked.and_then(|()| Ok(Json::of(message)?));
        let refused = message.map(|message| {
            self.link.tell(Command::Request { request, message, options: Box::new(options), sender });
        });
        Request { request, link: self.link.clone(), answer, refused: refused.err(), types: PhantomData }
    }

    /// Listens to what belongs to no subscription and no request: messages, events of the socket, and where the server goes on. It begins with what
    /// happens next, and keeps it until it is read. What nobody listens to is not kept.
    #[must_use]
    pub fn messages<T>(&self) -> Messages<T> {
        let (sender, heard) = mpsc::unbounded();
        self.link.tell(Command::Listen(sender));
        Messages::new(heard)
    }

    /// Returns the last cursors, to be stored for another time: [`ConversationConfig::cursors`]. `None` if the driver has ended.
    pub async fn cursors(&self) -> Option<Vec<(String, Json)>> {
        let (sender, cursors) = oneshot::channel();
        self.link.tell(Command::Cursors(sender));
        cursors.await.ok()
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").field("socket", &self.socket).finish_non_exhaustive()
    }
}
