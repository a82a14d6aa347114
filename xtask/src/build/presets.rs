//! Makes the npm package's table of presets of the crate's: `pkg/preset-table.js`, a constant for each row, so that a bundler
//! takes those that an app uses.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::tools::root;

const TABLE: &str = "src/proto/presets.json";

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
