//! Whose connection it is: a user's, the next user's, or nobody's (`whenSignedOut: 'connect'`).
//!
//! Rule: nothing of a user is sent for another, or for nobody.

use super::Connection;
use super::config::{OnRenewal, WhenSignedOut};
use super::io::SuspendReason;
use super::recovery::CloseInfo;
use super::state::{CredentialStatus, State};
use crate::error::{Disposition, Failure, Problem, TokenError};
use crate::proto::hint::Hint;
use crate::proto::session::SessionView;
use crate::proto::{Millis, Now};

/// The reason of the close frame, and of the change, when the user leaves.
const SIGNED_OUT: &str = "signed out";
/// The same when a visitor signs in.
const SIGNED_IN: &str = "signed in";

impl Connection {
    pub(super) fn on_session(&mut self, now: Now, user: SessionView) {
        // A listener that was told before may have changed the session again, and this one has heard of that already.
        let is_past = (user.user_epoch, user.sign_in_count) < (self.user_epoch, self.sign_in_count);
        if is_past || !self.config.needs_token() {
            return;
        }
        let is_other_user = user.user_epoch != self.user_epoch;
        // A renewal is no sign-in: it must not wake a connection whose credential was refused, or two of them would wake
        // each other for ever.
        let is_new_sign_in = user.sign_in_count != self.sign_in_count;
        self.user_epoch = user.user_epoch;
        self.sign_in_count = user.sign_in_count;
        self.serves_user = user.is_signed_in || self.serves_user && !is_other_user;
        if is_other_user {
            self.change_user(now, user);
        } else if user.is_signed_in && is_new_sign_in && matches!(self.state, State::Suspended(SuspendReason::SignIn)) {
            self.credential_status = CredentialStatus::Good;
            self.start(now);
        } else if user.is_signed_in && self.is_visitor() {
            self.become_user(now);
        } else if user.is_signed_in && self.config.on_renewal() != OnRenewal::Keep {
            self.request_next_token(Some(user.generation));
        }
    }

    /// The session has ended, and its user's connection with it. It goes on as nobody.
    pub(super) fn become_nobody(&mut self, now: Now, failure: Failure, close_info: CloseInfo) {
        self.serves_user = false;
        let dropped = self.leave_user();
        let problem = Problem { failure, disposition: Disposition::SignIn };
        self.connect_again(now, Some(problem), close_info, dropped);
    }

    /// Connects again, for somebody else or for nobody.
    fn connect_again(&mut self, now: Now, problem: Option<Problem>, close_info: CloseInfo, dropped: usize) {
        self.stop_as(State::Waiting, problem, close_info, Some(dropped));
        if !matches!(self.state, State::Closed) {
            self.start(now);
        }
    }

    /// Whether a connection without a credential takes the place of a user's.
    pub(super) fn leaves_user(&self) -> bool {
        self.serves_user && self.config.when_signed_out == WhenSignedOut::Connect
    }

    /// Drops everything of a user. Returns the number of messages.
    fn leave_user(&mut self) -> usize {
        self.unsend();
        self.credential_status = CredentialStatus::Good;
        self.refusals = 0;
        self.silent_errors = 0;
        self.attempt = 0;
        self.backoff.reset();
        self.prefetch_lead = Millis::ZERO;
        self.server_hint = Hint::default();
        self.discard_outbox()
    }

    /// Drops everything of the previous user, and connects again if there is a next one.
    pub(super) fn change_user(&mut self, now: Now, next: SessionView) {
        let dropped = self.leave_user();
        if matches!(self.state, State::Idle) {
            return;
        }
        // What the app shows of the previous user has to go, even if nothing is connected.
        if matches!(self.state, State::Closed) {
            return self.close_permanently(CloseInfo::new(1000, SIGNED_OUT), None, Some(dropped));
        }
        self.release_resources(1000, SIGNED_OUT);
        let close_info = CloseInfo::new(1000, SIGNED_OUT);
        if next.is_signed_in || self.config.when_signed_out == WhenSignedOut::Connect {
            self.connect_again(now, None, close_info, dropped);
        } else {
            let problem = Problem { failure: Failure::Token(TokenError::Missing), disposition: Disposition::SignIn };
            self.suspend(SuspendReason::SignIn, Some(problem), close_info, Some(dropped));
        }
    }

    /// Whether it goes on as nobody, or tries to.
    pub(super) fn is_visitor(&self) -> bool {
        let is_on_its_way = matches!(
            self.state,
            State::Opening { .. } | State::Probing { .. } | State::Authenticating { .. } | State::Connected { .. }
        );
        is_on_its_way && self.config.needs_token() && self.state.token().is_none()
    }

    /// A visitor has signed in: the next connection has a credential.
    pub(super) fn become_user(&mut self, now: Now) {
        self.release_resources(1000, SIGNED_IN);
        self.lose_sent();
        let close_info = CloseInfo::new(1000, SIGNED_IN);
        if self.is_open && !self.config.reconnects {
            return self.close_permanently(close_info, None, None);
        }
        self.start(now);
        self.closed_event(close_info);
    }
}
