//! Errors of the caller: returned or thrown, never reported as an event.

/// A mistake in the options: thrown at construction, naming the option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub enum ConfigError {
    /// A plain-text address for a credential.
    InsecureUrl {
        /// The option.
        option: &'static str,
        /// The host of the address.
        host: String,
    },
    /// An option with a value that cannot work.
    InvalidOption {
        /// The option.
        option: &'static str,
        /// What is wrong and what would be right.
        problem: &'static str,
        /// The part of the value that is wrong, where there is one to show.
        value: String,
    },
    /// An address that cannot be dialled.
    InvalidUrl {
        /// The option.
        option: &'static str,
        /// What is wrong.
        problem: UrlProblem,
    },
}

impl ConfigError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InsecureUrl { .. } => "INSECURE_URL",
            Self::InvalidOption { .. } => "INVALID_OPTION",
            Self::InvalidUrl { .. } => "INVALID_URL",
        }
    }

    pub(crate) fn option(option: &'static str, problem: &'static str) -> Self {
        Self::InvalidOption { option, problem, value: String::new() }
    }

    /// Returns the option, what is wrong with it, and the part that is wrong.
    #[must_use]
    pub fn message(&self) -> String {
        let (option, problem, value) = match self {
            Self::InsecureUrl { option, host } => (option, INSECURE, host.as_str()),
            Self::InvalidOption { option, problem, value } => (option, *problem, value.as_str()),
            Self::InvalidUrl { option, problem } => (option, problem.message(), ""),
        };
        let colon = if value.is_empty() { "" } else { ": " };
        [option, ": ", problem, colon, value].concat()
    }
}

const INSECURE: &str = "a credential would go unencrypted; use wss: or https:, or allowInsecure in a test network";

/// What is wrong with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlProblem {
    /// Tabs, line ends and spaces are stripped silently by browsers.
    ControlCharacter,
    /// Nothing there.
    Empty,
    /// `#` throws in every browser.
    Fragment,
    /// Neither ws, wss, http nor https.
    Scheme,
    /// Not a URL.
    Unreadable,
    /// `user:password@` stays readable in `ws.url`.
    UserInfo,
}

impl UrlProblem {
    const fn message(self) -> &'static str {
        match self {
            Self::ControlCharacter => "the URL holds a space or a control character",
            Self::Empty => "the URL is empty",
            Self::Fragment => "the URL cannot have a fragment (`#`)",
            Self::Scheme => "a socket needs ws:, wss:, http: or https:, an endpoint http: or https:",
            Self::Unreadable => "this is not a URL",
            Self::UserInfo => "remove user:password@: it stays readable in `url`; a session has the credentials",
        }
    }
}

/// Why a message was not taken. The message stays with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub enum SendError {
    /// The socket is closed permanently.
    Closed,
    /// The outbox is full.
    QueueFull,
}

impl SendError {
    /// Returns the sentence, without numbers.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Closed => "the socket is closed; the message was not taken",
            Self::QueueFull => "the outbox is full; the message was not taken",
        }
    }

    /// Returns the stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::QueueFull => "QUEUE_FULL",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_option_is_named_with_what_is_wrong_in_it() {
        let error = ConfigError::InsecureUrl { option: "scheme.url", host: "example.com".to_owned() };
        assert_eq!(error.to_string(), format!("scheme.url: {INSECURE}: example.com"));
        let error = ConfigError::InvalidUrl { option: "url", problem: UrlProblem::Empty };
        assert_eq!(error.to_string(), "url: the URL is empty");
    }
}
