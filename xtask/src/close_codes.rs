//! The table of close codes in the docs, made of the code's own.

use anyhow::Result;
use gatepass::proto::close::{CLOSE_CODES, close_code_name};

use crate::place::Place;

const PLACE: Place = Place {
    page: "docs/reconnect.md",
    start: "<!-- close codes: made by `cargo xtask table --write` -->\n",
    end: "<!-- end -->",
};

fn table() -> String {
    let rows = CLOSE_CODES.iter().map(|(code, action)| {
        format!("| {code} | {} | `{}` |\n", close_code_name(*code).unwrap_or_default(), action.name())
    });
    let rows: String = rows.collect();
    format!("| code | name | action |\n|---|---|---|\n{rows}| any other | | `retry` |\n")
}

/// Puts the table into the docs.
pub(crate) fn write() -> Result<()> {
    PLACE.write(&table())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_docs_have_the_close_codes_of_the_code() {
        let is_present = super::PLACE.present().unwrap() == super::table();
        assert!(is_present, "docs/reconnect.md is older than the code: `cargo xtask table --write`");
    }
}
