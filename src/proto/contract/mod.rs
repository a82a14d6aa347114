//! What crosses between the parts that are written in Rust and those in JavaScript, declared once.
//!
//! Each enum says its numbers itself. The build makes the TypeScript face's `const enum`s of [`tables`], and the constants at the top of the
//! browser's drivers.

mod crossing;
mod numbers;
mod option;
mod parts;

pub use crossing::{
    ConnectionInput, ConnectionOutput, HttpEnd, ReceiveAnswer, RequirementKind, SendAnswer, SessionInput,
    SessionOutput, SourceAnswer,
};
pub(crate) use numbers::numbered;
pub use numbers::{NumberRow, Numbered};
pub use option::{Group, Kind, OptionGroup, OptionValue, Reads, Row, Value};
pub(crate) use option::{options, read_into, read_needed};
pub use parts::{ChangePart, FailurePart, Remedy, SchemeKind, StatPart};

use super::Framing;
use super::close::CloseAction;
use super::connection::{
    ConnectionConfig, ConnectionState, DeliveryStatus, PageEvent, Phase, Question, SuspendReason, WhenHidden,
    WhenSignedOut,
};
use super::http::{BodyEncoding, Credentials, HttpCall, Method};
use super::outbox::OutboxPolicy;
use super::scheme::{Cookie, Encoding, FirstMessage, Query, Subprotocol, Ticket};
use super::session::{EndpointAuthorization, Reason, SessionConfig, SessionState, StoreEnd, TimeUnit};

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
        table::<ChangePart>(),
        table::<CloseAction>(),
        table::<ConnectionInput>(),
        table::<ConnectionOutput>(),
        table::<ConnectionState>(),
        table::<Credentials>(),
        table::<RequirementKind>(),
        table::<Encoding>(),
        table::<EndpointAuthorization>(),
        table::<FailurePart>(),
        table::<DeliveryStatus>(),
        table::<Framing>(),
        table::<HttpCall>(),
        table::<HttpEnd>(),
        table::<Method>(),
        table::<OutboxPolicy>(),
        table::<PageEvent>(),
        table::<Phase>(),
        table::<Question>(),
        table::<Reason>(),
        table::<ReceiveAnswer>(),
        table::<Remedy>(),
        table::<SchemeKind>(),
        table::<SendAnswer>(),
        table::<SessionInput>(),
        table::<SessionOutput>(),
        table::<SessionState>(),
        table::<SourceAnswer>(),
        table::<StatPart>(),
        table::<StoreEnd>(),
        table::<SuspendReason>(),
        table::<TimeUnit>(),
        table::<WhenHidden>(),
        table::<WhenSignedOut>(),
    ]
}

/// Returns the schemes, each with its options.
#[must_use]
pub const fn schemes() -> [(SchemeKind, Option<&'static Group>); 6] {
    [
        (SchemeKind::Anonymous, None),
        (SchemeKind::Cookie, Some(&Cookie::GROUP)),
        (SchemeKind::FirstMessage, Some(&FirstMessage::GROUP)),
        (SchemeKind::Ticket, Some(&Ticket::GROUP)),
        (SchemeKind::Query, Some(&Query::GROUP)),
        (SchemeKind::Subprotocol, Some(&Subprotocol::GROUP)),
    ]
}

/// Returns every group of options, each behind those within it.
#[must_use]
pub fn groups() -> Vec<&'static Group> {
    fn collect(group: &'static Group, found: &mut Vec<&'static Group>) {
        for row in group.rows {
            if let Some(inner) = row.kind.group() {
                collect(inner, found);
            }
            if let Kind::Scheme = row.kind {
                schemes().into_iter().filter_map(|(_, group)| group).for_each(|inner| collect(inner, found));
            }
        }
        if found.iter().all(|known| known.name != group.name) {
            found.push(group);
        }
    }
    let mut found = Vec::new();
    collect(&SessionConfig::GROUP, &mut found);
    collect(&ConnectionConfig::GROUP, &mut found);
    found
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

    #[test]
    fn every_option_has_a_name_of_its_own_and_says_what_it_is() {
        for group in groups() {
            let mut names: Vec<_> = group.rows.iter().map(|row| row.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), group.rows.len(), "{} has a name twice", group.name);
            let crossing = group.rows.iter().take_while(|row| !matches!(row.kind, Kind::Face(..))).count();
            assert_eq!(crossing, group.places as usize, "{}: those of the face come last", group.name);
            assert!(
                group.rows.iter().all(|row| !row.about.trim().is_empty()),
                "{} has a row without a word",
                group.name
            );
        }
    }

    #[test]
    fn what_is_written_in_a_row_stands_in_the_order_of_its_places() {
        fn in_order<T: Numbered>() {
            assert!(T::ALL.iter().zip(0..).all(|(part, place)| part.place() == place), "{}", T::ENUM);
        }
        in_order::<ChangePart>();
        in_order::<FailurePart>();
        in_order::<StatPart>();
    }

    #[test]
    fn the_schemes_stand_in_the_order_of_their_numbers() {
        let numbers = schemes().map(|(kind, _)| kind.number());
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
        assert_eq!(SchemeKind::ALL.len(), numbers.len());
    }
}
