//! What a server says about the way back to it, in advance or when it goes.
//!
//! `{"retry_after": s, "spread": s}`, both in seconds: come back no sooner than that, and spread over so long. It stands in a
//! ticket's answer or an ack for the next loss, or in the reason of a close frame, where `{"reconnect": false}` means never.

use super::Json;
use crate::proto::Millis;

/// The longest wait that a server can ask for (`Retry-After`); anything above is cut to this.
pub const RETRY_AFTER_CAP: Millis = Millis::from_secs(300);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) retry_after: Option<Millis>,
    pub(crate) spread: Option<Millis>,
}

impl Hint {
    /// Reads what an object says; at most [`RETRY_AFTER_CAP`] each.
    pub(crate) fn of(object: &Json) -> Self {
        let span = |name| {
            let seconds = object.number_at(name).filter(|seconds| *seconds >= 0.0)?;
            Some(Millis::from_millis((seconds * 1000.0) as u64).min(RETRY_AFTER_CAP))
        };
        Self { retry_after: span("retry_after"), spread: span("spread") }
    }

    /// Takes over what another says.
    pub(crate) fn update(&mut self, other: Self) {
        self.retry_after = other.retry_after.or(self.retry_after);
        self.spread = other.spread.or(self.spread);
    }
}

/// Returns whether the reason of a close frame forbids to come back.
pub(crate) fn forbids(reason: &Json) -> bool {
    Json::parse(r#"{"reconnect":false}"#).is_some_and(|matcher| matcher.matches(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(text: &str) -> Option<(Option<u64>, Option<u64>, bool)> {
        let json = Json::parse(text)?;
        let Hint { retry_after, spread } = Hint::of(&json);
        let millis = Millis::as_millis;
        Some((retry_after.map(millis), spread.map(millis), forbids(&json)))
    }

    #[test]
    fn a_hint_is_seconds_never_negative_never_absurd_and_anything_else_is_none() {
        let rows = [
            (r#"{"retry_after":7,"spread":60}"#, Some((Some(7_000), Some(60_000), false))),
            (r#"{"retry_after":0.5}"#, Some((Some(500), None, false))),
            (r#"{"spread":"20"}"#, Some((None, Some(20_000), false))),
            (r#"{"spread":1e300,"retry_after":301}"#, Some((Some(300_000), Some(300_000), false))),
            (r#"{"spread":-1,"retry_after":"soon"}"#, Some((None, None, false))),
            (r#"{"reconnect":false,"spread":1}"#, Some((None, Some(1_000), true))),
            (r#"{"reconnect":true}"#, Some((None, None, false))),
            (r#"{"reconnect":0}"#, Some((None, None, false))),
            ("[1]", Some((None, None, false))),
            ("7", Some((None, None, false))),
            ("going away", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(hint(text), expected, "{text}");
        }
    }

    #[test]
    fn a_later_word_counts_and_silence_changes_nothing() {
        let mut hint = Hint::of(&Json::parse(r#"{"retry_after":1,"spread":2}"#).unwrap());
        hint.update(Hint::of(&Json::parse(r#"{"spread":3}"#).unwrap()));
        hint.update(Hint::default());
        assert_eq!((hint.retry_after, hint.spread), (Some(Millis::from_secs(1)), Some(Millis::from_secs(3))));
    }
}
