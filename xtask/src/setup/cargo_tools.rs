//! wasm-pack, wasm-bindgen and geckodriver, built from their crates into the user's cache.
//!
//! The npm packages of the same names download prebuilt binaries at install time, which a closed network refuses.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::run_logged;
use crate::tools::{CargoTool, cache_dir, root};

/// Builds a tool with the dependencies its authors locked, or, where a registry lacks one of those, with the newest that fit.
pub(super) fn install(tool: &CargoTool) -> Result<()> {
    let locked = cargo_install(tool, &["--locked"]);
    if let Err(refused) = locked {
        println!("      with its own lock file it cannot be built here; trying without");
        cargo_install(tool, &[]).with_context(|| format!("neither with --locked ({refused:#}) nor without"))?;
    }
    std::fs::remove_dir_all(cache_dir()?.join("build")).ok();
    if !tool.is_installed()? {
        bail!("cargo install {} ended well, but {:?} are not all there", tool.crate_name, tool.programs);
    }
    Ok(())
}

fn cargo_install(tool: &CargoTool, flags: &[&str]) -> Result<()> {
    let mut command = Command::new("cargo");
    command
        .current_dir(root())
        .arg("install")
        .args(flags)
        .arg("--root")
        .arg(tool.folder()?)
        .arg(format!("{}@{}", tool.crate_name, tool.version))
        .env("CARGO_TARGET_DIR", cache_dir()?.join("build"))
        // These tools wait for files and browsers: a quick build serves better than the fastest program.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false");
    run_logged(&format!("install-{}", tool.crate_name), &mut command)
}
