//! The package for `require()`: Jest, and apps of CommonJS. One script has all entries and the wasm, so that they share their state.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::pkg;
use crate::process::run_logged;
use crate::tools::root;

/// The entries that can be required. The Angular packages cannot, and so neither can ours.
const ENTRIES: [&str; 7] = ["conversation", "index", "inline", "react", "testing", "user-messages", "vue"];

/// Writes `pkg/cjs`.
pub(super) fn write() -> Result<()> {
    let folder = pkg().join("cjs");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("package.json"), "{\"type\": \"commonjs\"}\n")?;
    // An entry runs when it is asked for: an app without Vue has none to require.
    let all: String = ENTRIES
        .iter()
        .map(|entry| format!("exports['{entry}'] = () => require('../{}.js');\n", source(entry)))
        .collect();
    std::fs::write(folder.join("entries.js"), all)?;
    let mut command = Command::new(root().join("node_modules/.bin/esbuild"));
    command.arg(folder.join("entries.js")).args(["--bundle", "--format=cjs", "--platform=browser", "--target=es2022"]);
    command.args([
        "--external:react",
        "--external:vue",
        "--log-override:empty-import-meta=silent",
        "--log-level=warning",
    ]);
    command.arg(format!("--outfile={}", folder.join("all.js").display()));
    run_logged("common-js", &mut command).context("the package for require()")?;
    std::fs::remove_file(folder.join("entries.js"))?;
    for entry in ENTRIES {
        std::fs::write(
            folder.join(format!("{entry}.js")),
            format!("module.exports = require('./all.js')['{entry}']();\n"),
        )?;
    }
    types(&folder)
}

/// The module of an entry: `require('gatepass')` brings the wasm along, because it cannot tell where a file would be.
fn source(entry: &str) -> &str {
    if entry == "index" { "inline" } else { entry }
}

/// Copies the public types, which package.json lists: in this folder they are those of CommonJS.
fn types(folder: &Path) -> Result<()> {
    let package: serde_json::Value = serde_json::from_slice(&std::fs::read(root().join("package.json"))?)?;
    let listed = package["files"].as_array().context("package.json: `files` is a list")?;
    for path in listed.iter().filter_map(|path| path.as_str()).filter(|path| path.ends_with(".d.ts")) {
        let name = path.trim_start_matches("pkg/");
        if !["angular.d.ts", "node.d.ts", "on-node.d.ts", "vite.d.ts"].contains(&name) {
            std::fs::copy(root().join(path), folder.join(name)).with_context(|| path.to_owned())?;
        }
    }
    Ok(())
}
