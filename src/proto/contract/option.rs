//! Options: each is declared once, with its public name, what it takes, its default and one sentence.
//!
//! Of a group of options ([`options!`]) the macro makes the Rust struct, its defaults and its reader. The build makes the rest of the same
//! rows: the TypeScript face's types and the rows of its validator, and the reference in the docs. So an option is two edits: its row, and
//! its use.

use super::{NumberRow, Numbered, SchemeKind};
use crate::proto::close::CloseTable;
use crate::proto::scheme::Scheme;
use crate::proto::{Json, Millis, Url, UrlKind};

/// What an option takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// The address of a socket, which is no option: it stands before them.
    Address,
    /// One variant of an enum, by its name: the enum's own, and its variants.
    Choice(&'static str, &'static [NumberRow]),
    /// A close code and what it asks for, any number of them.
    CloseCodes,
    /// A whole number from 0 to 2^32 - 1.
    Count,
    /// The face alone reads it: what it is in TypeScript, and its default.
    Face(&'static str, &'static str),
    /// True or false.
    Flag,
    /// That, or a function that the face calls with this type: it returns the same, or a promise of it.
    FunctionOr(&'static Self, &'static str),
    /// Options in a group of their own.
    Group(&'static Group),
    /// Options in a group of their own, or true for those of another option.
    GroupOrTrue(&'static Group),
    /// Options in a group of their own, or the URL alone.
    GroupOrUrl(&'static Group),
    /// A text that can stand in an HTTP header (RFC 9110 §5.5).
    Header,
    /// Hosts as a URL has them.
    Hosts,
    /// A JSON value.
    Json,
    /// Milliseconds, up to a day.
    Millis {
        /// The least.
        least: u32,
    },
    /// A scheme, by its `type`, with the options of that.
    Scheme,
    /// HTTP statuses, from 100 to 599: an array of them, or one.
    Statuses,
    /// A text that is not empty.
    Text,
    /// That, or null for none.
    TextOrNull,
    /// Tokens (RFC 9110 §5.6.2): an array of them, or one.
    Tokens,
    /// A token, or the beginning of one.
    TokenStart,
    /// The URL of an HTTP endpoint that gets a credential.
    Url,
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The name that an app writes.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether it cannot be left out.
    pub is_required: bool,
    /// What holds where it is left out, as JavaScript would write it; `None` for nothing.
    pub default: fn() -> Option<String>,
    /// What it is.
    pub about: &'static str,
}

/// Options that belong together.
#[derive(Debug)]
pub struct Group {
    /// The name of the type in TypeScript.
    pub name: &'static str,
    /// What they are of.
    pub about: &'static str,
    /// Each of them. Those of the face alone come last: they do not cross.
    pub rows: &'static [Row],
    /// How many cross.
    pub places: u32,
}

/// The value of an option: a member of an object, or a place in the array that the face passes.
pub trait Value: Sized {
    /// What a reader says of an option that has no such value.
    type Wrong;

    /// Says that an option has no such value, by its name.
    fn wrong(name: &'static str) -> Self::Wrong;
    /// The option at a place of a group, or of that name; `None` if it was left out.
    fn member(&self, place: u32, name: &'static str) -> Option<Self>;
    /// Refuses a group that has something else than its options.
    ///
    /// # Errors
    /// What is wrong.
    fn check<T: OptionGroup>(&self) -> Result<(), Self::Wrong>;
    /// Whether it is null.
    fn is_null(&self) -> bool;
    /// As a number.
    fn number(&self) -> Option<f64>;
    /// As true or false.
    fn flag(&self) -> Option<bool>;
    /// As a text.
    fn text(&self) -> Option<String>;
    /// As texts.
    fn texts(&self) -> Option<Vec<String>>;
    /// As HTTP statuses.
    fn statuses(&self) -> Option<Vec<u16>>;
    /// As a JSON value.
    fn json(&self) -> Json;
    /// As a variant of an enum.
    fn choice<T: Numbered>(&self) -> Option<T>;
    /// As an address.
    ///
    /// # Errors
    /// What is wrong with it.
    fn url(&self, name: &'static str, kind: UrlKind) -> Result<Url, Self::Wrong>;
    /// As a scheme, and the options of it.
    fn scheme(&self) -> Option<(SchemeKind, Self)>;
    /// As close codes and what they ask for.
    fn close_codes(&self) -> Option<CloseTable>;
}

/// A group of options.
pub trait OptionGroup: OptionValue {
    /// The name of the type in TypeScript.
    const NAME: &'static str;
    /// How many cross.
    const PLACES: u32;
    /// The rows.
    const GROUP: Group;
}

/// What the reader of an option has to know of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// A socket's address.
    Address,
    /// A JSON value, of which null is one.
    Json,
    /// Anything else.
    Other,
}

impl Kind {
    /// Returns the options that it takes, if it takes a group of them.
    #[must_use]
    pub const fn group(self) -> Option<&'static Group> {
        if let Self::Group(group) | Self::GroupOrTrue(group) | Self::GroupOrUrl(group) = self {
            Some(group)
        } else {
            None
        }
    }

    /// Returns what the reader has to know.
    #[must_use]
    pub const fn reads(self) -> Reads {
        match self {
            Self::Address => Reads::Address,
            Self::Json => Reads::Json,
            Self::FunctionOr(kind, _) => kind.reads(),
            Self::Choice(..)
            | Self::CloseCodes
            | Self::Count
            | Self::Face(..)
            | Self::Flag
            | Self::Group(_)
            | Self::GroupOrTrue(_)
            | Self::GroupOrUrl(_)
            | Self::Header
            | Self::Hosts
            | Self::Millis { .. }
            | Self::Scheme
            | Self::Statuses
            | Self::Text
            | Self::TextOrNull
            | Self::Tokens
            | Self::TokenStart
            | Self::Url => Reads::Other,
        }
    }
}

/// What an option can be.
pub trait OptionValue: Sized {
    /// What it takes, unless its row says it more closely.
    const KIND: Kind;

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong, if it has no such value.
    fn read<V: Value>(value: &V, name: &'static str, reads: Reads) -> Result<Self, V::Wrong>;

    /// As JavaScript would write it, whole; `None` for nothing.
    fn show(&self) -> Option<String>;
}

/// Reads an option over its default, if it is there.
#[inline(never)]
pub(crate) fn read_into<V: Value, T: OptionValue>(
    field: &mut T,
    group: &V,
    place: u32,
    name: &'static str,
    reads: Reads,
) -> Result<(), V::Wrong> {
    if let Some(value) = group.member(place, name) {
        *field = T::read(&value, name, reads)?;
    }
    Ok(())
}

/// Reads an option that cannot be left out.
pub(crate) fn read_needed<V: Value, T: OptionValue>(
    group: &V,
    place: u32,
    name: &'static str,
    reads: Reads,
) -> Result<T, V::Wrong> {
    let value = group.member(place, name).ok_or_else(|| V::wrong(name))?;
    T::read(&value, name, reads)
}

macro_rules! option_value {
    ($Type:ty, $kind:expr, $read:expr, $show:expr) => {
        impl OptionValue for $Type {
            const KIND: Kind = $kind;

            fn read<V: Value>(value: &V, name: &'static str, _: Reads) -> Result<Self, V::Wrong> {
                let read: fn(&V) -> Option<Self> = $read;
                read(value).ok_or_else(|| V::wrong(name))
            }

            fn show(&self) -> Option<String> {
                let show: fn(&Self) -> Option<String> = $show;
                show(self)
            }
        }
    };
}

option_value!(bool, Kind::Flag, Value::flag, |flag| Some(flag.to_string()));
option_value!(Millis, Kind::Millis { least: 0 }, |value| Some(Millis::from_millis(value.number()? as u64)), |millis| {
    Some(millis.as_millis().to_string())
});
option_value!(
    usize,
    Kind::Count,
    |value| Some(value.number()? as Self),
    // The most there is stands for no limit.
    |count| (*count != usize::MAX).then(|| count.to_string())
);
option_value!(Vec<u16>, Kind::Statuses, Value::statuses, |statuses| (!statuses.is_empty())
    .then(|| format!("{statuses:?}")));
option_value!(String, Kind::Text, Value::text, |text| Some(["'", text, "'"].concat()));
option_value!(Vec<String>, Kind::Hosts, Value::texts, |texts| (!texts.is_empty()).then(|| format!("{texts:?}")));
option_value!(Json, Kind::Json, |value| Some(value.json()), |json| Some(json.print()));
option_value!(CloseTable, Kind::CloseCodes, Value::close_codes, CloseTable::show);

impl OptionValue for Url {
    const KIND: Kind = Kind::Url;

    fn read<V: Value>(value: &V, name: &'static str, reads: Reads) -> Result<Self, V::Wrong> {
        value.url(name, if reads == Reads::Address { UrlKind::WebSocket } else { UrlKind::Http })
    }

    fn show(&self) -> Option<String> {
        Some(self.to_text())
    }
}

impl OptionValue for Scheme {
    const KIND: Kind = Kind::Scheme;

    fn read<V: Value>(value: &V, name: &'static str, reads: Reads) -> Result<Self, V::Wrong> {
        let (scheme, options) = value.scheme().ok_or_else(|| V::wrong("scheme.type"))?;
        Ok(match scheme {
            SchemeKind::Anonymous => Self::Anonymous,
            SchemeKind::Cookie => Self::Cookie(OptionValue::read(&options, name, reads)?),
            SchemeKind::FirstMessage => Self::FirstMessage(OptionValue::read(&options, name, reads)?),
            SchemeKind::Query => Self::Query(OptionValue::read(&options, name, reads)?),
            SchemeKind::Subprotocol => Self::Subprotocol(OptionValue::read(&options, name, reads)?),
            SchemeKind::Ticket => Self::Ticket(OptionValue::read(&options, name, reads)?),
        })
    }

    fn show(&self) -> Option<String> {
        let (kind, options) = match self {
            Self::Anonymous => (SchemeKind::Anonymous, None),
            Self::Cookie(options) => (SchemeKind::Cookie, options.show()),
            Self::FirstMessage(options) => (SchemeKind::FirstMessage, options.show()),
            #[cfg(not(target_family = "wasm"))]
            Self::Header => return Some("header".to_owned()),
            Self::Query(options) => (SchemeKind::Query, options.show()),
            Self::Subprotocol(options) => (SchemeKind::Subprotocol, options.show()),
            Self::Ticket(options) => (SchemeKind::Ticket, options.show()),
        };
        Some([kind.name(), &options.unwrap_or_default()].concat())
    }
}

impl<T: OptionValue> OptionValue for Option<T> {
    const KIND: Kind = T::KIND;

    fn read<V: Value>(value: &V, name: &'static str, reads: Reads) -> Result<Self, V::Wrong> {
        if value.is_null() && reads != Reads::Json {
            return Ok(None);
        }
        T::read(value, name, reads).map(Some)
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }
}

/// Declares a group of options: a struct with its defaults (`new`, which takes what cannot be left out, or `Default`) and its reader.
///
/// `needs` cannot be left out; `takes` has defaults; `face` does not cross; `own` is no option, and set by drivers.
macro_rules! options {
    (
        $(#[doc = $about_all:literal])+
        $(#[derive($($Derive:ident),+)])?
        pub struct $Name:ident = $public:literal {
            $( needs { $( $(#[doc = $need_about:literal])+ $need:ident: $Need:ty, $need_name:literal $(, $need_kind:expr)?; )+ } )?
            takes { $( $(#[doc = $about:literal])+ $field:ident: $Type:ty = $default:expr, $name:literal $(, $kind:expr)?; )* }
            $( face { $( $(#[doc = $face_about:literal])+ $face_name:literal: $face_type:literal = $face_default:literal; )+ } )?
            $( own { $( $(#[doc = $own_about:literal])+ $own:ident: $Own:ty = $own_default:expr; )+ } )?
        }
    ) => {
        $(#[doc = $about_all])+
        #[derive(Clone, Debug $($(, $Derive)+)?)]
        pub struct $Name {
            $( $( $(#[doc = $need_about])+ pub $need: $Need, )+ )?
            $( $(#[doc = $about])+ pub $field: $Type, )*
            $( $( $(#[doc = $own_about])+ pub $own: $Own, )+ )?
        }

        options!(@new $Name { $( $( $need: $Need, )+ )? } { $( $field: $default, )* $( $( $own: $own_default, )+ )? });

        impl $crate::proto::contract::OptionGroup for $Name {
            const NAME: &'static str = $public;
            const PLACES: u32 = {
                let places: &[&str] = &[ $( $( $need_name, )+ )? $( $name, )* ];
                places.len() as u32
            };
            const GROUP: $crate::proto::contract::Group = {
                $crate::proto::contract::Group {
                    name: $public,
                    about: concat!($( $about_all, "\n" ),+),
                    rows: &[
                        $( $( $crate::proto::contract::Row {
                            name: $need_name,
                            kind: options!(@kind $Need $(, $need_kind)?),
                            is_required: true,
                            default: || None,
                            about: concat!($( $need_about, "\n" ),+),
                        }, )+ )?
                        $( $crate::proto::contract::Row {
                            name: $name,
                            kind: options!(@kind $Type $(, $kind)?),
                            is_required: false,
                            default: || { let default: $Type = $default; $crate::proto::contract::OptionValue::show(&default) },
                            about: concat!($( $about, "\n" ),+),
                        }, )*
                        $( $( $crate::proto::contract::Row {
                            name: $face_name,
                            kind: $crate::proto::contract::Kind::Face($face_type, $face_default),
                            is_required: false,
                            default: || Some($face_default.to_owned()).filter(|text| !text.is_empty()),
                            about: concat!($( $face_about, "\n" ),+),
                        }, )+ )?
                    ],
                    places: Self::PLACES,
                }
            };
        }

        impl $crate::proto::contract::OptionValue for $Name {
            const KIND: $crate::proto::contract::Kind = $crate::proto::contract::Kind::Group(&<Self as $crate::proto::contract::OptionGroup>::GROUP);

            #[allow(unused_assignments, unused_mut, reason = "of the last place, and of a group that only needs")]
            fn read<V: $crate::proto::contract::Value>(
                value: &V,
                _: &'static str,
                _: $crate::proto::contract::Reads,
            ) -> Result<Self, V::Wrong> {
                value.check::<Self>()?;
                let mut place = 0;
                $( $(
                    let $need = $crate::proto::contract::read_needed(value, place, $need_name, const { options!(@kind $Need $(, $need_kind)?).reads() })?;
                    place += 1;
                )+ )?
                let mut options = options!(@made $( $( $need )+ )?);
                $(
                    $crate::proto::contract::read_into(&mut options.$field, value, place, $name, const { options!(@kind $Type $(, $kind)?).reads() })?;
                    place += 1;
                )*
                Ok(options)
            }

            fn show(&self) -> Option<String> {
                let members = [
                    $( $( ($need_name, $crate::proto::contract::OptionValue::show(&self.$need)), )+ )?
                    $( ($name, $crate::proto::contract::OptionValue::show(&self.$field)), )*
                ];
                let shown = members.map(|(name, value)| [name, ": ", value.as_deref().unwrap_or("none")].concat());
                Some(["{ ", &shown.join(", "), " }"].concat())
            }
        }
    };
    (@kind $Type:ty) => { <$Type as $crate::proto::contract::OptionValue>::KIND };
    (@kind $Type:ty, $kind:expr) => { $kind };
    (@made) => { Self::default() };
    (@made $($need:ident)+) => { Self::new($($need),+) };
    (@new $Name:ident {} { $($fields:tt)* }) => {
        impl Default for $Name {
            fn default() -> Self {
                Self { $($fields)* }
            }
        }
    };
    (@new $Name:ident { $($need:ident: $Need:ty,)+ } { $($fields:tt)* }) => {
        impl $Name {
            /// Returns the default options.
            #[must_use]
            pub fn new($($need: $Need),+) -> Self {
                Self { $($need,)+ $($fields)* }
            }
        }
    };
}
pub(crate) use options;
