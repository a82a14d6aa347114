//! Puts the scripts that the wasm imports beside it into `pkg/`.
//!
//! wasm-bindgen copies them into a folder whose name has a hash; the package lists its files one by one.

use std::path::Path;

use anyhow::{Context, Result};

use crate::tools::root;

/// Beside the Rust that imports them.
pub(super) const SCRIPTS: [&str; 3] = ["src/platform/platform.js", "src/web/port.js", TABS];
/// Loaded by the face, where tokens are to rest in a store.
const TABS: &str = "src/web/tabs.js";
/// What the face knows of it.
const TABS_TYPES: &str = "type Hear = (what: number, id: number, data?: unknown) => void;\n\
     type Method = 'read' | 'write' | 'erase' | 'lock' | 'unlock' | 'close';\n\
     export declare const store: (name: string, place: unknown) => (hear: Hear) => Record<Method, (argument?: any) => unknown>;\n";

pub(super) fn place(folder: &Path) -> Result<()> {
    let glue = folder.join("core.js");
    let mut text = std::fs::read_to_string(&glue)?;
    for script in SCRIPTS.iter().filter(|script| **script != TABS) {
        let import = import_of(&text, script).map(str::to_owned).with_context(|| {
            format!("the glue does not import {script}: wasm-bindgen writes it otherwise, see {}", file!())
        })?;
        let name = script.rsplit('/').next().unwrap_or(script);
        std::fs::rename(folder.join(&import), folder.join(name))?;
        text = text.replace(&import, &format!("./{name}"));
    }
    std::fs::write(&glue, text)?;
    std::fs::copy(root().join(TABS), folder.join("tabs.js"))?;
    std::fs::write(folder.join("tabs.d.ts"), TABS_TYPES)?;
    std::fs::remove_dir_all(folder.join("snippets"))?;
    Ok(())
}

fn import_of<'a>(glue: &'a str, script: &str) -> Option<&'a str> {
    let end = format!("/{script}';");
    let line = glue.lines().find(|line| line.ends_with(&end))?;
    line.split('\'').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_import_is_found_by_its_end() {
        let glue = "import { a } from 'x';\nimport { b } from './snippets/gatepass-0f/src/web/tabs.js';\n";
        assert_eq!(import_of(glue, "src/web/tabs.js"), Some("./snippets/gatepass-0f/src/web/tabs.js"));
        assert_eq!(import_of(glue, "src/web/port.js"), None);
    }
}
