//! One try, from the session's token to an accepted socket: what each answer on the way means.

use super::io::{Event, Output, SocketId};
use super::recovery::Goodbye;
use super::state::{Doubt, Proof, Refuser, State, Step};
use super::{Connection, MISMATCH_CODE};
use crate::error::{Failure, HandshakeError, HttpError, Malformed, TokenError};
use crate::proto::http::{HttpRequest, HttpResponse, NoAnswer, json_of};
use crate::proto::scheme::{Scheme, Ticket};
use crate::proto::session::{Grant, RequestId, WantId};
use crate::proto::timer::Timer;
use crate::proto::{Json, Now, Secret, UnixTime};

impl Connection {
    pub(super) fn on_token(&mut self, now: Now, want: WantId, result: Result<Grant, TokenError>) {
        if !matches!(&self.state, State::Token { want: waiting } if *waiting == want) {
            return;
        }
        let grant = match result {
            Ok(grant) if grant.epoch == self.epoch => grant,
            // Another user's token: theirs is another connection.
            Ok(grant) => return self.on_session(now, grant.view()),
            Err(error) => return self.fail(now, Failure::Token(error), Goodbye::none()),
        };
        match &self.config.scheme {
            // An anonymous connection asks for no token, so none is answered.
            Scheme::Anonymous => {}
            Scheme::FirstMessage(_) => {
                let url = Secret::new(self.config.url.to_text());
                self.dial(now, url, Some(grant));
            }
            Scheme::Query(query) => {
                let url = self.config.url.with_param(&query.param, grant.access());
                self.dial(now, url, Some(grant));
            }
            Scheme::Ticket(ticket) => {
                let http = HttpRequest {
                    method: ticket.method,
                    url: ticket.url.to_text(),
                    authorization: Some(grant.authorization.clone()),
                    body: None,
                };
                let request = RequestId(self.new_id());
                self.timers.set(Timer::Http, now.instant.after(self.config.http_timeout));
                self.change(State::Ticket { request, grant, asked_at: now });
                self.outputs.push_back(Output::Fetch { request, http });
            }
        }
    }

    pub(super) fn on_http(&mut self, now: Now, request: RequestId, result: Result<HttpResponse, NoAnswer>) {
        if self.state.request() != Some(request) {
            return;
        }
        let State::Ticket { grant, asked_at, .. } = &self.state else { return };
        let (grant, asked_at) = (grant.clone(), *asked_at);
        let Scheme::Ticket(scheme) = &self.config.scheme else { return };
        self.timers.stop(Timer::Http);
        let ticket = json_of(self.config.codec, now, &result).and_then(|answer| {
            let ticket = answer.at(&scheme.field).and_then(Json::as_text).map(|text| Secret::new(text.to_owned()));
            Ok((ticket.ok_or(HttpError::Malformed(Malformed::MissingField))?, answer))
        });
        match ticket {
            Ok((_, answer)) if self.is_stale(scheme, &answer, &result, asked_at, now) => {
                self.fail(now, Failure::TicketExpired, Goodbye::none());
            }
            Ok((ticket, _)) => {
                // The endpoint that refused a token has accepted this one: what it refuses later is another matter.
                if matches!(self.doubt, Doubt::Refused { by: Refuser::TicketEndpoint, .. }) {
                    self.doubt = Doubt::None;
                }
                let url = self.config.url.with_param(&scheme.param, ticket.expose());
                self.dial(now, url, Some(grant));
            }
            Err(error) => self.fail(now, Failure::Ticket(error), Goodbye::none()),
        }
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
        let number = |path: &str| answer.at(path).and_then(|value| value.as_number(self.config.codec));
        let life = number(&scheme.expires_in_field).filter(|seconds| *seconds > 0.0).or_else(|| {
            let date = result.as_ref().ok().and_then(|response| response.date.as_deref());
            let issued = date.and_then(self.config.codec.http_date).unwrap_or(asked.unix);
            let end = number(&scheme.expires_field).and_then(UnixTime::from_seconds)?;
            (end > issued).then(|| end.since(issued).as_secs_f64())
        });
        life.is_some_and(|seconds| now.instant.since(asked.instant).as_secs_f64() >= seconds)
    }

    pub(super) fn dial(&mut self, now: Now, url: Secret, grant: Option<Grant>) {
        let socket = SocketId(self.new_id());
        self.timers.set(Timer::Connect, now.instant.after(self.config.connect_timeout));
        self.change(State::Opening { socket, grant });
        self.outputs.push_back(Output::Open { socket, url, protocols: self.config.protocols.clone() });
    }

