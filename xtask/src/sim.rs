//! Runs the simulation alone: another number of schedules, or one seed again.

use std::process::Command;

use anyhow::Result;

use crate::process::run_shown;
use crate::tools::root;

pub(crate) fn run(seed: Option<&str>, schedules: Option<u64>) -> Result<()> {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(["test", "--package", "gatepass", "--test", "sim", "--", "--nocapture"]);
    if let Some(seed) = seed {
        command.arg("random_schedules").env("GATEPASS_SIM_SEED", seed);
    }
    if let Some(schedules) = schedules {
        command.arg("random_schedules").env("GATEPASS_SIM_SCHEDULES", schedules.to_string());
    }
    run_shown(&mut command)
}
