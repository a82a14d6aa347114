//! One try, from the session's token to an accepted socket, and what each answer means.

use super::config::{Probe, WhenSignedOut};
use super::io::{Event, Output, SocketId};
use super::recovery::CloseInfo;
use super::state::{Acceptance, AuthenticationStep, CredentialStatus, HeartbeatState, Reauth, Refuser, State, Timer};
use super::{Connection, MISMATCH_CODE};
use crate::error::{Disposition, Failure, HandshakeError, HttpError, Malformed, TokenError, TransportError};
use crate::proto::Handshake;
use crate::proto::Millis;
use crate::proto::hint::Hint;
use crate::proto::http::{Credentials, HttpCall, HttpRequest, HttpResponse, Method, NoAnswer, http_date, json_of};
use crate::proto::outbox::Retention;
use crate::proto::scheme::{Scheme, Ticket};
use crate::proto::session::{AccessToken, EndpointAuthorization, RequestId, TokenRequestId};
use crate::proto::{Instant, Json, Now, Secret, UnixTime, Url};

/// How late a timer may fire before the ticket that waited for it counts as too old.
const LATE: Millis = Millis::from_secs(5);

impl Connection {
    pub(super) fn on_token(&mut self, now: Now, id: TokenRequestId, result: Result<AccessToken, TokenError>) {
        if self.state.token_request() != Some(id) {
            return;
        }
        match &self.state {
            State::Connected { reauth: Reauth::Requested(_), .. } => self.on_due_token(now, result),
            State::Connected { .. } => self.on_renewed_token(now, result),
            State::Idle
            | State::Preparing { .. }
            | State::Token { .. }
            | State::Ticket { .. }
            | State::Holding { .. }
            | State::Opening { .. }
            | State::Probing { .. }
            | State::Authenticating { .. }
            | State::Waiting
            | State::Suspended(_)
            | State::Closed => self.on_first_token(now, result),
        }
    }

    /// The token of a try.
    fn on_first_token(&mut self, now: Now, result: Result<AccessToken, TokenError>) {
        match result {
            Ok(token) if token.user_epoch == self.user_epoch => self.try_with(now, token),
            // The token of another user belongs to another connection.
            Ok(token) => self.on_session(now, token.view()),
            // The refused token cannot be renewed. The app needs the reason of the refusal.
            Err(TokenError::Expired) if matches!(self.credential_status, CredentialStatus::Refused { .. }) => {
                if let CredentialStatus::Refused { failure, .. } =
                    core::mem::replace(&mut self.credential_status, CredentialStatus::Good)
                {
                    let close_info = failure.close_code().map_or_else(CloseInfo::none, |code| CloseInfo::new(code, ""));
                    if self.leaves_user() {
                        return self.become_nobody(now, failure, close_info);
                    }
                    self.conclude(now, failure, Disposition::SignIn, close_info);
                }
            }
            // Nobody is signed in, which is enough for what is public. What waits of a user is not.
            Err(error)
                if error.disposition() == Disposition::SignIn
                    && self.config.when_signed_out == WhenSignedOut::Connect =>
            {
                if self.leaves_user() {
                    return self.become_nobody(now, Failure::Token(error), CloseInfo::none());
                }
                self.dial(now, Ok(self.plain_handshake()), None);
            }
            Err(error) => self.fail(now, Failure::Token(error), CloseInfo::none()),
        }
    }

    /// Continues the try with a token, as the scheme says.
    pub(super) fn try_with(&mut self, now: Now, token: AccessToken) {
        let handshake = match &self.config.scheme {
            // An anonymous connection requests no token, so there is no answer.
            Scheme::Anonymous => return,
            Scheme::Cookie(_) | Scheme::FirstMessage(_) => Ok(self.plain_handshake()),
            #[cfg(not(target_family = "wasm"))]
            Scheme::Header => {
                Ok(Handshake { authorization: Some(token.authorization.clone()), ..self.plain_handshake() })
            }
            Scheme::Query(query) => Ok(query.handshake(&self.url, &self.protocols, token.access())),
            Scheme::Subprotocol(scheme) => scheme.entry().handshake(&self.url, &self.protocols, token.access()),
            Scheme::Ticket(ticket) => {
                let url = ticket.url.as_ref().map(Url::to_text).unwrap_or_default();
                let authorization =
                    (ticket.authorization == EndpointAuthorization::Access).then(|| token.authorization.clone());
                let http = HttpRequest {
                    body: ticket.call_body(token.access()),
                    ..self.http_request(HttpCall::Ticket, ticket.method, url, authorization, ticket.credentials)
                };
                let request = RequestId(self.new_id());
                // The event comes before the request: a listener that closes wastes no ticket.
                self.change(State::Ticket { request, token, asked_at: now });
                return self.call(now, request, http);
            }
        };
        self.dial(now, handshake, Some(token));
    }

