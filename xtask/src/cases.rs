//! The checklist: which of its 121 cases have a test that says so in its name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use crate::tools::root;

/// How many cases the checklist has.
const CASES: u32 = 121;

pub(crate) fn run() -> Result<()> {
    let mut tests: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for folder in ["src", "crates", "tests"] {
        walk(&root().join(folder), &mut tests)?;
    }
    println!("covered");
    for (case, names) in &tests {
        println!("  {case:>3}  {}", names.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    }
    let open: Vec<_> = (1..=CASES).filter(|case| !tests.contains_key(case)).map(|case| case.to_string()).collect();
    println!("open\n  {}", open.join(" "));
    println!("{} of {CASES} cases covered", tests.len());
    Ok(())
}

fn walk(folder: &Path, tests: &mut BTreeMap<u32, BTreeSet<String>>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, tests)?;
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "mjs" || extension == "ts")
        {
            collect(&std::fs::read_to_string(&path)?, tests);
        }
    }
    Ok(())
}

/// Finds `case_12`, `cases_12_and_13` and `cases_12_to_14` in the names of functions and the titles of tests.
fn collect(text: &str, tests: &mut BTreeMap<u32, BTreeSet<String>>) {
    for (at, _) in text.match_indices("case") {
        let rest = &text[at..];
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let mut words = name.split('_');
        if !matches!(words.next(), Some("case" | "cases")) {
            continue;
        }
        let mut from = None;
        while let Some(case) = words.next().and_then(|word| word.parse().ok()).filter(|case| (1..=CASES).contains(case))
        {
            for case in from.unwrap_or(case)..=case {
                tests.entry(case).or_default().insert(name.clone());
            }
            from = match words.next() {
                Some("and") => None,
                Some("to") => Some(case),
                Some(_) | None => break,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_one_and_with_several_cases_are_read() {
        let mut tests = BTreeMap::new();
        collect("fn case_4_and_5_a_refresh() {} test('case_60: origin') fn case_of_tea() {} case_999_x", &mut tests);
        collect("fn cases_7_to_9_and_11_x() {} fn bookcase_13() {}", &mut tests);
        assert_eq!(tests.keys().copied().collect::<Vec<_>>(), [4, 5, 7, 8, 9, 11, 13, 60]);
    }
}
