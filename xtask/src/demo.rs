//! The demo page: staged beside the built package and served by the mock server.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::Server;
use crate::setup::{self, Need};
use crate::steps::Steps;
use crate::tools::{root, target_dir};
use crate::{build, test};

/// Sets up, builds, and serves until it is interrupted.
pub(crate) fn run(port: u16) -> Result<()> {
    let mut steps = Steps::new(3);
    steps.step("Set-up", || setup::run(Need::PACKAGE))?;
    steps.step("Package", || build::run(build::Compiler::Small))?;
    let mut command = steps.step("Mock server", test::mock_server)?;
    steps.print_times();
    command.arg("--files").arg(stage()?).args(["--port", &port.to_string()]);
    let server = Server::start_two(&mut command)
        .with_context(|| format!("the mock server did not start; if port {port} is taken, leave --port out"))?;
    println!("\nThe demo is at {}/\nUsers: maggie/secret and bob/hunter2. Ctrl-C ends it.", server.first_line);
    server.wait()
}

/// Copies page and package into one folder, as a web server would have them.
pub(crate) fn stage() -> Result<PathBuf> {
    let folder = target_dir().join("demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    copy(&root().join("www"), &folder)?;
    copy(&build::pkg(), &folder.join("gatepass")).context("the package is not built: run `cargo xtask build`")?;
    Ok(folder)
}

/// Copies the files of a folder, but not its folders.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