    pub(super) fn on_opened(&mut self, now: Now, socket: SocketId, protocol: &str) {
        let State::Opening { socket: present, grant } = &self.state else { return };
        if *present != socket {
            return;
        }
        // Firefox opens a socket whose server chose none of the offered subprotocols; Chromium fails it.
        if !self.config.protocols.is_empty() && !self.config.protocols.iter().any(|offered| offered == protocol) {
            return self.abandon(now, MISMATCH_CODE, Failure::Handshake(HandshakeError::SubprotocolMismatch));
        }
        let grant = grant.clone();
        self.refusals = 0;
        self.silent_errors = 0;
        match (&self.config.scheme, grant) {
            (Scheme::FirstMessage(scheme), Some(grant)) if scheme.hello.is_some() => {
                self.timers.set(Timer::Authenticate, now.instant.after(scheme.ack_timeout));
                self.change(State::Authenticating { socket, grant, step: Step::Hello });
            }
            (Scheme::FirstMessage(_), Some(grant)) => self.authenticate(now, socket, grant),
            (Scheme::Anonymous | Scheme::FirstMessage(_) | Scheme::Query(_) | Scheme::Ticket(_), grant) => {
                self.connected(now, socket, grant, Proof::Given);
            }
        }
    }

    /// Sends the first message.
    pub(super) fn authenticate(&mut self, now: Now, socket: SocketId, grant: Grant) {
        let Scheme::FirstMessage(scheme) = &self.config.scheme else { return };
        let text = self.config.codec.message(&scheme.message, grant.access());
        self.outputs.push_back(Output::SendText { socket, text });
        if scheme.ack.is_some() {
            self.timers.set(Timer::Authenticate, now.instant.after(scheme.ack_timeout));
            self.change(State::Authenticating { socket, grant, step: Step::Ack });
        } else {
            self.connected(now, socket, Some(grant), Proof::Assumed);
        }
    }

    pub(super) fn on_inspected(&mut self, now: Now, socket: SocketId, text: Option<&str>) {
        let Scheme::FirstMessage(scheme) = &self.config.scheme else { return };
        let is = |matcher: &Option<Json>, message: &Option<Json>| {
            matcher.as_ref().zip(message.as_ref()).is_some_and(|(matcher, message)| matcher.matches(message))
        };
        if self.state.socket() != Some(socket) {
            return;
        }
        let message = text.and_then(self.config.codec.parse);
        let is_rejected = is(&scheme.reject, &message);
        if let State::Authenticating { grant, step, .. } = &self.state {
            let (grant, step) = (grant.clone(), *step);
            match step {
                Step::Hello | Step::Ack if is_rejected => {
                    self.abandon(now, 1000, Failure::Handshake(HandshakeError::Rejected));
                }
                Step::Hello if is(&scheme.hello, &message) => self.authenticate(now, socket, grant),
                Step::Ack if is(&scheme.ack, &message) => self.connected(now, socket, Some(grant), Proof::Given),
                // Not ours to judge: a server may say other things first.
                Step::Hello | Step::Ack => {}
            }
        } else if let State::Connected { proof: proof @ Proof::Assumed, .. } = &mut self.state {
            if is_rejected {
                return self.abandon(now, 1000, Failure::Handshake(HandshakeError::Rejected));
            }
            *proof = Proof::Given;
            self.settle_outbox();
        }
    }

    pub(super) fn connected(&mut self, now: Now, socket: SocketId, grant: Option<Grant>, proof: Proof) {
        self.timers.stop_all();
        self.timers.set(Timer::Stable, now.instant.after(self.config.min_uptime));
        self.stats.connections += 1;
        // Queued messages go before the app hears of the connection, so that what it sends then comes after them.
        let change = self.enter(State::Connected { socket, grant, since: now.instant, proof });
        let keep = proof == Proof::Assumed;
        while let Some(message) = if keep { self.outbox.lend() } else { self.outbox.pop() } {
            self.stats.sent += 1;
            self.outputs.push_back(Output::Send { socket, message, keep });
        }
        self.is_open = true;
        self.outputs.push_back(Output::Event(Event::StateChanged(change)));
        self.outputs.push_back(Output::Event(Event::Opened));
    }
}
