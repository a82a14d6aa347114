//! Small mistakes in the machines and in the mock server, one at a time: which of them do the tests find?

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{Pins, root, target_dir};

/// What must be found, in percent.
const AIM: usize = 85;
/// Random schedules for each mistake: a twentieth of the ordinary, which finds nearly as much in a fraction of the time.
const SCHEDULES: &str = "1000";
/// Seconds after which a mistake that loops counts as found.
const PATIENCE: &str = "40";

/// What mistakes are made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// `src/proto`, by its unit tests, the simulation and the wire tests: `.cargo/mutants.toml`
    Machines,
    /// `crates/gatepass-mock-server`, by its own tests
    MockServer,
}

impl Part {
    const ALL: [Self; 2] = [Self::Machines, Self::MockServer];

    /// Where its lists are, under `target`.
    const fn folder(self) -> &'static str {
        match self {
            Self::Machines => "mutants",
            Self::MockServer => "mutants-mock-server",
        }
    }

    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Machines => &[],
            Self::MockServer => &[
                "--no-config",
                "--package=gatepass-mock-server",
                "--file=crates/gatepass-mock-server/src/**",
                "--profile=mutants",
                "--cap-lints=true",
            ],
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Machines => {
                "The machines: `src/proto`, with its unit tests, the simulation with 1,000 random schedules, and the wire tests."
            }
            Self::MockServer => "The mock server, with its own tests.",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only those that were not found the last time, without a summary
    #[arg(long, conflicts_with_all = ["write", "summary"])]
    again: bool,
    /// Only in one of the two
    #[arg(long)]
    only: Option<Part>,
    /// How many at a time
    #[arg(long, default_value_t = 2)]
    jobs: u32,
    /// Put the summary into the docs
    #[arg(long)]
    write: bool,
    /// Run nothing: sum up the last run
    #[arg(long)]
    summary: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let parts = Part::ALL.into_iter().filter(|part| options.only.is_none_or(|only| only == *part));
    if !options.summary {
        parts.clone().try_for_each(|part| make(part, options))?;
    }
    if options.again {
        return Ok(());
    }
    let mut least = 100;
    let mut sections = Vec::new();
    for part in parts {
        let (summary, percent) = summary(part)?;
        least = least.min(percent);
        println!("{summary}");
        sections.push((part, summary));
    }
    if options.write {
        let file = root().join("docs/mutants.md");
        let mut page = std::fs::read_to_string(&file).unwrap_or_default();
        for (part, section) in sections {
            page = with_section(&page, part.title(), &section);
        }
        std::fs::write(file, page)?;
    }
    if least < AIM {
        bail!("{least} % were found; it should be {AIM}");
    }
    Ok(())
}

const HEAD: &str = concat!(
    "# What the tests find\n\n",
    "Made by `cargo xtask mutants --write`: cargo-mutants makes one small mistake at a time and runs the tests. ",
    "Those that do not compile are left out.\n",
);

/// The page with a section put in, or in the place of the one that is there.
fn with_section(page: &str, title: &str, section: &str) -> String {
    let mut sections: Vec<String> = page.split("\n## ").skip(1).map(|section| format!("\n## {section}")).collect();
    let starts = format!("\n## {title}");
    match sections.iter_mut().find(|present| present.starts_with(&starts)) {
        Some(present) => *present = section.to_owned(),
        None => sections.push(section.to_owned()),
    }
    HEAD.to_owned() + &sections.concat()
}

/// Makes the mistakes of a part.
fn make(part: Part, options: &Options) -> Result<()> {
    let pins = Pins::read()?;
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(["mutants", "--no-shuffle", "--timeout", PATIENCE, "--output"]);
    command.arg(target_dir().join(part.folder())).args(["--jobs", &options.jobs.to_string()]).args(part.arguments());
    command.env("GATEPASS_SIM_SCHEDULES", SCHEDULES);
    if options.again {
        command.arg("--iterate");
    }
    // 2 and 3: some were missed, some were too slow.
    let code = command.status().context("cargo")?.code();
    if !matches!(code, Some(0 | 2 | 3)) {
        bail!(
            "cargo mutants failed; if it is not there: `cargo install --locked cargo-mutants@{}`",
            pins.cargo_mutants
        );
    }
    Ok(())
}

/// The lines of a list of the last run.
fn list(part: Part, name: &str) -> Vec<String> {
    let path: PathBuf = target_dir().join(part.folder()).join("mutants.out").join(name);
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Sums up the last run as a part of a page, and how many of a hundred were found.
fn summary(part: Part) -> Result<(String, usize)> {
    // By file: found, found by never ending, missed.
    let mut files: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut missed = Vec::new();
    for (column, name) in [(0, "caught.txt"), (1, "timeout.txt"), (2, "missed.txt")] {
        for line in list(part, name) {
            let file = line.split_once(':').context("a line without a file")?.0.to_owned();
            files.entry(file).or_default()[column] += 1;
            if column == 2 {
                missed.push(line);
            }
        }
    }
    if files.is_empty() {
        bail!("there was no run of {} yet: leave --summary out", part.folder());
    }
    let total = files.values().fold([0; 3], |sum, row| [0, 1, 2].map(|column| sum[column] + row[column]));
    let row = |name: &str, [caught, timeout, missed]: [usize; 3]| {
        let all = caught + timeout + missed;
        format!("| {name} | {all} | {caught} | {timeout} | {missed} | {} % |\n", (caught + timeout) * 100 / all)
    };
    let mut page = format!(
        "\n## {}\n\n| file | mistakes | found | found by never ending | missed | |\n|---|---|---|---|---|---|\n",
        part.title()
    );
    for (file, counts) in &files {
        page += &row(&format!("`{file}`"), *counts);
    }
    page += &row("**all**", total);
    if !missed.is_empty() {
        page += "\nMissed:\n\n";
        for line in missed {
            writeln!(page, "- `{line}`")?;
        }
    }
    let [caught, timeout, missed] = total;
    Ok((page, (caught + timeout) * 100 / (caught + timeout + missed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_was_run_alone_leaves_the_other_in_the_page() {
        let page = with_section(&with_section("", "A", "\n## A\n\nold\n"), "B", "\n## B\n\nb\n");
        let page = with_section(&page, "A", "\n## A\n\nnew\n");
        assert_eq!(page, format!("{HEAD}\n## A\n\nnew\n\n## B\n\nb\n"));
    }
}
