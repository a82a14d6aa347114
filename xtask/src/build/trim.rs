//! Takes out of the glue what no browser needs that runs this wasm at all.
//!
//! wasm-bindgen writes ways round what was missing in browsers before 2021 (`FinalizationRegistry`, `encodeInto`), and warnings
//! for callers that are not ours. Each is a piece of text that has to be found: another wasm-bindgen is noticed.

use std::path::Path;

use anyhow::{Result, bail};

/// From, up to and with, and what comes in its place; every occurrence.
const PIECES: &[(&str, &str, &str)] = &[
    ("(typeof FinalizationRegistry === 'undefined')", ": new FinalizationRegistry", "new FinalizationRegistry"),
    ("if (!('encodeInto' in cachedTextEncoder)) {", "\n}\n", ""),
    ("if (Symbol.dispose) ", "\n", ""),
    ("    if (module !== undefined) {", "\n    }\n", "    ({module} = module);\n"),
];

/// What is gone from the glue is gone from its types, which would need a newer `lib` than most apps have.
const TYPES: &[(&str, &str, &str)] = &[("    [Symbol.dispose](): void;", "\n", "")];

/// Trims `core.js` and `core.d.ts`.
pub(super) fn glue(folder: &Path) -> Result<()> {
    trim(&folder.join("core.js"), PIECES)?;
    trim(&folder.join("core.d.ts"), TYPES)
}

fn trim(file: &Path, pieces: &[(&str, &str, &str)]) -> Result<()> {
    let mut text = std::fs::read_to_string(file)?;
    for (from, to, instead) in pieces {
        let Some(trimmed) = without(&text, from, to, instead) else {
            bail!("the glue has no `{from}`: wasm-bindgen writes it otherwise, see {}", file!());
        };
        text = trimmed;
    }
    Ok(std::fs::write(file, text)?)
}

fn without(text: &str, from: &str, to: &str, instead: &str) -> Option<String> {
    let mut pieces = text.split(from);
    let mut trimmed = pieces.next()?.to_owned();
    let mut is_found = false;
    for piece in pieces {
        is_found = true;
        trimmed.push_str(instead);
        trimmed.push_str(piece.split_once(to)?.1);
    }
    is_found.then_some(trimmed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_goes_and_one_that_is_not_there_is_noticed() {
        assert_eq!(without("a<x>b<y>c", "<", ">", "."), Some("a.b.c".to_owned()));
        assert_eq!(without("abc", "<", ">", ""), None);
        assert_eq!(without("a<bc", "<", ">", ""), None);
    }
}