    /// An HTTP request in the session's name, without a body.
    pub(super) fn http_request(
        &self,
        call: HttpCall,
        method: Method,
        url: String,
        authorization: Option<Secret>,
        credentials: Option<Credentials>,
    ) -> HttpRequest {
        let cookies =
            credentials.map_or_else(|| self.config.sends_cookies(), |credentials| credentials == Credentials::Include);
        HttpRequest { call, method, url, authorization, body: None, cookies, keepalive: false }
    }

    /// Makes an HTTP request.
    pub(super) fn call(&mut self, now: Now, request: RequestId, http: HttpRequest) {
        self.timers.set(Timer::Http, now.instant.after(self.config.http_timeout));
        self.outputs.push_back(Output::Fetch { request, http });
    }

    pub(super) fn on_http(&mut self, now: Now, request: RequestId, result: Result<HttpResponse, NoAnswer>) {
        if self.state.request() != Some(request) {
            return;
        }
        self.timers.stop(Timer::Http);
        let State::Ticket { token, asked_at, .. } = &self.state else { return self.on_probed(now, &result) };
        let (token, asked_at) = (token.clone(), *asked_at);
        let Scheme::Ticket(scheme) = &self.config.scheme else { return };
        let answer = json_of(now, &result, &scheme.meanings()).and_then(|answer| {
            let text = answer.text_at(&scheme.field).ok_or(HttpError::Malformed(Malformed::MissingField))?;
            let (url, protocols) = (&self.url, &self.protocols);
            let is_whole = text.as_bytes().windows(3).any(|part| part == b"://");
            let handshake = match &scheme.url_hosts {
                // The app itself has named it.
                None if scheme.url.is_none() && is_whole => {
                    let whole = url.replaced(&text).ok_or(HttpError::Malformed(Malformed::ForeignUrl))?;
                    Ok(Handshake::new(whole, protocols))
                }
                // A whole URL in a parameter would give its credential to another server.
                None if is_whole => return Err(HttpError::Malformed(Malformed::ForeignUrl)),
                None => scheme.handshake(url, protocols, &text),
                Some(hosts) => {
                    let whole = url.redirected(&text, hosts).ok_or(HttpError::Malformed(Malformed::ForeignUrl))?;
                    Ok(Handshake::new(whole, protocols))
                }
            };
            Ok((handshake, self.is_stale(scheme, &answer, &result, asked_at, now), Hint::of(&answer)))
        });
        match answer {
            Ok((_, true, _)) => self.fail(now, Failure::TicketExpired, CloseInfo::none()),
            Ok((handshake, false, hint)) => {
                self.server_hint.update(hint);
                self.prefetch_lead = now.instant.since(asked_at.instant);
                // The endpoint that refused a token has accepted this one, so an earlier refusal does not count any more.
                if matches!(self.credential_status, CredentialStatus::Refused { by: Refuser::TicketEndpoint, .. }) {
                    self.credential_status = CredentialStatus::Good;
                }
                self.dial_in_time(now, handshake, token);
            }
            Err(error) => self.fail(now, Failure::Ticket(error), CloseInfo::none()),
        }
    }

    /// The probe shows why a handshake failed, as far as HTTP can.
    fn on_probed(&mut self, now: Now, result: &Result<HttpResponse, NoAnswer>) {
        let meanings = self.config.probe.as_ref().map(Probe::meanings).unwrap_or_default();
        let failure = match json_of(now, result, &meanings) {
            Err(
                error @ (HttpError::Forbidden { .. }
                | HttpError::Network
                | HttpError::Redirected
                | HttpError::Unauthorized { .. }),
            ) => Failure::Probe(error),
            Err(error @ HttpError::Status { status: 429 | 500..=599, .. }) => Failure::Probe(error),
            // The server is up and accepts the token, so it refuses the handshake.
            Ok(_) | Err(HttpError::Malformed(_) | HttpError::Status { .. } | HttpError::TimedOut) => {
                self.refusals = self.refusals.saturating_add(1);
                Failure::Transport(
                    self.long_dial().unwrap_or(TransportError::HandshakeRefused { tries: self.refusals }),
                )
            }
        };
        self.fail(now, failure, CloseInfo::none());
    }

    /// The handshake's own answer shows why it failed. With a probe that decides, as in browsers: some servers answer a bad token with 403.
    #[cfg(not(feature = "js"))]
    pub(super) fn on_handshake_answered(&mut self, now: Now, socket: SocketId, response: HttpResponse) {
        if self.state.socket() != Some(socket) {
            return;
        }
        let lost = CloseInfo { code: 1006, reason: String::new(), was_clean: false };
        if self.config.probe.is_some() {
            return self.on_socket_closed(now, lost);
        }
        match json_of(now, &Ok(response), &Default::default()) {
            Err(
                error @ (HttpError::Forbidden { .. }
                | HttpError::Redirected
                | HttpError::Status { .. }
                | HttpError::Unauthorized { .. }),
            ) => self.fail(now, Failure::Probe(error), lost),
            // A success that is no handshake.
            Ok(_) | Err(HttpError::Malformed(_) | HttpError::Network | HttpError::TimedOut) => {
                self.on_socket_closed(now, lost);
            }
        }
    }

