//! What a close code asks for: one table, overridable per code.
//!
//! Codes mean different things to different servers (3008 is a timeout at IANA and "slow" at Centrifugo), so the
//! defaults are mild: what is unknown is retried.
//!
//! Source: RFC 6455 §7.4, the IANA WebSocket Close Code registry, graphql-transport-ws PROTOCOL.md.

use super::contract::numbered;
use crate::error::Disposition;
use crate::proto::Millis;

/// The least wait for codes that say "not now".
pub const SLOW_RETRY: Millis = Millis::from_secs(15);

numbered! {
    /// What to do about a close code.
    pub enum CloseAction {
        /// Trying again cannot help.
        GiveUp = 0 "giveUp",
        /// The credential was refused: refresh once, then sign in.
        RefreshToken = 1 "refreshToken",
        /// Try again after the backoff.
        Retry = 2 "retry",
        /// Try again, but not soon ([`SLOW_RETRY`]).
        RetrySlowly = 3 "retrySlowly",
    }
}

impl CloseAction {
    /// Returns the action as a disposition.
    #[must_use]
    pub const fn disposition(self) -> Disposition {
        match self {
            Self::GiveUp => Disposition::GiveUp,
            Self::RefreshToken => Disposition::RefreshToken,
            Self::Retry => Disposition::RETRY,
            Self::RetrySlowly => Disposition::Retry { after: Some(SLOW_RETRY) },
        }
    }
}

/// Every code whose meaning is fixed; any other code is retried. Their names are in [`close_code_name`].
pub const CLOSE_CODES: &[(u16, CloseAction)] = &[
    (1000, CloseAction::Retry),
    (1001, CloseAction::Retry),
    (1002, CloseAction::GiveUp),
    (1003, CloseAction::GiveUp),
    (1005, CloseAction::Retry),
    (1006, CloseAction::Retry),
    (1007, CloseAction::GiveUp),
    (1008, CloseAction::RefreshToken),
    (1009, CloseAction::GiveUp),
    (1010, CloseAction::GiveUp),
    (1011, CloseAction::Retry),
    (1012, CloseAction::Retry),
    (1013, CloseAction::RetrySlowly),
    (1014, CloseAction::Retry),
    (3000, CloseAction::RefreshToken),
    (3003, CloseAction::GiveUp),
    (3008, CloseAction::RetrySlowly),
    (4001, CloseAction::RefreshToken),
    (4003, CloseAction::GiveUp),
    (4008, CloseAction::RetrySlowly),
    (4400, CloseAction::GiveUp),
    (4401, CloseAction::RefreshToken),
    (4403, CloseAction::GiveUp),
    (4406, CloseAction::GiveUp),
    (4408, CloseAction::RetrySlowly),
    (4429, CloseAction::RetrySlowly),
];

/// Returns the name of a code in [`CLOSE_CODES`]; kept apart from them, since only documents need it.
#[must_use]
pub const fn close_code_name(code: u16) -> Option<&'static str> {
    Some(match code {
        1000 => "Normal Closure, by the server",
        1001 => "Going Away",
        1002 => "Protocol Error",
        1003 => "Unsupported Data",
        1005 => "No Status Received",
        1006 => "Abnormal Closure",
        1007 => "Invalid Frame Payload Data",
        1008 => "Policy Violation",
        1009 => "Message Too Big",
        1010 => "Mandatory Extension",
        1011 => "Internal Error",
        1012 => "Service Restart",
        1013 => "Try Again Later",
        1014 => "Bad Gateway",
        3000 => "Unauthorized",
        3003 => "Forbidden",
        3008 => "Timeout",
        4001 => "Unauthorized (by custom)",
        4003 => "Forbidden (by custom)",
        4008 => "Timeout (by custom)",
        4400 => "Bad Request (graphql-transport-ws)",
        4401 => "Unauthorized (graphql-transport-ws)",
        4403 => "Forbidden (graphql-transport-ws)",
        4406 => "Subprotocol Not Acceptable (graphql-transport-ws)",
        4408 => "Connection Initialisation Timeout (graphql-transport-ws)",
        4429 => "Too Many Requests (graphql-transport-ws)",
        _ => return None,
    })
}

/// The table of one connection: the defaults and the app's own rows.
#[derive(Clone, Debug, Default)]
pub struct CloseTable(Vec<(u16, CloseAction)>);

impl CloseTable {
    /// Returns the app's own rows, if there are some.
    pub(crate) fn show(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| format!("{:?}", self.0))
    }

    /// Sets the action for one code.
    pub fn set(&mut self, code: u16, action: CloseAction) {
        self.0.retain(|(known, _)| *known != code);
        self.0.push((code, action));
    }

    /// Returns the action for a code: the app's row, else the default's, else retry.
    #[must_use]
    pub fn action(&self, code: u16) -> CloseAction {
        let own = self.0.iter().find(|(known, _)| *known == code).map(|(_, action)| *action);
        let default = || CLOSE_CODES.iter().find(|(known, _)| *known == code).map(|(_, action)| *action);
        own.or_else(default).unwrap_or(CloseAction::Retry)
    }

    /// Returns whether a server closes with this code on purpose when it refuses a first message: 1000 and 1005, unless the
    /// app says otherwise, or auth.
    pub(crate) fn is_refusal(&self, code: u16) -> bool {
        let is_own = self.0.iter().any(|(known, _)| *known == code);
        (matches!(code, 1000 | 1005) && !is_own) || self.action(code) == CloseAction::RefreshToken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_103_every_code_of_a_close_frame_has_an_action_and_unknown_ones_are_retried() {
        let table = CloseTable::default();
        let retry =
            [1000, 1001, 1005, 1006, 1011, 1012, 1014, 0, 999, 1004, 1015, 1016, 2999, 3001, 4000, 4999, 5000, 65535];
        let slow = [1013, 3008, 4008, 4408, 4429];
        let refresh = [1008, 3000, 4001, 4401];
        let fatal = [1002, 1003, 1007, 1009, 1010, 3003, 4003, 4400, 4403, 4406];
        for code in retry {
            assert_eq!(table.action(code), CloseAction::Retry, "{code}");
        }
        for code in slow {
            assert_eq!(table.action(code), CloseAction::RetrySlowly, "{code}");
        }
        for code in refresh {
            assert_eq!(table.action(code), CloseAction::RefreshToken, "{code}");
        }
        for code in fatal {
            assert_eq!(table.action(code), CloseAction::GiveUp, "{code}");
        }
        for code in 0..=u16::MAX {
            let listed = slow.contains(&code) || refresh.contains(&code) || fatal.contains(&code);
            assert_eq!(table.action(code) == CloseAction::Retry, !listed, "{code}");
        }
    }

    #[test]
    fn every_code_of_the_table_has_a_name_and_no_other() {
        for code in 0..=u16::MAX {
            let is_listed = CLOSE_CODES.iter().any(|(known, _)| *known == code);
            assert_eq!(close_code_name(code).is_some(), is_listed, "{code}");
        }
    }

    #[test]
    fn an_app_decides_for_its_own_codes() {
        let mut table = CloseTable::default();
        table.set(4403, CloseAction::Retry);
        table.set(4403, CloseAction::RefreshToken);
        assert_eq!(table.action(4403), CloseAction::RefreshToken);
        assert!(table.is_refusal(4403) && table.is_refusal(1000) && table.is_refusal(1005));
        table.set(1000, CloseAction::Retry);
        assert!(!table.is_refusal(1000));
        assert!(!table.is_refusal(1006) && !table.is_refusal(1001) && !table.is_refusal(1011));
    }
}
