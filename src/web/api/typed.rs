//! Messages, credentials and answers as an app's own types, by serde.

use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::fmt;

use futures_core::Stream;
use futures_sink::Sink;
use js_sys::{ArrayBuffer, JSON, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsCast, JsValue};

use super::connection::AuthSocket;
use super::stream::{Incoming, SocketStream};
use crate::error::JsonError;
use crate::proto::connection::Sent;
use crate::proto::session::LoginError;
use crate::proto::{Json, Secret};

impl AuthSocket {
    /// Sends a value as JSON text, otherwise as [`AuthSocket::send`].
    ///
    /// # Errors
    /// The value cannot be written as JSON, or the message was not taken.
    pub fn send_json<T: Serialize + ?Sized>(&self, message: &T) -> Result<Sent, JsonError> {
        Ok(self.send(&text_of(message)?)?)
    }
}

impl Incoming {
    /// Reads a message as JSON: a text, or bytes of one in UTF-8. `None` for an event. Numbers are those of JavaScript: whole ones up to 2⁵³.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> Option<Result<T, JsonError>> {
        match self {
            Self::Event(_) => None,
            Self::Message(data) => Some(value_of(data)),
        }
    }
}

impl SocketStream {
    /// Makes a stream of values of one type, and a sink of values of another.
    #[must_use]
    pub fn json<In, Out>(self) -> JsonStream<In, Out> {
        JsonStream { stream: self, types: PhantomData }
    }
}

/// A [`SocketStream`] whose messages are JSON: a `Stream` of `In` and a `Sink` of `Out`. A message that does not fit is an error in its place,
/// and the next one is read as if it had not been there. Events are left out; whoever needs them reads a [`SocketStream`] with
/// [`Incoming::json`].
pub struct JsonStream<In, Out> {
    stream: SocketStream,
    types: PhantomData<fn(Out) -> In>,
}

impl<In, Out> JsonStream<In, Out> {
    /// Returns the socket, for what is neither reading nor writing.
    #[must_use]
    pub fn socket(&self) -> &AuthSocket {
        self.stream.socket()
    }
}

impl<In: DeserializeOwned, Out> Stream for JsonStream<In, Out> {
    type Item = Result<In, JsonError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Poll::Ready(incoming) = Pin::new(&mut self.stream).poll_next(context) else { return Poll::Pending };
            match incoming.map(|incoming| incoming.json()) {
                Some(None) => {}
                Some(Some(message)) => return Poll::Ready(Some(message)),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<In, Out: Serialize> Sink<Out> for JsonStream<In, Out> {
    type Error = JsonError;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), JsonError>> {
        Pin::new(&mut self.stream).poll_ready(context).map_err(JsonError::Send)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Out) -> Result<(), JsonError> {
        Ok(Pin::new(&mut self.stream).start_send(text_of(&message)?)?)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), JsonError>> {
        Pin::new(&mut self.stream).poll_flush(context).map_err(JsonError::Send)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), JsonError>> {
        Pin::new(&mut self.stream).poll_close(context).map_err(JsonError::Send)
    }
}

impl<In, Out> fmt::Debug for JsonStream<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsonStream").field(&self.stream).finish()
    }
}

/// Reads the server's answer to a refused login, such as DRF's map of fields. `None` if there was none.
#[must_use]
pub fn login_details<T: DeserializeOwned>(error: &LoginError) -> Option<Result<T, JsonError>> {
    error.answer.as_ref().map(|answer| value_of(&Secret::expose(answer).into()))
}

/// A value as JavaScript has it, as `JSON.parse` would give it.
pub(super) fn js_of<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsonError> {
    value.serialize(&Serializer::json_compatible()).map_err(|error| JsonError::Encode(error.to_string()))
}

fn text_of<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsonError> {
    let value = js_of(value)?;
    let text = JSON::stringify(&value).ok().map(JsValue::from).filter(JsValue::is_string);
    text.ok_or_else(|| JsonError::Encode("it is nothing that JSON has".to_owned()))
}

fn value_of<T: DeserializeOwned>(data: &JsValue) -> Result<T, JsonError> {
    let bytes = || data.dyn_ref::<ArrayBuffer>().map(|buffer| Uint8Array::new(buffer).to_vec());
    let text = data.as_string().or_else(|| String::from_utf8(bytes()?).ok());
    let json = text.and_then(|text| Json::parse(&text)).ok_or_else(|| JsonError::Decode("it is no JSON".to_owned()))?;
    serde_wasm_bindgen::from_value(json.into_js()).map_err(|error| JsonError::Decode(error.to_string()))
}
