//! Makes of `gatepass::proto::contract` what the sides that are written in JavaScript know of it.
//!
//! The TypeScript face gets `npm/contract.ts`, whole. The browser's drivers are scripts that wasm-bindgen carries along as they are, so the
//! constants that each of them uses stand in a block at its top: `cargo xtask contract` writes that, and the build refuses one that is stale.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use gatepass::proto::connection::{MAX_DOUBTED, MAX_DOUBTED_BYTES};
use gatepass::proto::contract::tables;
use gatepass::proto::http::MAX_BODY;

use super::{options, presets};
use crate::tools::root;

const DRIVERS: [&str; 5] = [
    "src/web/driver.js",
    "src/web/connection-driver.js",
    "src/web/lane.js",
    "src/web/session-driver.js",
    "src/web/tabs.js",
];
const START: &str = "// <contract>\n";
const END: &str = "// </contract>\n";

/// `npm/contract.ts`: a `const enum` and a list of names for each enum that crosses, and the rows of the options. `npm/option-types.ts`: the
/// options' types.
pub(super) fn write_face() -> Result<()> {
    let mut script = String::from(
        "// Made of src/proto/contract by `cargo xtask build`. An enum's numbers cross into the wasm and back; its names are what an app sees.\n",
    );
    for (name, rows) in tables() {
        let variants: Vec<_> = rows.iter().map(|(variant, number, _)| format!("{variant} = {number}")).collect();
        write!(script, "\n/** @internal */\nexport const enum {name} {{ {} }}\n", variants.join(", "))?;
        let mut names = vec!["undefined".to_owned(); rows.iter().map(|row| usize::from(row.1) + 1).max().unwrap_or(0)];
        for (_, number, text) in rows {
            names[usize::from(*number)] = format!("'{text}'");
        }
        let list = screaming(name);
        write!(
            script,
            "/** @internal The names, by number. */\nexport const {list}_NAMES = [{}] as const;\n",
            names.join(", ")
        )?;
    }
    script += &options::rows()?;
    write_changed("npm/contract.ts", &script)?;
    write_changed("npm/option-types.ts", &options::types()?)?;
    write_changed("npm/presets.ts", &presets::face()?)
}

/// Unchanged, it is not written: compilers look at the time.
fn write_changed(path: &str, text: &str) -> Result<()> {
    let file = root().join(path);
    if std::fs::read_to_string(&file).is_ok_and(|present| present == text) {
        return Ok(());
    }
    Ok(std::fs::write(file, text)?)
}

/// Writes the blocks of the drivers.
pub(crate) fn write_drivers() -> Result<()> {
    for driver in DRIVERS {
        let file = root().join(driver);
        let text = std::fs::read_to_string(&file)?;
        std::fs::write(file, with_block(driver, &text)?)?;
    }
    Ok(())
}

/// Refuses a block that says something else than the contract.
pub(super) fn check_drivers() -> Result<()> {
    for driver in DRIVERS {
        let text = std::fs::read_to_string(root().join(driver))?;
        if with_block(driver, &text)? != text {
            bail!("{driver} has other numbers than src/proto/contract: run `cargo xtask contract`");
        }
    }
    Ok(())
}

/// A driver with the block that it needs: of each enum the constants that it uses.
fn with_block(driver: &str, text: &str) -> Result<String> {
    let parts = text.split_once(START).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.with_context(|| format!("{driver} has no block of {}", START.trim()))?;
    let mut block = String::new();
    for (name, rows) in tables() {
        let constants =
            rows.iter().map(|(variant, number, _)| (format!("{}_{}", screaming(name), screaming(variant)), *number));
        for (constant, number) in constants.filter(|(constant, _)| uses(after, constant)) {
            writeln!(block, "const {constant} = {number};")?;
        }
    }
    let limits = [("MAX_BODY", MAX_BODY), ("MAX_DOUBTED", MAX_DOUBTED), ("MAX_DOUBTED_BYTES", MAX_DOUBTED_BYTES)];
    for (name, limit) in limits.into_iter().filter(|(name, _)| uses(after, name)) {
        writeln!(block, "const {name} = {limit};")?;
    }
    Ok([before, START, &block, END, after].concat())
}

/// Whether a constant is used, as a whole word.
fn uses(text: &str, constant: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    text.match_indices(constant)
        .any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + constant.len()..].chars().next()))
}

/// `StoreFailed` as `STORE_FAILED`.
pub(super) fn screaming(name: &str) -> String {
    let mut text = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_gets_the_constants_that_it_uses_and_no_others() {
        let driver = format!(
            "// a driver\n{START}const OLD = 1;\n{END}hear(SESSION_INPUT_LOCKED); SESSION_INPUT_STORED_TWICE; MAX_BODY;\n"
        );
        let written = with_block("x.js", &driver).unwrap();
        let block = written.split_once(START).unwrap().1.split_once(END).unwrap().0;
        assert_eq!(block, format!("const SESSION_INPUT_LOCKED = 1;\nconst MAX_BODY = {MAX_BODY};\n"));
        assert_eq!(with_block("x.js", &written).unwrap(), written);
        assert!(with_block("x.js", "no block").is_err());
    }

    #[test]
    fn the_drivers_have_the_numbers_of_the_contract() {
        check_drivers().unwrap();
    }
}
