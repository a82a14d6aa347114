//! Makes the npm package's tables of the crate's. That of presets: `pkg/preset-table.js`, a constant for each row, so that a bundler
//! takes those that an app uses.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::tools::root;

const TABLE: &str = "src/proto/presets.json";

/// The sentences of failures, by their numbers: `pkg/sentences.js`.
pub(super) fn write_sentences(folder: &Path) -> Result<()> {
    let rows: Vec<_> = gatepass::error::SENTENCES.iter().map(|(code, sentence)| format!("{code} {sentence}")).collect();
    let script = "// Made of src/error/sentences.rs by `cargo xtask build`.\n".to_owned();
    std::fs::write(
        folder.join("sentences.js"),
        script + &format!("export const SENTENCES = {};\n", Value::from(rows)),
    )?;
    std::fs::write(folder.join("sentences.d.ts"), "export declare const SENTENCES: readonly string[];\n")?;
    Ok(())
}

pub(super) fn write(folder: &Path) -> Result<()> {
    let text = std::fs::read_to_string(root().join(TABLE))?;
    let table: Value = serde_json::from_str(&text).with_context(|| format!("{TABLE} is no JSON"))?;
    let mut script = format!("// Made of {TABLE} by `cargo xtask build`.\n");
    // Typed by who exports them: the compiler reads these declarations before it has written those of the options.
    let mut types = String::new();
    for group in ["sessions", "sockets"] {
        for (name, row) in table[group].as_object().with_context(|| format!("{TABLE} has no {group}"))? {
            script += &format!("export const {name} = {row};\n");
            types += &format!("export declare const {name}: any;\n");
        }
    }
    std::fs::write(folder.join("preset-table.js"), script)?;
    std::fs::write(folder.join("preset-table.d.ts"), types)?;
    Ok(())
}
