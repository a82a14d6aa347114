//! A storm: every client loses the server at the same moment, and all of them come back.
//!
//! The real machine, one for each client, in virtual time, against a server that admits so many per second and refuses the rest at
//! once; beside it the formulas of others. All of it follows from the seed: the same figures come out on every machine, but for memory.

mod chart;
mod machines;
mod peers;
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use self::machines::Machines;
use self::peers::{FORMULAS, Peers};
use self::server::{Crowd, Storm, pass};
use crate::process::run_shown;
use crate::tools::root;

/// What the figures may be at most: recovery against the ideal, the worst 100 ms against the capacity. Chance is in the last digit.
const LIMITS: [(&str, f64, f64); 2] =
    [("gatepass, no hint", 1.33, 25.5), ("gatepass, with the server's hint", 1.15, 1.5)];
const MEMORY_LIMIT: usize = 2_048;

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How many clients lose the server at once
    #[arg(long, default_value_t = 100_000)]
    clients: u32,
    /// How many of them the server admits per second
    #[arg(long, default_value_t = 2_000)]
    capacity: u32,
    /// Another seed, another storm of the same kind
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only gatepass, without the formulas of others
    #[arg(long)]
    alone: bool,
    /// Draw the arrivals of the first ideal and a half into this file
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Fail if a figure is beyond its limit
    #[arg(long)]
    check: bool,
}

/// What one kind of client did.
pub(crate) struct Outcome {
    name: &'static str,
    storm: Storm,
    took: core::time::Duration,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.clients == 0 || options.capacity < 10 {
        bail!("--clients: at least 1; --capacity: at least 10 per second");
    }
    // A million machines without optimisation take a quarter of an hour.
    if cfg!(debug_assertions) && options.clients > 20_000 {
        return again_optimised(options);
    }
    let ideal = f64::from(options.clients) / f64::from(options.capacity);
    println!("{} clients, {} admitted per second: ideal {ideal:.1} s\n", options.clients, options.capacity);
    println!("{:<36}{:>16}{:>14}{:>12}{:>10}", "", "all back after", "worst 100 ms", "tries each", "computed");
    let mut outcomes = Vec::new();
    let mut bytes = 0;
    for (name, spread) in [(LIMITS[0].0, None), (LIMITS[1].0, Some(ideal * SPREAD_OVER_IDEAL))] {
        let before = memory();
        let mut machines = Machines::connected(options.clients, options.seed, spread)?;
        if spread.is_none() {
            bytes = memory().saturating_sub(before) / options.clients as usize;
        }
        outcomes.push(one(name, options, &mut machines));
    }
    for formula in FORMULAS.iter().filter(|_| !options.alone) {
        outcomes.push(one(formula.name, options, &mut Peers::new(formula, options.clients, options.seed)));
    }
    println!(
        "\nmemory per idle machine: {bytes} bytes (resident set, {} machines; limit {MEMORY_LIMIT})",
        options.clients
    );
    if let Some(file) = &options.svg {
        std::fs::write(file, chart::draw(&outcomes, ideal))
            .with_context(|| format!("cannot write {}", file.display()))?;
        println!("drawn: {}", file.display());
    }
    if options.check { check(&outcomes, bytes) } else { Ok(()) }
}

/// What a server that knows itself asks for: a little more than it needs at best.
const SPREAD_OVER_IDEAL: f64 = 1.05;

fn one(name: &'static str, options: &Options, crowd: &mut impl Crowd) -> Outcome {
    let began = Instant::now();
    let storm = pass(crowd, options.clients, options.capacity);
    let outcome = Outcome { name, storm, took: began.elapsed() };
    println!("{}", outcome.row());
    outcome
}

impl Outcome {
    /// All back after how many ideals, if within the hour.
    fn recovery(&self) -> Option<f64> {
        Some(self.storm.all_back_at()? as f64 / 1000.0 / self.storm.ideal())
    }

    fn row(&self) -> String {
        let recovery = self.recovery().map_or_else(
            || format!("{:.1} % in 1 h", self.storm.share_back() * 100.0),
            |recovery| format!("{recovery:.2} x ideal"),
        );
        format!(
            "{:<36}{recovery:>16}{:>12.1} x{:>12.1}{:>8.1} s",
            self.name,
            self.storm.worst(),
            self.storm.tries_each(),
            self.took.as_secs_f64(),
        )
    }
}

fn check(outcomes: &[Outcome], bytes: usize) -> Result<()> {
    for (outcome, (name, recovery, worst)) in outcomes.iter().zip(LIMITS) {
        if outcome.recovery().is_none_or(|found| found > recovery) || outcome.storm.worst() > worst {
            bail!("{name}: the limit is {recovery} x the ideal and {worst} x the capacity in the worst 100 ms");
        }
    }
    if bytes > MEMORY_LIMIT {
        bail!("a machine takes {bytes} bytes; the limit is {MEMORY_LIMIT}");
    }
    Ok(())
}

/// The resident set in bytes; 0 where that cannot be read.
fn memory() -> usize {
    let text = std::fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or_default() * 1024
}

fn again_optimised(options: &Options) -> Result<()> {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(["run", "--quiet", "--profile", "figures", "--package", "xtask", "--", "storm"]);
    for (name, value) in [
        ("--clients", options.clients.to_string()),
        ("--capacity", options.capacity.to_string()),
        ("--seed", options.seed.to_string()),
    ] {
        command.args([name, &value]);
    }
    for (name, is_set) in [("--alone", options.alone), ("--check", options.check)] {
        if is_set {
            command.arg(name);
        }
    }
    if let Some(file) = &options.svg {
        // The other process works in the project's folder.
        command.arg("--svg").arg(std::path::absolute(file)?);
    }
    run_shown(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_storm_stays_within_the_limits() {
        let options = Options { clients: 20_000, capacity: 400, seed: 1, alone: true, svg: None, check: false };
        for (place, spread) in [None, Some(50.0 * SPREAD_OVER_IDEAL)].into_iter().enumerate() {
            let (name, recovery, worst) = LIMITS[place];
            let mut machines = Machines::connected(options.clients, options.seed, spread).unwrap();
            let outcome = one(name, &options, &mut machines);
            assert!(outcome.recovery().is_some_and(|found| found <= recovery), "{}", outcome.row());
            // A small crowd has larger chances: the limit of the worst 100 ms is a large one's.
            assert!(outcome.storm.worst() <= worst * 1.5, "{}", outcome.row());
        }
    }
}