    /// A handshake without a credential.
    pub(super) fn plain_handshake(&self) -> Handshake {
        Handshake::new(Secret::new(self.url.to_text()), &self.protocols)
    }

    /// Returns whether a ticket took longer to arrive than it lives. Only spans of one clock are compared, so a client
    /// clock that is wrong by hours discards nothing.
    pub(super) fn is_stale(
        &self,
        scheme: &Ticket,
        answer: &Json,
        result: &Result<HttpResponse, NoAnswer>,
        asked: Now,
        now: Now,
    ) -> bool {
        let life = answer.number_at(&scheme.expires_in_field).filter(|seconds| *seconds > 0.0).or_else(|| {
            let date = result.as_ref().ok().and_then(|response| response.date.as_deref());
            let issued = date.and_then(http_date).unwrap_or(asked.unix);
            let end = answer.number_at(&scheme.expires_field).and_then(UnixTime::from_seconds)?;
            (end > issued).then(|| end.since(issued).as_secs_f64())
        });
        life.is_some_and(|seconds| now.instant.since(asked.instant).as_secs_f64() >= seconds)
    }

    /// Opens the socket, or keeps the ticket until the wait is over.
    fn dial_in_time(&mut self, now: Now, handshake: Result<Handshake, TokenError>, token: AccessToken) {
        match (self.dial_at.filter(|at| *at > now.instant), handshake) {
            (Some(until), Ok(handshake)) => {
                self.timers.set(Timer::Dial, until);
                self.state = State::Holding { handshake, token };
            }
            (_, handshake) => self.dial(now, handshake, Some(token)),
        }
    }

    /// The wait is over for which a ticket was fetched ahead. If the timer was late, the ticket is not used.
    pub(super) fn on_dial_due(&mut self, now: Now, deadline: Instant) {
        if now.instant.since(deadline) > LATE {
            return self.start(now);
        }
        let State::Holding { handshake, token } = &self.state else { return };
        let (handshake, token) = (handshake.clone(), token.clone());
        self.timers.stop(Timer::Dial);
        self.dial(now, Ok(handshake), Some(token));
    }

    pub(super) fn dial(&mut self, now: Now, handshake: Result<Handshake, TokenError>, token: Option<AccessToken>) {
        let handshake = match handshake {
            Ok(handshake) => handshake,
            Err(error) => return self.fail(now, Failure::Token(error), CloseInfo::none()),
        };
        let socket = SocketId(self.new_id());
        self.dial_length = handshake.length();
        self.timers.set(Timer::Connect, now.instant.after(self.config.connect_timeout));
        self.change(State::Opening { socket, token });
        self.outputs.push_back(Output::Open { socket, handshake });
    }

    pub(super) fn on_opened(&mut self, now: Now, socket: SocketId, protocol: &str) {
        let State::Opening { socket: present, token } = &self.state else { return };
        if *present != socket {
            return;
        }
        // Firefox opens a socket whose server chose none of the offered subprotocols; Chromium fails it.
        if !self.protocols.is_empty() && !self.protocols.iter().any(|offered| offered == protocol) {
            return self.abort(now, MISMATCH_CODE, Failure::Handshake(HandshakeError::SubprotocolMismatch));
        }
        let token = token.clone();
        self.rest = (String::new(), 0);
        self.refusals = 0;
        self.silent_errors = 0;
        match self.config.scheme.dialog() {
            Some(dialog) if dialog.hello.is_some() => {
                self.timers.set(Timer::Authenticate, now.instant.after(dialog.ack_timeout));
                self.change(State::Authenticating { socket, token, step: AuthenticationStep::Hello });
            }
            Some(_) | None => self.authenticate(now, socket, token, None),
        }
    }

    pub(super) fn connected(&mut self, now: Now, socket: SocketId, token: Option<AccessToken>, acceptance: Acceptance) {
        self.stop_timers();
        self.timers.set(Timer::Stable, now.instant.after(self.config.min_uptime));
        self.set_beat(now);
        let heartbeat_state = core::mem::replace(&mut self.heartbeat_state, HeartbeatState::PongReceived);
        self.has_erred = false;
        self.connected_since.get_or_insert(now.instant);
        self.stats.connections += 1;
        let predecessor = self.predecessor.take();
        if predecessor.is_some() {
            // Messages of the old socket are not resent.
            self.outbox.release_kept();
        }
        // Queued messages are sent before the event, so that messages of its listeners follow them.
        let change =
            self.enter(State::Connected { socket, token, since: now.instant, acceptance, reauth: Reauth::None });
        let retention = match acceptance {
            Acceptance::Assumed => Retention::UntilAccepted,
            Acceptance::Answered | Acceptance::Stable => Retention::None,
        };
        self.flush(now.instant, socket, retention);
        if let Some(predecessor) = predecessor {
            self.outputs.push_back(Output::Event(Event::HandedOver));
            return self.retire(&predecessor, heartbeat_state);
        }
        self.is_open = true;
        self.tell_change(change);
        self.outputs.push_back(Output::Event(Event::Opened));
    }
}
