//! The npm packages that build and test: as package-lock.json says, no install scripts.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::process::run_logged;
use crate::tools::root;

/// A copy of the lock file that was installed; equal to package-lock.json when nothing is missing.
fn installed_lock() -> PathBuf {
    root().join("node_modules/.installed-package-lock.json")
}

pub(super) fn is_missing() -> Result<bool> {
    let wanted = std::fs::read(root().join("package-lock.json"))?;
    Ok(std::fs::read(installed_lock()).ok() != Some(wanted))
}

pub(super) fn install() -> Result<()> {
    let mut command = Command::new("npm");
    command.current_dir(root()).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    run_logged("npm-ci", &mut command)?;
    std::fs::copy(root().join("package-lock.json"), installed_lock())?;
    Ok(())
}
