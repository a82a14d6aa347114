//! The npm packages that build and test: as package-lock.json says, no install scripts.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{output_of, run_logged};
use crate::tools::root;

/// A copy of the lock file that was installed; equal to package-lock.json when nothing is missing.
fn installed_lock() -> PathBuf {
    root().join("node_modules/.installed-package-lock.json")
}

pub(super) fn is_missing() -> Result<bool> {
    check_node()?;
    let wanted = std::fs::read(root().join("package-lock.json"))?;
    Ok(std::fs::read(installed_lock()).ok() != Some(wanted))
}

/// Refuses a machine without Node, or with one that is older than `engines` in package.json says.
fn check_node() -> Result<()> {
    let package: serde_json::Value = serde_json::from_slice(&std::fs::read(root().join("package.json"))?)?;
    let least = package["engines"]["node"].as_str().and_then(|range| range.strip_prefix(">=")?.parse().ok());
    let least: u32 = least.context("package.json: engines.node is to be \">=\" and a number")?;
    let version = output_of(Command::new("node").arg("--version")).unwrap_or_else(|_| "none".to_owned());
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < least) {
        bail!(
            "Node {least} or later is needed, and here is {}. Install it from https://nodejs.org, then try again.",
            version.trim()
        );
    }
    Ok(())
}

pub(super) fn install() -> Result<()> {
    let mut command = Command::new("npm");
    command.current_dir(root()).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    run_logged("npm-ci", &mut command).context("the npm packages could not be installed; is there a network?")?;
    std::fs::copy(root().join("package-lock.json"), installed_lock())?;
    Ok(())
}
