//! A connected socket and the next token: it stays, is authenticated again, or is handed over.

use super::Connection;
use super::attempt::first_message;
use super::config::OnRenewal;
use super::io::Output;
use super::state::{Pause, Renewal, State, Timer};
use crate::error::{Failure, TokenError};
use crate::proto::Now;
use crate::proto::scheme::Scheme;
use crate::proto::session::{Demand, Grant, WantId};

impl Connection {
    /// The connected socket's token ends soon, or the session has another by now. Where nothing but time asks for one, the socket stays if
    /// there is none.
    pub(super) fn on_due_token(&mut self, now: Now, result: Result<Grant, TokenError>) {
        let State::Connected { renewal, grant: Some(old), .. } = &mut self.state else { return };
        *renewal = Renewal::None;
        let Ok(grant) = result else { return };
        if grant.generation == old.generation {
            return;
        }
        if grant.epoch != self.epoch {
            return self.on_session(now, grant.view());
        }
        match self.config.on_renewal() {
            OnRenewal::Keep => {}
            OnRenewal::Authenticate => self.authenticate_again(now, grant),
            OnRenewal::Handover => {
                self.hand_over();
                self.try_with(now, grant);
            }
        }
    }

    /// The server has said on the open socket that the token has expired.
    pub(super) fn on_renewed_token(&mut self, now: Now, result: Result<Grant, TokenError>) {
        match result {
            Ok(grant) if grant.epoch == self.epoch => self.authenticate_again(now, grant),
            Ok(grant) => self.on_session(now, grant.view()),
            Err(error) => self.abandon(now, 1000, Failure::Token(error)),
        }
    }

    /// The token ends soon: whoever will need one has it renewed while it can be.
    pub(super) fn on_token_due(&mut self) {
        // A handover has another already, or is about to.
        if self.predecessor.is_some() {
            return;
        }
        match &self.state {
            State::Connected { .. } => self.want_renewal(None),
            State::Ticket { .. }
            | State::Holding { .. }
            | State::Opening { .. }
            | State::Probing { .. }
            | State::Authenticating { .. }
            | State::Waiting
            | State::Suspended(Pause::Frozen | Pause::Hidden | Pause::Offline) => {
                if self.config.scheme.needs_token() {
                    // Nobody waits for the answer; the next try asks again.
                    let want = WantId(self.new_id());
                    self.outputs.push_back(Output::Want { want, demand: Demand::USABLE });
                }
            }
            State::Idle | State::Token { .. } | State::Suspended(Pause::SignIn) | State::Closed => {}
        }
    }

    /// Asks for another token than the one that this socket was accepted with: it will end soon, or `there` is another by now.
    pub(super) fn want_renewal(&mut self, there: Option<u32>) {
        let want = WantId(self.new_id());
        if let State::Connected { grant: Some(grant), renewal: renewal @ Renewal::None, .. } = &mut self.state
            && there != Some(grant.generation)
        {
            let demand = Demand::NotDoubted(grant.generation);
            *renewal = Renewal::Due(want);
            self.outputs.push_back(Output::Want { want, demand });
        }
    }

    /// Sends the first message again on the same socket, with a renewed token.
    pub(super) fn authenticate_again(&mut self, now: Now, renewed: Grant) {
        let Scheme::FirstMessage(scheme) = &self.config.scheme else { return };
        let State::Connected { socket, grant, renewal, .. } = &mut self.state else { return };
        *renewal = Renewal::Sent;
        self.timers.set(Timer::Stable, now.instant.after(self.config.min_uptime));
        if let Some(first) = first_message(scheme, *socket, &renewed) {
            self.outputs.push_back(first);
        }
        *grant = Some(renewed);
    }
}
