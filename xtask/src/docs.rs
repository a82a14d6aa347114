//! The docs as a site: the reference out of the comments (TypeDoc), then all pages (VitePress).

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::build;
use crate::process::run_logged;
use crate::setup::{self, Need};
use crate::steps::Steps;
use crate::tools::{root, target_dir, wasm_command};

/// Sets up, builds the package, whose types the reference is made of, and then `target/site`.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::new(4);
    steps.step("Set-up", || setup::run(Need::PACKAGE_AND_TOOLS))?;
    steps.step("Package", || build::run(build::Compiler::Small))?;
    steps.step("The reference, out of the comments", reference)?;
    steps.step("The site", || site().map(|_| ()))?;
    println!("\nThe docs are in {}. Any web server can have them.", shown());
    Ok(())
}

/// Writes `docs/api`. An item of the public surface that says nothing of itself is an error.
pub(crate) fn reference() -> Result<()> {
    run_logged("typedoc", wasm_command("typedoc")?.args(["--options", "typedoc.json"])).context("typedoc")
}

/// Builds the pages and returns their folder. A link that leads nowhere is an error.
pub(crate) fn site() -> Result<PathBuf> {
    run_logged("vitepress", wasm_command("vitepress")?.args(["build", "docs"])).context("vitepress")?;
    Ok(target_dir().join("site"))
}

fn shown() -> String {
    let folder = target_dir().join("site");
    folder.strip_prefix(root()).unwrap_or(&folder).display().to_string()
}
