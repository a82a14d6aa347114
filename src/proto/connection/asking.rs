//! What only functions of the app can answer, while a try waits: the address, the first messages, and the words of `onConnected`.

use super::Connection;
use super::io::{Output, Question, SocketId};
use super::state::{Acceptance, AuthenticationStep, State, Timer};
use crate::error::{CallbackError, Failure};
use crate::proto::session::{AccessToken, RequestId};
use crate::proto::{Json, Now, Secret, Url, UrlKind};

const FAILED: Failure = Failure::Callback(CallbackError::Failed);

impl Connection {
    /// Goes on with a try, and with the token of a handover: first the app says where to dial, if it wants to.
    pub(super) fn prepare(&mut self, now: Now, token: Option<AccessToken>) {
        if !self.config.asks.contains(&Question::Address) {
            return self.begin(now, token);
        }
        let request = RequestId(self.new_id());
        self.timers.set(Timer::Http, now.instant.after(self.config.http_timeout));
        self.change(State::Preparing { request, token });
        self.ask_app(request, Question::Address, None, None);
    }

    fn begin(&mut self, now: Now, token: Option<AccessToken>) {
        match token {
            Some(token) => self.try_with(now, token),
            None if self.config.needs_token() => self.want_token(None),
            None => self.dial(now, Ok(self.plain_handshake()), None),
        }
    }

    /// Sends the first message, once the app has named it.
    pub(super) fn authenticate(&mut self, now: Now, socket: SocketId, token: Option<AccessToken>, hello: Option<Json>) {
        if !self.config.asks.contains(&Question::FirstMessage) {
            let messages = self.config.scheme.first_messages(token.as_ref());
            return self.authenticate_with(now, socket, token, messages);
        }
        self.timers.stop(Timer::Authenticate);
        let request = RequestId(self.new_id());
        self.change(State::Authenticating { socket, token, step: AuthenticationStep::Message(request) });
        self.ask_app(request, Question::FirstMessage, Some(socket), hello);
    }

    fn authenticate_with(&mut self, now: Now, socket: SocketId, token: Option<AccessToken>, messages: Vec<Secret>) {
        let framing = self.framing();
        let acceptance = if messages.is_empty() { Acceptance::Answered } else { Acceptance::Assumed };
        self.outputs.extend(messages.into_iter().map(|text| Output::SendText { socket, text, framing }));
        match self.config.scheme.dialog() {
            Some(dialog) if dialog.ack.is_some() => {
                self.timers.set(Timer::Authenticate, now.instant.after(dialog.ack_timeout));
                self.change(State::Authenticating { socket, token, step: AuthenticationStep::Ack });
            }
            Some(_) | None => self.accepted(now, socket, token, acceptance, None),
        }
    }

    /// The server has accepted the socket, or is assumed to. The app's words come before its queued messages.
    pub(super) fn accepted(
        &mut self,
        now: Now,
        socket: SocketId,
        token: Option<AccessToken>,
        acceptance: Acceptance,
        said: Option<Json>,
    ) {
        if !self.config.asks.contains(&Question::Connected) {
            return self.connected(now, socket, token, acceptance);
        }
        self.timers.stop(Timer::Authenticate);
        let request = RequestId(self.new_id());
        self.change(State::Authenticating { socket, token, step: AuthenticationStep::Words { request, acceptance } });
        self.ask_app(request, Question::Connected, Some(socket), said);
    }

    fn ask_app(&mut self, request: RequestId, question: Question, socket: Option<SocketId>, said: Option<Json>) {
        let token = self.state.token().cloned();
        self.outputs.push_back(Output::Ask { request, question, socket, token, said });
    }

    pub(super) fn on_answered(&mut self, now: Now, request: RequestId, answer: Option<Json>) {
        if self.state.request() != Some(request) {
            return;
        }
        match &self.state {
            State::Preparing { token, .. } => {
                let token = token.clone();
                self.timers.stop(Timer::Http);
                match answer.as_ref().and_then(address_of) {
                    Some(address) => {
                        (self.url, self.protocols) = address;
                        self.begin(now, token);
                    }
                    None => self.abort(now, 1000, FAILED),
                }
            }
            State::Authenticating { socket, token, step: AuthenticationStep::Message(_) } => {
                let (socket, token, framing) = (*socket, token.clone(), self.framing());
                match answer.and_then(|messages| messages.items()) {
                    Some(messages) => {
                        let messages = messages.iter().map(|message| Secret::new(framing.write(message)));
                        self.authenticate_with(now, socket, token, messages.collect());
                    }
                    None => self.abort(now, 1000, FAILED),
                }
            }
            State::Authenticating { socket, token, step: AuthenticationStep::Words { acceptance, .. } } => {
                let (socket, token, acceptance) = (*socket, token.clone(), *acceptance);
                match answer {
                    Some(_) => self.connected(now, socket, token, acceptance),
                    None => self.abort(now, 1000, FAILED),
                }
            }
            State::Idle
            | State::Token { .. }
            | State::Ticket { .. }
            | State::Holding { .. }
            | State::Opening { .. }
            | State::Probing { .. }
            | State::Authenticating { step: AuthenticationStep::Hello | AuthenticationStep::Ack, .. }
            | State::Connected { .. }
            | State::Waiting
            | State::Suspended(_)
            | State::Closed => {}
        }
    }

    /// Whether the app's words are being sent on this socket. The server has accepted it.
    pub(super) fn hears_words(&self, socket: SocketId) -> bool {
        matches!(
            &self.state,
            State::Authenticating { socket: present, step: AuthenticationStep::Words { .. }, .. } if *present == socket
        )
    }
}

/// The address that the app has named.
fn address_of(answer: &Json) -> Option<(Url, Vec<String>)> {
    let url = Url::parse("url", &answer.text_at("url")?, UrlKind::WebSocket).ok()?;
    let protocols = answer.at("protocols")?.items()?.iter().map(Json::as_text).collect::<Option<_>>()?;
    Some((url, protocols))
}
