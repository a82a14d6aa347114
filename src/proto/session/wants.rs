//! Who asks for a token: whether the present one will do, or is renewed first.

use super::Session;
use super::io::{Demand, Grant, Want};
use super::state::{Renewal, State};
use crate::error::TokenError;
use crate::proto::Now;
use crate::proto::token::TokenSet;

/// What becomes of a request for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing is usable or will be: the session ends.
    End(TokenError),
    /// It is answered with the present token.
    Give,
    Refuse(TokenError),
    /// It waits for a renewal that begins.
    Renew,
    /// It waits for what is under way.
    Wait,
}

/// Whether the present token will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WillDo {
    /// If no better can be had.
    IfMust,
    No,
    Yes,
}

impl Session {
    pub(super) fn on_want(&mut self, now: Now, want: Want) {
        match self.verdict(now, want.demand) {
            Verdict::End(error) => {
                self.expire(error);
                self.answer(want, Err(error));
            }
            Verdict::Give => {
                let granted = self.granted();
                self.answer(want, granted);
            }
            Verdict::Refuse(error) => self.answer(want, Err(error)),
            Verdict::Renew => {
                self.wants.push(want);
                self.renew(now);
            }
            Verdict::Wait => self.wants.push(want),
        }
    }

    /// What becomes of a request for a token.
    fn verdict(&self, now: Now, demand: Demand) -> Verdict {
        match (self.renewal, &self.state) {
            (Renewal::Locking | Renewal::Looking { .. } | Renewal::Asked(_) | Renewal::Refused(_), _)
            | (Renewal::None | Renewal::Holding, State::Loading) => return Verdict::Wait,
            (Renewal::None | Renewal::Holding, State::Expired { .. } | State::SignedOut) if self.login.is_some() => {
                return Verdict::Wait;
            }
            (Renewal::None | Renewal::Holding, State::Expired { .. } | State::SignedIn(_) | State::SignedOut) => {}
        }
        let renewed = match (self.can_renew(), self.paused(now)) {
            (true, None) => Some(Verdict::Renew),
            (true, Some(error)) => Some(Verdict::Refuse(error)),
            (false, _) => None,
        };
        match &self.state {
            State::Expired { error, .. } => renewed.unwrap_or(Verdict::Refuse(*error)),
            State::Loading | State::SignedOut => renewed.unwrap_or(Verdict::Refuse(TokenError::Missing)),
            State::SignedIn(tokens) => match (self.will_do(now, tokens, demand), renewed) {
                (WillDo::Yes, _) | (WillDo::IfMust, Some(Verdict::Refuse(_)) | None) => Verdict::Give,
                (WillDo::No, None) => Verdict::End(self.refusal.unwrap_or(TokenError::Expired)),
                (WillDo::IfMust | WillDo::No, Some(renewed)) => renewed,
            },
        }
    }

    /// Whether the present token is what is asked for.
    fn will_do(&self, now: Now, tokens: &TokenSet, demand: Demand) -> WillDo {
        let (current, latest) = (self.generation, self.latest(now));
        let is_usable = tokens.is_usable_at(latest);
        let is_good = match demand {
            Demand::NotDoubted(generation) | Demand::NotRejected(generation) => generation != current && is_usable,
            Demand::UsableFor(life) => is_usable && !tokens.is_expired_at(latest.after(life)),
        };
        // Only the server's word ends a token whose end nobody knows for sure, or dials that fail without a word.
        let is_over = demand == Demand::NotRejected(current)
            || self.is_expired(now)
            || demand == Demand::NotDoubted(current) && tokens.is_expired_at(latest);
        match (is_good, is_over) {
            (true, _) => WillDo::Yes,
            (false, false) => WillDo::IfMust,
            (false, true) => WillDo::No,
        }
    }

    pub(super) fn granted(&self) -> Result<Grant, TokenError> {
        match &self.state {
            State::SignedIn(tokens) => Ok(self.grant(tokens)),
            State::Expired { error, .. } => Err(*error),
            State::Loading | State::SignedOut => Err(TokenError::Missing),
        }
    }

    /// Asks anew for whoever waits.
    pub(super) fn ask_again(&mut self, now: Now) {
        for want in core::mem::take(&mut self.wants) {
            self.on_want(now, want);
        }
    }
}
