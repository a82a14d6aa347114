//! Makes the npm package's tables of the crate's: the sentences of failures, the close codes, and the presets. Each preset is a constant and a function of its
//! own, so that a bundler takes those that an app uses.

use std::path::Path;

use anyhow::{Context, Result};
use gatepass::error::{HTTP_ROWS, ROWS};
use gatepass::proto::close::{CLOSE_CODES, SLOW_RETRY};
use serde::Deserialize;
use serde_json::Value;

use crate::tools::root;

const TABLE: &str = "src/proto/presets.json";

/// The sentences of failures, by their numbers: `pkg/sentences.js`.
pub(super) fn write_sentences(folder: &Path) -> Result<()> {
    let rows: Vec<_> = ROWS.iter().map(|(code, sentence)| format!("{code} {sentence}")).collect();
    let sentences: Vec<_> = HTTP_ROWS.iter().map(|(sentence, _)| *sentence).collect();
    // The first code stands for all that are the same.
    let codes: Vec<Vec<_>> = (0..4)
        .map(|call| {
            let first = HTTP_ROWS[0].1[call];
            let codes = HTTP_ROWS.iter().map(|(_, codes)| codes[call]);
            codes.enumerate().map(|(at, code)| (at == 0 || code != first).then_some(code)).collect()
        })
        .collect();
    let script = format!(
        "// Made of src/error/table.rs by `cargo xtask build`.\n\
         const HTTP = {};\n\
         const CODES = {};\n\
         export const SENTENCES = {}.concat(CODES.flatMap((codes) => HTTP.map((text, at) => `${{codes[at] ?? codes[0]}} ${{text}}`)));\n",
        Value::from(sentences),
        Value::from(codes),
        Value::from(rows),
    );
    std::fs::write(folder.join("sentences.js"), script)?;
    std::fs::write(folder.join("sentences.d.ts"), "export declare const SENTENCES: readonly string[];\n")?;
    Ok(())
}

/// Writes `close-codes.js`, for the doubles of unit tests: each code with its `CloseAction`, and the wait of those that say "not now", in milliseconds.
pub(super) fn write_close_codes(folder: &Path) -> Result<()> {
    let rows: Vec<_> = CLOSE_CODES.iter().map(|(code, action)| format!("[{code}, {}]", *action as u8)).collect();
    let script = format!(
        "// Made of src/proto/close.rs by `cargo xtask build`.\n\
         export const CLOSE_CODES = [{}];\n\
         export const SLOW_RETRY = {};\n",
        rows.join(", "),
        SLOW_RETRY.as_millis(),
    );
    std::fs::write(folder.join("close-codes.js"), script)?;
    let types = "export declare const CLOSE_CODES: ReadonlyArray<readonly [code: number, action: number]>;\n\
                 export declare const SLOW_RETRY: number;\n";
    Ok(std::fs::write(folder.join("close-codes.d.ts"), types)?)
}

/// A row of the table.
#[derive(Debug, Deserialize)]
struct Preset {
    about: String,
    /// What its URL is, if it takes one.
    base: Option<String>,
    argument: Option<Argument>,
    options: Value,
}

/// What the app may add to a row.
#[derive(Debug, Deserialize)]
struct Argument {
    name: String,
    /// Its type in TypeScript.
    #[serde(rename = "type")]
    kind: String,
    about: String,
    /// Where it goes, as a dotted path.
    at: String,
    /// Whether it goes beside what is there, instead of replacing it.
    #[serde(default)]
    merges: bool,
}

/// The presets of sessions, then those of sockets.
fn table() -> Result<[Vec<(String, Preset)>; 2]> {
    let text = std::fs::read_to_string(root().join(TABLE))?;
    let table: Value = serde_json::from_str(&text).with_context(|| format!("{TABLE} is no JSON"))?;
    let rows = |group: &str| -> Result<Vec<(String, Preset)>> {
        let rows = table[group].as_object().with_context(|| format!("{TABLE} has no {group}"))?;
        rows.iter()
            .map(|(name, row)| {
                let row = Preset::deserialize(row).with_context(|| format!("{TABLE}: {name}"))?;
                Ok((name.clone(), row))
            })
            .collect()
    };
    Ok([rows("sessions")?, rows("sockets")?])
}

/// The rows as constants: `pkg/preset-table.js`.
pub(super) fn write(folder: &Path) -> Result<()> {
    let mut script = format!("// Made of {TABLE} by `cargo xtask build`.\n");
    // Typed by who exports them: the compiler reads these declarations before it has written those of the options.
    let mut types = String::new();
    for (name, Preset { options, .. }) in table()?.into_iter().flatten() {
        script += &format!("export const {name} = {options};\n");
        types += &format!("export declare const {name}: any;\n");
    }
    std::fs::write(folder.join("preset-table.js"), script)?;
    std::fs::write(folder.join("preset-table.d.ts"), types)?;
    Ok(())
}

const HEAD: &str = "// Made of src/proto/presets.json by `cargo xtask build`.

/**
 * Options for known backends. Spread them into the options of a `Session`, or of an `AuthSocket` (scheme, subprotocols, parameters,
 * close codes). Each is a row of `src/proto/presets.json`. For another backend, write the same options.
 * @packageDocumentation
 */

import type { SessionOptions } from './option-types.js';
import * as rows from './preset-table.js';
import { copy, put, session, socket, type SocketPreset } from './preset-options.js';
import type { JsonValue } from './schemes.js';

export type { SocketPreset };
";

/// The presets as functions: `npm/presets.ts`.
pub(super) fn face() -> Result<String> {
    let [sessions, sockets] = table()?;
    let mut script = HEAD.to_owned();
    for (name, preset) in &sessions {
        script += &function(name, preset, "session", "SessionOptions");
    }
    for (name, preset) in &sockets {
        script += &function(name, preset, "socket", "SocketPreset");
    }
    Ok(script)
}

fn function(name: &str, preset: &Preset, maker: &str, result: &str) -> String {
    let Preset { about, base, argument, .. } = preset;
    let mut lines = vec![about.clone()];
    let mut parameters = Vec::new();
    let mut row = format!("copy(rows.{name})");
    if let Some(base) = base {
        lines.push(format!("@param base {base}"));
        parameters.push("base: string | URL".to_owned());
    }
    if let Some(Argument { name, kind, about, at, merges }) = argument {
        lines.push(format!("@param {name} {about}"));
        parameters.push(format!("{name}?: {kind}"));
        row = format!("put({row}, '{at}', {{ {name} }}, {merges})");
    }
    let value = if base.is_some() { format!("{maker}({row}, base)") } else { row };
    format!(
        "\n/**\n * {}\n */\nexport function {name}({}): {result} {{\n  return {value};\n}}\n",
        lines.join("\n * "),
        parameters.join(", ")
    )
}
