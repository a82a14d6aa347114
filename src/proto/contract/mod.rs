//! What crosses between the parts that are written in Rust and those in JavaScript, declared once.
//!
//! Each enum says its numbers itself. The build makes the TypeScript face's `const enum`s of [`tables`], and the constants at the top of the
//! browser's drivers.

mod heard;
mod numbers;
mod parts;

pub use heard::{Heard, HttpEnd, SourceAnswer};
pub(crate) use numbers::numbered;
pub use numbers::{NumberRow, Numbered};
pub use parts::{Remedy, SchemeKind, SessionNews, SessionPart, SocketPart};

use super::Framing;
use super::close::CloseAction;
use super::connection::{ConnectionState, Fate, OnRenewal, PageEvent, Phase};
use super::http::{BodyEncoding, Method};
use super::outbox::OutboxPolicy;
use super::scheme::Encoding;
use super::session::{Reason, SessionState, TimeUnit};

/// An enum that crosses: its name, and its variants.
pub type Table = (&'static str, &'static [NumberRow]);

/// Returns every enum that crosses.
#[must_use]
pub fn tables() -> Vec<Table> {
    fn table<T: Numbered>() -> Table {
        (T::ENUM, T::ROWS)
    }
    vec![
        table::<BodyEncoding>(),
        table::<CloseAction>(),
        table::<ConnectionState>(),
        table::<Encoding>(),
        table::<Fate>(),
        table::<Framing>(),
        table::<Heard>(),
        table::<HttpEnd>(),
        table::<Method>(),
        table::<OnRenewal>(),
        table::<OutboxPolicy>(),
        table::<PageEvent>(),
        table::<Phase>(),
        table::<Reason>(),
        table::<Remedy>(),
        table::<SchemeKind>(),
        table::<SessionNews>(),
        table::<SessionPart>(),
        table::<SessionState>(),
        table::<SocketPart>(),
        table::<SourceAnswer>(),
        table::<TimeUnit>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_number_is_none_and_every_known_one_is_its_variant() {
        for (place, state) in ConnectionState::ALL.iter().enumerate() {
            assert_eq!(ConnectionState::from_number(place as u8), Some(*state));
            assert_eq!(ConnectionState::from_name(state.name()), Some(*state));
        }
        assert_eq!((ConnectionState::from_number(6), ConnectionState::from_name("open")), (None, None));
        for (name, rows) in tables() {
            let mut numbers: Vec<_> = rows.iter().map(|(_, number, _)| *number).collect();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), rows.len(), "{name} has a number twice");
        }
    }
}
