//! Small mistakes in the machines, one at a time: which of them do the tests find?

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

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only those that were not found the last time, without a summary
    #[arg(long, conflicts_with_all = ["write", "summary"])]
    again: bool,
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
    if !options.summary {
        let pins = Pins::read()?;
        let mut command = Command::new("cargo");
        command.current_dir(root()).args(["mutants", "--no-shuffle", "--timeout", PATIENCE, "--output"]);
        command.arg(target_dir()).args(["--jobs", &options.jobs.to_string()]).env("GATEPASS_SIM_SCHEDULES", SCHEDULES);
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
    }
    if options.again {
        return Ok(());
    }
    let (summary, percent) = summary()?;
    println!("{summary}");
    if options.write {
        std::fs::write(root().join("docs/mutants.md"), summary)?;
    }
    if percent < AIM {
        bail!("{percent} % were found; it should be {AIM}");
    }
    Ok(())
}

/// The lines of a list of the last run.
fn list(name: &str) -> Vec<String> {
    let path: PathBuf = target_dir().join("mutants.out").join(name);
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Sums up the last run as a page, and how many of a hundred were found.
fn summary() -> Result<(String, usize)> {
    // By file: found, found by never ending, missed.
    let mut files: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut missed = Vec::new();
    for (column, name) in [(0, "caught.txt"), (1, "timeout.txt"), (2, "missed.txt")] {
        for line in list(name) {
            let file = line.split_once(':').context("a line without a file")?.0.to_owned();
            files.entry(file).or_default()[column] += 1;
            if column == 2 {
                missed.push(line);
            }
        }
    }
    if files.is_empty() {
        bail!("there was no run yet: leave --summary out");
    }
    let total = files.values().fold([0; 3], |sum, row| [0, 1, 2].map(|column| sum[column] + row[column]));
    let row = |name: &str, [caught, timeout, missed]: [usize; 3]| {
        let all = caught + timeout + missed;
        format!("| {name} | {all} | {caught} | {timeout} | {missed} | {} % |\n", (caught + timeout) * 100 / all)
    };
    let mut page = String::from(concat!(
        "# What the tests of the machines find\n\n",
        "Made by `cargo xtask mutants --write`: cargo-mutants makes one small mistake at a time in `src/proto` and runs its unit tests, ",
        "the simulation with 1,000 random schedules, and the wire tests. Those that do not compile are left out.\n\n",
        "| file | mistakes | found | found by never ending | missed | |\n|---|---|---|---|---|---|\n",
    ));
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
