//! How long a signed-in user waits for `connected` at a cold load of a small app: by hand, with partysocket, and with gatepass.

use std::process::Command;

use anyhow::{Result, bail};

use crate::build;
use crate::process::{Server, run_shown};
use crate::setup::{self, Need};
use crate::test::{mock_server, pack_and_install};
use crate::tools::root;

pub(crate) fn run(rounds: u32) -> Result<()> {
    if rounds == 0 {
        bail!("--rounds: at least 1");
    }
    setup::run(Need::PACKAGE_IN_CHROMIUM)?;
    build::run(build::Compiler::Small)?;
    let project = pack_and_install()?;
    let server = Server::start_two(mock_server()?.env("RUST_LOG", "error"))?;
    run_shown(
        Command::new("node")
            .current_dir(root())
            .arg("tests/npm/first-load.mjs")
            .env("GATEPASS_TEST_PROJECT", &project)
            .env("GATEPASS_TEST_SERVER", &server.first_line)
            .env("GATEPASS_TEST_CONTROL", &server.second_line)
            .env("GATEPASS_ROUNDS", rounds.to_string()),
    )
}
