//! Puts the scripts that the wasm imports beside it into `pkg/`.
//!
//! wasm-bindgen copies them into a folder whose name has a hash; the package lists its files one by one.

use std::path::Path;

use anyhow::{Context, Result};

use crate::tools::root;

/// What the wasm calls.
const PLATFORM: &str = "src/platform/platform.js";
/// What drives the wasm, beside the Rust that does the same with them.
const DRIVERS: [&str; 7] = ["driver", "connection-driver", "lane", "session-driver", "tabs", "locks", "record"];

/// All of them.
pub(super) fn scripts() -> Vec<String> {
    let drivers = DRIVERS.map(|name| format!("src/web/{name}.js"));
    std::iter::once(PLATFORM.to_owned()).chain(drivers).collect()
}

pub(super) fn place(folder: &Path) -> Result<()> {
    let glue = folder.join("core.js");
    let text = std::fs::read_to_string(&glue)?;
    let import = import_of(&text, PLATFORM).with_context(|| {
        format!("the glue does not import {PLATFORM}: wasm-bindgen writes it otherwise, see {}", file!())
    })?;
    std::fs::rename(folder.join(import), folder.join("platform.js"))?;
    std::fs::write(&glue, text.replace(import, "./platform.js"))?;
    std::fs::remove_dir_all(folder.join("snippets"))?;
    Ok(())
}

/// The drivers, for the face: as they are, with the types that tsc has found in them.
pub(super) fn place_drivers(folder: &Path, types: &Path) -> Result<()> {
    let declaration = "platform.d.ts";
    std::fs::copy(types.join("platform").join(declaration), folder.join(declaration))?;
    for name in DRIVERS {
        let script = format!("{name}.js");
        std::fs::copy(root().join("src/web").join(&script), folder.join(&script))?;
        let declaration = format!("{name}.d.ts");
        std::fs::copy(types.join("web").join(&declaration), folder.join(&declaration))?;
    }
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
