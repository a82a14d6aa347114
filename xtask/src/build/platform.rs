//! Puts the script that the wasm imports beside it: `pkg/platform.js`.
//!
//! wasm-bindgen copies it into a folder whose name has a hash; the package lists its files one by one.

use std::path::Path;

use anyhow::{Context, Result};

pub(super) const SCRIPT: &str = "src/web/platform.js";

pub(super) fn place(folder: &Path) -> Result<()> {
    let glue = folder.join("core.js");
    let text = std::fs::read_to_string(&glue)?;
    let import = import_of(&text).with_context(|| {
        format!("the glue does not import {SCRIPT}: wasm-bindgen writes it otherwise, see {}", file!())
    })?;
    std::fs::rename(folder.join(import), folder.join("platform.js"))?;
    std::fs::write(&glue, text.replace(import, "./platform.js"))?;
    std::fs::remove_dir_all(folder.join("snippets"))?;
    Ok(())
}

fn import_of(glue: &str) -> Option<&str> {
    let quoted = |line: &str| line.ends_with(&format!("/{SCRIPT}';"));
    let line = glue.lines().find(|line| quoted(line))?;
    line.split('\'').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_import_is_found_by_its_end() {
        let glue = "import { a } from 'x';\nimport { b } from './snippets/gatepass-0f/src/web/platform.js';\n";
        assert_eq!(import_of(glue), Some("./snippets/gatepass-0f/src/web/platform.js"));
        assert_eq!(import_of("import { a } from 'x';"), None);
    }
}
