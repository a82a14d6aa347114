//! Thousands of native sockets against the mock server, each in a process of its own, on loopback.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{Server, run_shown};
use crate::tools::{root, target_dir};

pub(crate) fn run(sockets: u32) -> Result<()> {
    if sockets == 0 {
        bail!("--sockets: at least 1");
    }
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.current_dir(root()).args(arguments);
        command
    };
    run_shown(&mut cargo(&["build", "--quiet", "--profile", "figures", "--package", "gatepass-mock-server"]))?;
    let server = Server::start_two(
        Command::new(target_dir().join("figures/gatepass-mock-server"))
            .arg("--allow-absent-origin")
            .env("RUST_LOG", "error"),
    )?;
    let mut client = cargo(&[
        "run",
        "--quiet",
        "--profile",
        "figures",
        "--package",
        "gatepass",
        "--features",
        "native",
        "--example",
        "load",
        "--",
    ]);
    run_shown(client.args([&server.first_line, &server.second_line, &sockets.to_string()]))?;
    println!("{} bytes resident in the server", server.memory());
    Ok(())
}
