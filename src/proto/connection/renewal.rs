//! A connected socket and the next token: it stays, is authenticated again, or is handed over.

use super::Connection;
use super::attempt::first_message;
use super::config::OnRenewal;
use super::io::Output;
use super::state::{Reauth, State, SuspendReason, Timer};
use crate::error::{Failure, TokenError};
use crate::proto::Now;
use crate::proto::scheme::Scheme;
use crate::proto::session::{AccessToken, TokenRequestId, TokenRequirement};

impl Connection {
    /// The connected socket's token ends soon, or the session has another by now. Where nothing but time asks for one, the socket stays if
    /// there is none.
    pub(super) fn on_due_token(&mut self, now: Now, result: Result<AccessToken, TokenError>) {
        let State::Connected { reauth, token: Some(old), .. } = &mut self.state else { return };
        *reauth = Reauth::None;
        let Ok(token) = result else { return };
        if token.generation == old.generation {
            return;
        }
        if token.user_epoch != self.user_epoch {
            return self.on_session(now, token.view());
        }
        match self.config.on_renewal() {
            OnRenewal::Keep => {}
            OnRenewal::Authenticate => self.authenticate_again(now, token),
            OnRenewal::Handover => {
                self.hand_over();
                self.try_with(now, token);
            }
        }
    }

    /// The server has said on the open socket that the token has expired.
    pub(super) fn on_renewed_token(&mut self, now: Now, result: Result<AccessToken, TokenError>) {
        match result {
            Ok(token) if token.user_epoch == self.user_epoch => self.authenticate_again(now, token),
            Ok(token) => self.on_session(now, token.view()),
            Err(error) => self.abort(now, 1000, Failure::Token(error)),
        }
    }

    /// The token ends soon: whoever will need one has it renewed while it can be.
    pub(super) fn on_token_due(&mut self) {
        // A handover has another already, or is about to.
        if self.predecessor.is_some() {
            return;
        }
        match &self.state {
            State::Connected { .. } => self.request_next_token(None),
            State::Ticket { .. }
            | State::Holding { .. }
            | State::Opening { .. }
            | State::Probing { .. }
            | State::Authenticating { .. }
            | State::Waiting
            | State::Suspended(SuspendReason::Frozen | SuspendReason::Hidden | SuspendReason::Offline) => {
                if self.config.scheme.needs_token() {
                    // Nobody waits for the answer; the next try asks again.
                    let id = TokenRequestId(self.new_id());
                    self.outputs.push_back(Output::RequestToken { id, requirement: TokenRequirement::VALID });
                }
            }
            State::Idle | State::Token { .. } | State::Suspended(SuspendReason::SignIn) | State::Closed => {}
        }
    }

    /// Asks for another token than the one that this socket was accepted with: it will end soon, or `there` is another by now.
    pub(super) fn request_next_token(&mut self, there: Option<u32>) {
        let id = TokenRequestId(self.new_id());
        if let State::Connected { token: Some(token), reauth: reauth @ Reauth::None, .. } = &mut self.state
            && there != Some(token.generation)
        {
            let requirement = TokenRequirement::PreferOther(token.generation);
            *reauth = Reauth::Requested(id);
            self.outputs.push_back(Output::RequestToken { id, requirement });
        }
    }

    /// Sends the first message again on the same socket, with a renewed token.
    pub(super) fn authenticate_again(&mut self, now: Now, renewed: AccessToken) {
        let Scheme::FirstMessage(scheme) = &self.config.scheme else { return };
        let State::Connected { socket, token, reauth, .. } = &mut self.state else { return };
        *reauth = Reauth::Sent;
        self.timers.set(Timer::Stable, now.instant.after(self.config.min_uptime));
        if let Some(first) = first_message(scheme, *socket, &renewed) {
            self.outputs.push_back(first);
        }
        *token = Some(renewed);
    }
}
