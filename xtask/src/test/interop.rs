//! Against the real thing: `examples/django` is started twice, as its README says, and driven by the packed package in Chromium and
//! by the native driver.

use std::process::Command;

use anyhow::Result;

use crate::process::{Server, run_recorded};
use crate::setup::django_venv;
use crate::tools::{root, target_dir};

pub(super) fn run() -> Result<()> {
    let project = super::npm::pack_and_install()?;
    let (venv, example) = (django_venv()?, root().join("examples/django"));
    let data = target_dir().join("interop");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    let start = |name: &str, nodes: &str| {
        let mut command = Command::new("python3");
        command.arg(example.join("run.py")).args(["--port", "0", "--nodes", nodes, "--data"]).arg(data.join(name));
        Server::start(command.env("EXAMPLE_VENV", &venv).env("EXAMPLE_LOG", "ERROR"))
    };
    let (one, two) = (start("one", "1")?, start("two", "2")?);
    let with_servers = |command: &mut Command| {
        command
            .current_dir(root())
            .env("GATEPASS_TEST_PROJECT", &project)
            .env("GATEPASS_TEST_PYTHON", venv.join("bin/python"))
            .env("GATEPASS_TEST_EXAMPLE", &example)
            .env("GATEPASS_TEST_DJANGO", &one.first_line)
            .env("GATEPASS_TEST_DJANGO_DATA", data.join("one"))
            .env("GATEPASS_TEST_NODES", &two.first_line)
            .env("GATEPASS_TEST_NODES_DATA", data.join("two"))
            // The pages of the npm tests request this; there is no answer.
            .env("GATEPASS_TEST_SERVER", &one.first_line)
            .env("GATEPASS_TEST_CONTROL", &one.first_line);
    };
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter", "spec", "--test-concurrency", "1", "--test-timeout", "240000"]);
    node.args(super::test_files("tests/interop")?);
    with_servers(&mut node);
    run_recorded("django-Chromium", &mut node)?;
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--features", "native", "--test", "native", "--", "--ignored", "django"]);
    with_servers(&mut cargo);
    run_recorded("django-native", &mut cargo)
}
