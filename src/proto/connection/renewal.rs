//! A connected socket and its next token: it stays open, authenticates again, or is replaced.

use super::Connection;
use super::config::OnRenewal;
use super::io::Output;
use super::io::SuspendReason;
use super::state::{Reauth, State, Timer};
use crate::error::{Failure, TokenError};
use crate::proto::Now;
use crate::proto::session::{AccessToken, TokenRequestId, TokenRequirement};

impl Connection {
    /// Handles the next token of a connected socket. Without one the socket stays open, if only time asked for it.
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
                self.prepare(now, Some(token));
            }
        }
    }

    /// Handles the next token after the server has said that the present one has expired.
    pub(super) fn on_renewed_token(&mut self, now: Now, result: Result<AccessToken, TokenError>) {
        match result {
            Ok(token) if token.user_epoch == self.user_epoch => self.authenticate_again(now, token),
            Ok(token) => self.on_session(now, token.view()),
            Err(error) => self.abort(now, 1000, Failure::Token(error)),
        }
    }

    /// The token ends soon. It is renewed now, because some backends cannot renew it later.
    pub(super) fn on_token_due(&mut self) {
        // A handover has the next token already, or requests it.
        if self.predecessor.is_some() {
            return;
        }
        match &self.state {
            State::Connected { .. } => self.request_next_token(None),
            State::Preparing { .. }
            | State::Ticket { .. }
            | State::Holding { .. }
            | State::Opening { .. }
            | State::Probing { .. }
            | State::Authenticating { .. }
            | State::Waiting
            | State::Suspended(SuspendReason::Frozen | SuspendReason::Hidden | SuspendReason::Offline) => {
                if self.config.needs_token() {
                    // The answer is not needed: the next try requests a token again.
                    let id = TokenRequestId(self.new_id());
                    self.outputs.push_back(Output::RequestToken { id, requirement: TokenRequirement::VALID });
                }
            }
            State::Idle | State::Token { .. } | State::Suspended(SuspendReason::SignIn) | State::Closed => {}
        }
    }

    /// Requests the next token of this socket: the present one ends soon, or the session has the generation `there`.
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

    /// Sends the first message again on the same socket, with the renewed token.
    pub(super) fn authenticate_again(&mut self, now: Now, renewed: AccessToken) {
        let framing = self.framing();
        let first = self.config.scheme.first_messages(Some(&renewed)).into_iter().next();
        let State::Connected { socket, token, reauth, .. } = &mut self.state else { return };
        *reauth = Reauth::Sent;
        self.timers.set(Timer::Stable, now.instant.after(self.config.min_uptime));
        if let Some(text) = first {
            self.outputs.push_back(Output::SendText { socket: *socket, text, framing });
        }
        *token = Some(renewed);
    }
}
