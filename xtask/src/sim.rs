//! Runs the simulation alone: another number of schedules, a night's worth of them, or one seed again.

use std::process::Command;

use anyhow::Result;

use crate::process::run_shown;
use crate::tools::root;

/// How many schedules a night has.
const LONG: u64 = 100_000;

pub(crate) fn run(seed: Option<&str>, schedules: Option<u64>, long: bool) -> Result<()> {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(["test", "--package", "gatepass", "--test", "sim"]);
    if long {
        // Optimised, but with the checks for overflow that tests have.
        command.args(["--profile", "figures"]).env("CARGO_PROFILE_FIGURES_OVERFLOW_CHECKS", "true");
    }
    command.args(["--", "--nocapture"]);
    let schedules = schedules.or_else(|| long.then_some(LONG));
    if let Some(seed) = seed {
        command.arg("random_schedules").env("GATEPASS_SIM_SEED", seed);
    }
    if let Some(schedules) = schedules {
        command.arg("random_schedules").env("GATEPASS_SIM_SCHEDULES", schedules.to_string());
    }
    run_shown(&mut command)
}
