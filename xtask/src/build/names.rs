//! Shortens the names by which wasm and glue know each other.
//!
//! wasm-bindgen gives every import a long name with a hash. Nobody else reads them, no minifier may touch them, and they are
//! a twentieth of the download. They are replaced in both files at once, through the wasm's text form.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::run_logged;
use crate::tools::wasm_command;

const MODULE: &str = "./core_bg.js";

/// Renames imports in `core_bg.wasm` and `core.js`.
pub(super) fn shorten(wasm: &Path, glue: &Path, features: &[&str]) -> Result<()> {
    let text_file = wasm.with_extension("wat");
    run_logged("wasm-dis", wasm_command("wasm-dis")?.args(features).arg(wasm).arg("-o").arg(&text_file))?;
    let text = std::fs::read_to_string(&text_file)?;
    let names = imports(&text);
    if names.is_empty() {
        bail!("the wasm has no imports from {MODULE}: wasm-bindgen names its glue otherwise, see {}", file!());
    }
    let mut short_text = text.replace(&format!("\"{MODULE}\""), "\"g\"");
    let mut short_glue = std::fs::read_to_string(glue)?.replace(&format!("\"{MODULE}\""), "\"g\"");
    for (index, name) in names.iter().enumerate() {
        let short = format!("_{index:x}");
        short_text = short_text.replace(&format!("\"{name}\""), &format!("\"{short}\""));
        // In the glue an import is a member: `        __wbg_now_0d3b86633e620dc1: function() {`.
        let (before, after) = short_glue.split_once(&format!(" {name}: function(")).with_context(|| {
            format!("the glue has no import `{name}`: wasm-bindgen writes it otherwise, see {}", file!())
        })?;
        short_glue = format!("{before} {short}: function({after}");
    }
    std::fs::write(&text_file, short_text)?;
    run_logged("wasm-as", wasm_command("wasm-as")?.args(features).arg(&text_file).arg("-o").arg(wasm))?;
    std::fs::remove_file(&text_file)?;
    std::fs::write(glue, short_glue)?;
    Ok(())
}

/// The names that the text imports: `(import "./core_bg.js" "name" (func …))`.
fn imports(text: &str) -> Vec<String> {
    let start = format!("(import \"{MODULE}\" \"");
    text.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_of_the_glue_are_found_and_no_others() {
        let text = r#"(import "./core_bg.js" "__wbg_now_1" (func $a)) (import "env" "x" (func $b)) (import "./core_bg.js" "y" (func))"#;
        assert_eq!(imports(text), ["__wbg_now_1", "y"]);
    }
}
