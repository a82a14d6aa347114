//! The reference of the options in the docs, made of their rows: `docs/options.md`.

use std::path::PathBuf;

use anyhow::Result;
use gatepass::proto::contract::{Group, Kind, Row, groups};

use crate::build::options::type_of;
use crate::tools::root;

const HEAD: &str = "# Options

<!-- Made of the options in src/proto by `cargo xtask contract`. -->

These are the options of `Session`, `AuthSocket` and the schemes. The Rust crate has the same, except those that take a function or an object of JavaScript. A wrong
name, a wrong type or a number out of range throws `INVALID_OPTION` in the constructor, and the message names the option; a wrong URL throws `INVALID_URL` or `INSECURE_URL`. All
times are in milliseconds and at most a day. `JsonValue` is any value that JSON can represent.
";

fn page() -> PathBuf {
    root().join("docs/options.md")
}

fn made() -> String {
    // The groups that an app begins with come first.
    let sections: Vec<_> = groups().into_iter().rev().map(section).collect();
    [HEAD, &sections.concat()].concat()
}

fn section(group: &Group) -> String {
    let rows: Vec<_> = group.rows.iter().filter(|row| !matches!(row.kind, Kind::Address)).map(line).collect();
    format!(
        "\n## {}\n\n{}\n\n| option | takes | default | what it is |\n|---|---|---|---|\n{}",
        group.name,
        plain(group.about),
        rows.concat()
    )
}

fn line(row: &Row) -> String {
    let group = row.kind.group().map(|group| group.name);
    let default = match (row.default)() {
        _ if row.is_required => "needed".to_owned(),
        Some(_) if group.is_some() => "as below".to_owned(),
        Some(default) => format!("`{default}`"),
        None => "none".to_owned(),
    };
    let takes = match group {
        Some(name) => {
            let link = format!("[{name}](#{})", name.to_lowercase());
            type_of(row.kind).replace(name, &link).replace('|', "or")
        }
        None => format!("`{}`", type_of(row.kind)).replace('|', "\\|"),
    };
    format!("| `{}` | {takes} | {default} | {} |\n", row.name, plain(row.about).replace('|', "\\|"))
}

/// As one line, with links to names as their names.
fn plain(about: &str) -> String {
    let line = about.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    line.replace("{@link ", "`").replace("Required}", "Required`").replace("fetch}", "fetch`")
}

/// Writes the page.
pub(crate) fn write() -> Result<()> {
    Ok(std::fs::write(page(), made())?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_docs_have_every_option() {
        let present = std::fs::read_to_string(super::page()).unwrap();
        assert!(present == super::made(), "docs/options.md is older than the code: `cargo xtask contract`");
    }
}
