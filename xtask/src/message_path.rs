//! How fast messages pass, beside a raw WebSocket in the same page of Chromium.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{Server, run_shown};
use crate::setup::{self, Need};
use crate::tools::{root, target_dir};
use crate::{build, demo};

pub(crate) fn run(rounds: u32) -> Result<()> {
    if rounds == 0 {
        bail!("--rounds: at least 1");
    }
    setup::run(Need::PACKAGE_IN_CHROMIUM)?;
    build::run(build::Compiler::Small)?;
    let demo = demo::stage()?;
    run_shown(Command::new("cargo").current_dir(root()).args([
        "build",
        "--quiet",
        "--profile",
        "figures",
        "--package",
        "gatepass-mock-server",
    ]))?;
    let server = Server::start_two(
        Command::new(target_dir().join("figures/gatepass-mock-server"))
            .arg("--files")
            .arg(demo)
            .env("RUST_LOG", "error"),
    )?;
    run_shown(
        Command::new("node")
            .current_dir(root())
            .arg("tests/npm/message-path.mjs")
            .env("GATEPASS_TEST_SERVER", &server.first_line)
            .env("GATEPASS_TEST_CONTROL", &server.second_line)
            .env("GATEPASS_ROUNDS", rounds.to_string()),
    )
}
