//! Shortens the names by which wasm and glue know each other.
//!
//! wasm-bindgen gives every import and every closure a long name with a hash. Nobody else reads them, no minifier may touch
//! them, and they are a twentieth of the download. They are replaced in all files at once, in the wasm through its text.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::run_logged;
use crate::tools::wasm_command;

const MODULE: &str = "./core_bg.js";
/// The files beside the wasm that name its exports.
const GLUE: [&str; 3] = ["core.js", "core.d.ts", "core_bg.wasm.d.ts"];

/// Renames imports and exports in `core_bg.wasm` and its glue.
pub(super) fn shorten(folder: &Path, features: &[&str]) -> Result<()> {
    let wasm = folder.join("core_bg.wasm");
    let text_file = wasm.with_extension("wat");
    run_logged("wasm-dis", wasm_command("wasm-dis")?.args(features).arg(&wasm).arg("-o").arg(&text_file))?;
    let text = std::fs::read_to_string(&text_file)?;
    let imports = between(&text, &format!("(import \"{MODULE}\" \""));
    if imports.is_empty() {
        bail!("the wasm has no imports from {MODULE}: wasm-bindgen names its glue otherwise, see {}", file!());
    }
    let exports = between(&text, "(export \"");
    for file in GLUE.map(|name| folder.join(name)) {
        let mut glue = std::fs::read_to_string(&file)?;
        if file.ends_with("core.js") {
            glue = glue.replace(&format!("\"{MODULE}\""), "\"g\"");
            for (index, name) in imports.iter().enumerate() {
                glue = short_import(&glue, name, &letters(index))?;
            }
        }
        for (index, name) in exports.iter().enumerate() {
            glue = short_export(&glue, name, &letters(index));
        }
        std::fs::write(&file, glue)?;
    }
    let mut short_text = text;
    for (index, name) in imports.iter().enumerate() {
        let long = format!("(import \"{MODULE}\" \"{name}\"");
        short_text = short_text.replace(&long, &format!("(import \"g\" \"{}\"", letters(index)));
    }
    for (index, name) in exports.iter().enumerate() {
        short_text = short_text.replace(&format!("(export \"{name}\""), &format!("(export \"{}\"", letters(index)));
    }
    std::fs::write(&text_file, short_text)?;
    // Written again, it is a little smaller, and one more pass finds something.
    let mut command = wasm_command("wasm-opt")?;
    run_logged("wasm-opt-last", command.arg("-Oz").args(features).arg(&text_file).arg("-o").arg(&wasm))?;
    std::fs::remove_file(&text_file)?;
    Ok(())
}

/// A name of letters for a number: a, b, …, Z, aa, ba, …
fn letters(index: usize) -> String {
    const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let first = char::from(LETTERS[index % LETTERS.len()]);
    match index / LETTERS.len() {
        0 => first.to_string(),
        more => format!("{first}{}", letters(more - 1)),
    }
}

/// In the glue an import is a member: `        __wbg_now_0d3b86633e620dc1: function() {`.
fn short_import(glue: &str, name: &str, short: &str) -> Result<String> {
    let (before, after) = glue.split_once(&format!(" {name}: function(")).with_context(|| {
        format!("the glue has no import `{name}`: wasm-bindgen writes it otherwise, see {}", file!())
    })?;
    Ok(format!("{before} {short}: function({after}"))
}

/// The names that follow a text and end at a quotation mark.
fn between(text: &str, start: &str) -> Vec<String> {
    text.split(start).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

/// An export is read as `wasm.name`, and declared as `readonly name:` or `export const name:`.
fn short_export(glue: &str, name: &str, short: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let mut replaced = String::with_capacity(glue.len());
    let mut rest = glue;
    while let Some(at) = rest.find(name) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        let is_export = ["wasm.", "readonly ", "export const "].iter().any(|start| before.ends_with(start));
        replaced.push_str(before);
        replaced.push_str(if is_export && !after.starts_with(is_part) { short } else { name });
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_of_the_glue_are_found_and_no_others() {
        let text = r#"(import "./core_bg.js" "__wbg_now_1" (func $a)) (import "env" "x" (func $b)) (import "./core_bg.js" "y" (func))"#;
        assert_eq!(between(text, "(import \"./core_bg.js\" \""), ["__wbg_now_1", "y"]);
        let short = short_import("a\n        y: function() {\n", "y", "_1").unwrap();
        assert_eq!(short, "a\n        _1: function() {\n");
        assert!(short_import("a", "y", "_1").is_err());
    }

    #[test]
    fn every_number_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = (0..3_000).map(letters).collect();
        assert_eq!((names.len(), letters(0), letters(51), letters(52)), (3_000, "a".into(), "Z".into(), "aa".into()));
    }

    #[test]
    fn only_whole_names_of_exports_are_replaced() {
        let glue = "wasm.free(1); wasm.free_all(); obj.free(); readonly free: () => void; wasm.free";
        let short = "wasm.$1(1); wasm.free_all(); obj.free(); readonly $1: () => void; wasm.$1";
        assert_eq!(short_export(glue, "free", "$1"), short);
    }
}
