//! Which messages a matcher describes, and the holes of messages: as npm/matching.ts.

use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::super::Json;

/// The id of a request or a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

/// What an id of gatepass is: servers take one or the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdType {
    /// A number: `7`.
    #[default]
    Number,
    /// A text: `"7"`.
    Text,
}

impl Id {
    pub(super) fn of(json: &Json) -> Option<Self> {
        if let Some(number) = json.as_number() {
            // Whole numbers up to 2⁵³ are exact.
            return (number.trunc() == number && number.abs() < 9e15).then_some(Self::Number(number as i64));
        }
        json.as_text().map(Self::Text)
    }

    pub(super) fn json(&self) -> Json {
        match self {
            Self::Number(number) => Json::whole(*number),
            Self::Text(text) => Json::text(text),
        }
    }

    /// Whether a server that takes texts for numbers takes one for the other.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What tells a message from others.
#[derive(Clone)]
pub enum Matcher {
    /// JSON that matches as a subset, with `"$id"` where the id is. `"$$"` at the beginning of a text is a plain `$`.
    Json(Json),
    /// A function of the message and the id. If it panics, it does not match.
    Function(Arc<MatcherFunction>),
}

/// Whether a message, with the id of the request or the subscription, is meant.
pub type MatcherFunction = dyn Fn(&Json, Option<&Id>) -> bool + Send + Sync;

impl Matcher {
    /// Makes a matcher of a function.
    pub fn function(matches: impl Fn(&Json, Option<&Id>) -> bool + Send + Sync + 'static) -> Self {
        Self::Function(Arc::new(matches))
    }

    /// Whether it describes a message.
    pub(super) fn fits(&self, message: &Json, id: Option<&Id>) -> bool {
        match self {
            // The panic of one function ends nothing else. Its message has been printed.
            Self::Function(matches) => catch_unwind(AssertUnwindSafe(|| matches(message, id))).unwrap_or(false),
            Self::Json(matcher) => matcher.captured(message).is_some_and(|holes| match holes.at("id") {
                // A server may answer with a text where it was told a number.
                Some(found) => id.is_some_and(|id| Id::of(&found).is_some_and(|found| found.is_like(id))),
                None => true,
            }),
        }
    }
}

impl From<Json> for Matcher {
    fn from(json: Json) -> Self {
        Self::Json(json)
    }
}

/// For `json!` of serde_json.
#[cfg(not(target_family = "wasm"))]
impl From<serde_json::Value> for Matcher {
    fn from(value: serde_json::Value) -> Self {
        Self::Json(value.into())
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(json) => f.debug_tuple("Json").field(json).finish(),
            Self::Function(_) => f.debug_tuple("Function").finish_non_exhaustive(),
        }
    }
}

pub(super) fn fits(matcher: Option<&Matcher>, message: &Json, id: Option<&Id>) -> bool {
    matcher.is_some_and(|matcher| matcher.fits(message, id))
}

/// A message with a value for one hole, everywhere. Without a value it is left out, in an array it is null. Everything else stays as it is.
pub(super) fn filled(message: &Json, hole: &str, value: Option<&Json>) -> Option<Json> {
    if message.as_text().as_deref() == Some(hole) {
        return value.cloned();
    }
    if let Some(items) = message.items() {
        let fill = |item| filled(item, hole, value).unwrap_or_else(Json::null);
        return Some(Json::array(items.iter().map(fill).collect()));
    }
    let members = message.members();
    if members.is_empty() {
        return Some(message.clone());
    }
    let fill = |(name, item): (String, Json)| Some((name, filled(&item, hole, value)?));
    Some(Json::of_members(members.into_iter().filter_map(fill).collect()))
}

/// The longest array that is made for an id.
const MOST_ITEMS: usize = 1_000;

/// A copy of a message with an id at a path.
pub(super) fn with_id(message: Option<&Json>, path: &str, id: &Json) -> Json {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let value = |present: Option<&Json>| rest.map_or_else(|| id.clone(), |rest| with_id(present, rest, id));
    // An array does not grow for more than an id.
    let place = name.parse::<usize>().ok().filter(|place| *place < MOST_ITEMS);
    if let (Some(present), Some(mut items)) = (message, message.and_then(Json::items)) {
        let Some(place) = place else { return present.clone() };
        let item = value(items.get(place));
        items.resize_with(items.len().max(place + 1), Json::null);
        if let Some(present) = items.get_mut(place) {
            *present = item;
        }
        return Json::array(items);
    }
    let mut members = message.map(Json::members).unwrap_or_default();
    match members.iter_mut().find(|(present, _)| present == name) {
        Some((_, present)) => *present = value(Some(present)),
        None => members.push((name.to_owned(), value(None))),
    }
    Json::of_members(members)
}

/// What a message is on every connection: without the id, where the matcher has it.
pub(super) fn likeness_of(message: &Json, id: Option<&Id>, matcher: &Matcher, path: Option<&str>) -> String {
    let Some(id) = id else { return message.key() };
    let mut names = Vec::new();
    names.extend(path.and_then(|path| path.rsplit('.').next()).map(str::to_owned));
    if let Matcher::Json(matcher) = matcher {
        names_of_id(matcher, &mut names);
    }
    without(message, id, &names, None).key()
}

/// Where a matcher has the id.
fn names_of_id(matcher: &Json, names: &mut Vec<String>) {
    let items = matcher.items().unwrap_or_default().into_iter().enumerate();
    for (name, value) in items.map(|(place, item)| (place.to_string(), item)).chain(matcher.members()) {
        if value.as_text().as_deref() == Some("$id") {
            names.push(name);
        } else {
            names_of_id(&value, names);
        }
    }
}

fn without(message: &Json, id: &Id, names: &[String], name: Option<&str>) -> Json {
    if name.is_some_and(|name| names.iter().any(|other| other == name)) && Id::of(message).as_ref() == Some(id) {
        return Json::text("$id");
    }
    if let Some(items) = message.items() {
        let items = items.iter().enumerate();
        return Json::array(items.map(|(at, item)| without(item, id, names, Some(&at.to_string()))).collect());
    }
    let members = message.members();
    if members.is_empty() {
        return message.clone();
    }
    let members = members.into_iter().map(|(name, item)| {
        let item = without(&item, id, names, Some(&name));
        (name, item)
    });
    Json::of_members(members.collect())
}
