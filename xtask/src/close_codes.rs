//! The table of close codes in the docs, made of the code's own.

use std::path::PathBuf;

use anyhow::{Context, Result};
use gatepass::proto::close::{CLOSE_CODES, close_code_name};

use crate::tools::root;

const START: &str = "<!-- close codes: made by `cargo xtask table --write` -->\n";
const END: &str = "<!-- end -->";

fn page() -> PathBuf {
    root().join("docs/reconnect.md")
}

/// The page as it is, and as it should be.
fn pages() -> Result<(String, String)> {
    let text = std::fs::read_to_string(page())?;
    let parts = text.split_once(START).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.with_context(|| format!("{} has no place for the close codes", page().display()))?;
    let rows = CLOSE_CODES.iter().map(|(code, action)| {
        format!("| {code} | {} | `{}` |\n", close_code_name(*code).unwrap_or_default(), action.name())
    });
    let rows: String = rows.collect();
    let made = format!(
        "{before}{START}| code | name | action |\n|---|---|---|\n{rows}| any other | | `retry` |\n{END}{after}"
    );
    Ok((text, made))
}

/// Puts the table into the docs.
pub(crate) fn write() -> Result<()> {
    Ok(std::fs::write(page(), pages()?.1)?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_docs_have_the_close_codes_of_the_code() {
        let (present, made) = super::pages().unwrap();
        assert!(present == made, "docs/reconnect.md is older than the code: `cargo xtask table --write`");
    }
}
