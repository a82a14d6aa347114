//! The table of authentication schemes and where each was tried, made of what the last test run has printed.
//!
//! A test says by its name which row it is of: `s1_…` in Rust, `s1: …` in JavaScript. A cell is good if at least one test of the row
//! ran there and none failed.

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::tools::target_dir;

/// Rows: the name of the tests, the system, and where it cannot be tried.
const ROWS: [(&str, &str); 20] = [
    ("s1", "JWT of simplejwt in the query"),
    ("s2", "DRF token in the query, group in the path"),
    ("s3", "cookie of drf-jwt"),
    ("s4", "ticket"),
    ("s5", "first message"),
    ("s6", "session key"),
    ("s7", "`Authorization` header"),
    ("s8", "user id in the query: lets nobody in"),
    ("s9", "session that is a cookie, restored at the start; with CSRF in Django"),
    ("s10", "refresh token in a cookie that no script sees, restored at the start"),
    ("s11", "login of two steps, a missing slash, throttling"),
    ("x1", "Home Assistant"),
    ("x2", "graphql-transport-ws"),
    ("x3", "Directus"),
    ("x4", "tRPC"),
    ("x5", "Jupyter"),
    ("x6", "Kubernetes"),
    ("x7", "Phoenix"),
    ("x8", "visitors who sign in and out"),
    ("x9", "a welcome on the open socket"),
];

/// Columns: the title, and the file of results.
const COLUMNS: [(&str, &str); 6] = [
    ("mock, native", "native"),
    ("mock, Chromium", "Chromium"),
    ("mock, Firefox", "Firefox"),
    ("mock, WebKit", "WebKit"),
    ("Django, Chromium", "django-Chromium"),
    ("Django, native", "django-native"),
];

const PLACE: Place = Place {
    page: "docs/schemes/README.md",
    start: "<!-- table: made by `cargo xtask table --write` of the last test run -->\n",
    end: "<!-- end of table -->",
};

/// Prints the table, or puts it into the docs.
pub(crate) fn run(write: bool) -> Result<()> {
    if write {
        crate::close_codes::write()?;
        crate::support::write()?;
    }
    let table = table()?;
    if !write {
        print!("{table}");
        return Ok(());
    }
    PLACE.write(&table)
}

/// Compares the table in the docs with the last test run; every cell has to be good.
pub(crate) fn check() -> Result<()> {
    let table = table()?;
    if table.contains('✗') || table.contains('?') {
        bail!("not every authentication scheme was tried with success:\n{table}");
    }
    if table != PLACE.present()? {
        bail!("{} is older than this test run: `cargo xtask table --write`", PLACE.page);
    }
    Ok(())
}

fn table() -> Result<String> {
    let mut results = Vec::new();
    for (_, file) in COLUMNS {
        let path = target_dir().join("results").join(format!("{file}.txt"));
        results
            .push(std::fs::read_to_string(&path).with_context(|| format!("{}: run the tests first", path.display()))?);
    }
    let titles: Vec<_> = COLUMNS.iter().map(|(title, _)| *title).collect();
    let mut table = format!("| | | {} |\n|---|---|{}\n", titles.join(" | "), "---|".repeat(COLUMNS.len()));
    for (row, title) in ROWS {
        let cells = COLUMNS.iter().zip(&results).map(
            |((_, column), output)| {
                if is_possible(row, column) { cell(row, output) } else { "—" }
            },
        );
        table += &format!("| {} | {title} | {} |\n", row.to_uppercase(), cells.collect::<Vec<_>>().join(" | "));
    }
    Ok(table)
}

/// No browser sends a header; a program without a page has nothing to restore; the Rust crate logs in in one step. Django is asked for the
/// rows of S, natively for what no browser can.
fn is_possible(row: &str, column: &str) -> bool {
    match column {
        "native" => !matches!(row, "s10" | "s11"),
        "django-native" => row == "s7",
        "django-Chromium" => row.starts_with('s') && !matches!(row, "s7" | "s8"),
        _ => !matches!(row, "s7" | "s11"),
    }
}

fn cell(row: &str, output: &str) -> &'static str {
    let is_of_row = |line: &&str| {
        line.contains(&format!("::{row}_")) || line.contains(&format!("_{row}_")) || line.contains(&format!(" {row}: "))
    };
    let is_good = |line: &&str| line.ends_with("... ok") || line.trim_start().starts_with('✔');
    let is_bad =
        |line: &&str| line.ends_with("... FAILED") || line.ends_with("... FAIL") || line.trim_start().starts_with('✖');
    let lines: Vec<_> = output.lines().filter(is_of_row).collect();
    match (lines.iter().any(is_good), lines.iter().any(is_bad)) {
        (_, true) => "✗",
        (true, false) => "✓",
        (false, false) => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_good_if_something_ran_and_nothing_failed() {
        let rust = "test schemes::s1_a_jwt ... ok\ntest schemes::s2_x ... FAILED\ntest schemes::s3_y ... ok\ntest z::s3_z ... FAILED";
        assert_eq!((cell("s1", rust), cell("s2", rust), cell("s3", rust), cell("s4", rust)), ("✓", "✗", "✗", "?"));
        let node = "✔ s1: a JWT (3 ms)\n✖ s2: a group (1 ms)\n  ✔ s4: x";
        assert_eq!((cell("s1", node), cell("s2", node), cell("s4", node), cell("s5", node)), ("✓", "✗", "✓", "?"));
    }
}
