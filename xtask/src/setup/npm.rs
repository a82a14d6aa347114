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

/// What package.json says under `engines`.
const NODE: u32 = 20;

pub(super) fn is_missing() -> Result<bool> {
    check_node()?;
    let wanted = std::fs::read(root().join("package-lock.json"))?;
    Ok(std::fs::read(installed_lock()).ok() != Some(wanted))
}

/// Refuses a machine without Node, or with one that is too old.
fn check_node() -> Result<()> {
    let version = output_of(Command::new("node").arg("--version")).unwrap_or_else(|_| "none".to_owned());
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE) {
        bail!(
            "Node {NODE} or later is needed, and here is {}. Install it from https://nodejs.org, then try again.",
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
