//! Makes of the options in `gatepass::proto::contract` what the TypeScript face has of them: its types and the rows of its validator.

use std::fmt::Write as _;

use anyhow::Result;
use gatepass::proto::close::CloseAction;
use gatepass::proto::contract::{Group, Kind, NumberRow, Numbered as _, Row, groups, schemes};

use super::contract::screaming;

/// What `npm/option-types.ts` is made with.
const TYPES_HEAD: &str =
    "// Made of the options in src/proto by `cargo xtask build`: their types, with what each row says of itself.

import type { AttemptContext, ConnectedInfo, FirstMessageContext, Params } from './asking.js';
import type { BodyContext, CallAnswer, CallFetch, CallHeaders, CsrfOptions, TicketContext, TicketSource } from './calls.js';
import type { Codec } from './codec.js';
import type { SocketResumeOptions } from './cursors.js';
import type { Sendable, WebSocketConstructor } from './payload.js';
import type { SocketRequestOptions } from './request-rules.js';
import type { JsonValue, Scheme } from './schemes.js';
import type { Session } from './session.js';
import type { TokenContext, TokenSource, TokenStore } from './tokens.js';
";

/// The types of the options.
pub(super) fn types() -> Result<String> {
    let mut script = TYPES_HEAD.to_owned();
    for group in groups() {
        write!(script, "\n{}export interface {} {{\n", comment(group.about, None, ""), group.name)?;
        for row in group.rows.iter().filter(|row| !matches!(row.kind, Kind::Address)) {
            // Those of a group stand at its own rows.
            let default = (row.default)().filter(|_| !matches!(row.kind, Kind::Group(_)));
            let optional = if row.is_required { "" } else { "?" };
            let about = comment(row.about, default.as_deref().filter(|_| !row.is_required), "  ");
            writeln!(script, "{about}  {}{optional}: {};", row.name, type_of(row.kind))?;
        }
        script.push_str("}\n");
    }
    Ok(script)
}

/// The rows of the validator, and the places of those options that the face looks at again.
pub(super) fn rows() -> Result<String> {
    let mut script = String::new();
    for group in groups() {
        let list = screaming(group.name);
        let is_scheme = schemes().iter().any(|(_, options)| options.is_some_and(|options| options.name == group.name));
        let mut rows: Vec<_> = group.rows.iter().map(|row| format!("{}: {}", row.name, rule(row))).collect();
        if is_scheme {
            rows.push("type: 'face'".to_owned());
        }
        let places: Vec<_> =
            (group.rows.iter().zip(0..group.places)).map(|(row, place)| format!("{} = {place}", row.name)).collect();
        write!(
            script,
            "\n/** @internal What the options of a group take, in the order in which they cross. */\nexport const {list} = {{ {} }} as const;\n/** @internal Their places. */\nexport const enum {}At {{ {} }}\n",
            rows.join(", "),
            group.name,
            places.join(", ")
        )?;
    }
    let of = |group: Option<&Group>| group.map_or_else(|| "{ type: 'face' }".to_owned(), |group| screaming(group.name));
    let rows: Vec<_> = schemes().iter().map(|(kind, group)| format!("{}: {}", kind.name(), of(*group))).collect();
    write!(
        script,
        "\n/** @internal The options of each scheme, in the order of SchemeKind. */\nexport const SCHEMES = {{ {} }} as const;\n",
        rows.join(", ")
    )?;
    Ok(script)
}

/// What an option takes, as the validator reads it: see `Rule` in npm/options.ts.
fn rule(row: &Row) -> String {
    let (kind, may_be_function) = if let Kind::FunctionOr(kind, _) = row.kind { (*kind, "?") } else { (row.kind, "") };
    let word = match kind {
        Kind::Address => "address",
        Kind::Choice(name, _) => return format!("{}_NAMES", screaming(name)),
        Kind::CloseCodes => "closeCodes",
        Kind::Count => "count",
        Kind::Face(..) => "face",
        Kind::Flag => "flag",
        Kind::Group(group) | Kind::GroupOrTrue(group) | Kind::GroupOrUrl(group) => return screaming(group.name),
        Kind::FunctionOr(..) => "face",
        Kind::Header => "header",
        Kind::Hosts => "hosts",
        Kind::Json => "json",
        Kind::Millis { least: 0 } => "millis",
        Kind::Millis { least: _ } => "millisAbove0",
        Kind::Scheme => "scheme",
        Kind::Statuses => "statuses",
        Kind::Text => "text",
        Kind::TextOrNull => "textOrNull",
        Kind::TokenStart => "tokenStart",
        Kind::Tokens => "tokens",
        Kind::Url => "url",
    };
    let needed = if row.is_required && !matches!(row.kind, Kind::Address | Kind::Scheme) { "!" } else { "" };
    format!("'{word}{may_be_function}{needed}'")
}

/// The type of an option in TypeScript.
pub(crate) fn type_of(kind: Kind) -> String {
    match kind {
        Kind::Choice(_, rows) => one_of(rows),
        Kind::CloseCodes => format!("Record<number, {}>", one_of(CloseAction::ROWS)),
        Kind::Count | Kind::Millis { .. } => "number".to_owned(),
        Kind::Face(name, _) => name.to_owned(),
        Kind::Flag => "boolean".to_owned(),
        Kind::FunctionOr(kind, context) => {
            let type_name = type_of(*kind);
            format!("{type_name} | ((context: {context}) => {type_name} | Promise<{type_name}>)")
        }
        Kind::Group(group) => group.name.to_owned(),
        Kind::GroupOrTrue(group) => format!("{} | true", group.name),
        Kind::GroupOrUrl(group) => format!("string | URL | {}", group.name),
        Kind::Header | Kind::Text | Kind::TokenStart => "string".to_owned(),
        Kind::Hosts => "string[]".to_owned(),
        Kind::Json => "JsonValue".to_owned(),
        Kind::Scheme => "Scheme".to_owned(),
        Kind::Statuses => "number | number[]".to_owned(),
        Kind::TextOrNull => "string | null".to_owned(),
        Kind::Tokens => "string | string[]".to_owned(),
        Kind::Address | Kind::Url => "string | URL".to_owned(),
    }
}

/// In the order of their numbers; the first is the default.
fn one_of(rows: &[NumberRow]) -> String {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|(_, number, _)| *number);
    let names: Vec<_> = rows.iter().map(|(_, _, name)| format!("'{name}'")).collect();
    names.join(" | ")
}

/// A comment, with the default.
fn comment(about: &str, default: Option<&str>, indent: &str) -> String {
    let mut lines: Vec<_> = about.lines().map(|line| line.trim().to_owned()).collect();
    lines.extend(default.map(|default| format!("@default {default}")));
    let lines: String = lines.iter().map(|line| format!("{indent} * {line}\n")).collect();
    format!("{indent}/**\n{lines}{indent} */\n")
}
