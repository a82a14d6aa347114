//! Token requests: whether the present token meets the requirement, or is renewed first.

use super::Session;
use super::io::{AccessToken, TokenRequest, TokenRequirement};
use super::state::{Login, Refresh, State};
use crate::error::TokenError;
use crate::proto::Now;
use crate::proto::token::TokenSet;

/// How a token request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// There is no valid token and there will be none: the session ends.
    End(TokenError),
    /// It is answered with the present token.
    Give,
    Refuse(TokenError),
    /// It waits for a renewal that starts now.
    Renew,
    /// It waits for what is in progress.
    Wait,
}

/// Whether the present token meets the requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WillDo {
    /// Only if no other can be had.
    IfMust,
    No,
    Yes,
}

impl Session {
    pub(super) fn on_token_request(&mut self, now: Now, request: TokenRequest) {
        match self.verdict(now, request.requirement) {
            Verdict::End(error) => {
                self.expire(error);
                self.answer(request, Err(error));
            }
            Verdict::Give => {
                let granted = self.access_token();
                self.answer(request, granted);
            }
            Verdict::Refuse(error) => self.answer(request, Err(error)),
            Verdict::Renew => {
                self.token_requests.push(request);
                self.renew(now);
            }
            Verdict::Wait => self.token_requests.push(request),
        }
    }

    #[inline(never)]
    pub(super) fn refuse_token_requests(&mut self, error: TokenError) {
        for request in core::mem::take(&mut self.token_requests) {
            self.answer(request, Err(error));
        }
    }

    /// How a token request is answered.
    fn verdict(&self, now: Now, requirement: TokenRequirement) -> Verdict {
        if requirement.rejected().is_some_and(|generation| generation < self.first_generation) {
            return Verdict::Refuse(TokenError::Superseded);
        }
        match (self.renewal, &self.state) {
            (Refresh::Locking | Refresh::Looking { .. } | Refresh::Requested(_) | Refresh::Refused(_), _)
            | (Refresh::None | Refresh::Holding, State::Loading) => return Verdict::Wait,
            (Refresh::None | Refresh::Holding, State::Expired { .. } | State::SignedOut)
                if !matches!(self.login, Login::None) =>
            {
                return Verdict::Wait;
            }
            (Refresh::None | Refresh::Holding, State::Expired { .. } | State::SignedIn(_) | State::SignedOut) => {}
        }
        let renewed = match (self.can_renew(), self.paused(now)) {
            (true, None) => Some(Verdict::Renew),
            (true, Some(error)) => Some(Verdict::Refuse(error)),
            (false, _) => None,
        };
        match &self.state {
            State::Expired { error, .. } => renewed.unwrap_or(Verdict::Refuse(*error)),
            State::Loading | State::SignedOut => renewed.unwrap_or(Verdict::Refuse(TokenError::Missing)),
            State::SignedIn(tokens) => match (self.will_do(now, tokens, requirement), renewed) {
                (WillDo::Yes, _) | (WillDo::IfMust, Some(Verdict::Refuse(_)) | None) => Verdict::Give,
                (WillDo::No, None) => Verdict::End(self.refusal.unwrap_or(TokenError::Expired)),
                (WillDo::IfMust | WillDo::No, Some(renewed)) => renewed,
            },
        }
    }

    /// Whether the present token meets the requirement.
    fn will_do(&self, now: Now, tokens: &TokenSet, requirement: TokenRequirement) -> WillDo {
        let (current, latest) = (self.generation, self.latest(now));
        let is_usable = tokens.is_usable_at(latest);
        let is_good = match requirement {
            TokenRequirement::PreferOther(generation) | TokenRequirement::OtherThan(generation) => {
                generation != current && is_usable
            }
            TokenRequirement::ValidFor(life) => is_usable && !tokens.is_expired_at(latest.after(life)),
        };
        // If the end of the token is uncertain, or handshakes fail without a reason, only a refusal by the server counts.
        let is_over = requirement == TokenRequirement::OtherThan(current)
            || self.is_expired(now)
            || requirement == TokenRequirement::PreferOther(current) && tokens.is_expired_at(latest);
        match (is_good, is_over) {
            (true, _) => WillDo::Yes,
            (false, false) => WillDo::IfMust,
            (false, true) => WillDo::No,
        }
    }

    pub(super) fn access_token(&self) -> Result<AccessToken, TokenError> {
        match &self.state {
            State::SignedIn(tokens) => Ok(self.token(tokens)),
            State::Expired { error, .. } => Err(*error),
            State::Loading | State::SignedOut => Err(TokenError::Missing),
        }
    }

    /// Decides again about pending token requests.
    pub(super) fn ask_again(&mut self, now: Now) {
        for request in core::mem::take(&mut self.token_requests) {
            self.on_token_request(now, request);
        }
    }
}
