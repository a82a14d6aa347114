//! The packed package in a real page, where server, store, tabs, clock and app do anything at any time (tests/npm/fuzz).

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::build;
use crate::process::run_shown;
use crate::setup::{self, Need};
use crate::test::npm::pack_and_install;
use crate::tools::root;

/// How many runs the tests make.
pub(crate) const RUNS: u32 = 3_000;
const LONG: u32 = 60_000;

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// Run this seed alone, as a failure has printed it
    #[arg(long)]
    seed: Option<u32>,
    /// How many seeds to run, from 1 on
    #[arg(long, conflicts_with = "seed")]
    runs: Option<u32>,
    /// An hour's worth: 60,000 seeds
    #[arg(long, conflicts_with_all = ["seed", "runs"])]
    long: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let runs = options.runs.unwrap_or(if options.long { LONG } else { RUNS });
    if runs == 0 {
        bail!("--runs: at least 1");
    }
    setup::run(Need::PACKAGE_IN_CHROMIUM)?;
    build::run(build::Compiler::Small)?;
    let (first, runs) = options.seed.map_or((1, runs), |seed| (seed, 1));
    seeds(&pack_and_install()?, first, runs)
}

/// Runs seeds with the package of a project.
pub(crate) fn seeds(project: &Path, first: u32, runs: u32) -> Result<()> {
    // It has a server of its own; the other tests' is not asked.
    let nobody = "http://127.0.0.1:9";
    let mut command = Command::new("node");
    command
        .current_dir(root())
        .args(["--test", "--test-reporter", "spec", "tests/npm/fuzz/fuzz.mjs"])
        .env("GATEPASS_TEST_PROJECT", project)
        .env("GATEPASS_TEST_SERVER", nobody)
        .env("GATEPASS_TEST_CONTROL", nobody)
        .env("GATEPASS_FUZZ_SEED", first.to_string())
        .env("GATEPASS_FUZZ_RUNS", runs.to_string());
    run_shown(&mut command)
}
