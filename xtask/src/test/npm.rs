//! The package as its users get it: packed, installed into an empty project, type-checked, loaded in Chromium.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::demo;
use crate::process::{Server, output_of, run_logged, run_shown};
use crate::tools::{root, target_dir, wasm_command};

/// The published types hold on a strict sample and on the README's example.
pub(super) fn types() -> Result<()> {
    run_logged("tsc-types", wasm_command("tsc")?.args(["--project", "tests/npm/tsconfig.json"]))
        .context("the sample in tests/npm/types.ts does not compile against the package's types")?;
    // Within the package, where it can import the package by its name.
    let folder = root().join("target/readme");
    std::fs::create_dir_all(&folder)?;
    let readme = std::fs::read_to_string(root().join("README.md"))?;
    let example = readme.split("```ts\n").nth(1).and_then(|rest| rest.split("```").next());
    std::fs::write(folder.join("example.ts"), example.context("README.md has no example in TypeScript")?)?;
    let config = r#"{"extends": "../../tests/npm/tsconfig.json", "files": ["example.ts"]}"#;
    std::fs::write(folder.join("tsconfig.json"), config)?;
    run_logged("tsc-readme", wasm_command("tsc")?.args(["--project", "target/readme/tsconfig.json"]))
        .context("the example in README.md does not compile against the package's types")
}

pub(super) fn run() -> Result<()> {
    let project = pack_and_install()?;
    let demo = demo::stage()?;
    let server = Server::start_two(super::mock_server()?.arg("--files").arg(demo))?;
    let mut command = Command::new("node");
    command
        .current_dir(root())
        .args(["--test", "--test-reporter", "spec", "--test-concurrency", "1"])
        .args(["package", "surroundings", "walk"].map(|name| format!("tests/npm/{name}.test.mjs")))
        .env("GATEPASS_TEST_PROJECT", &project)
        .env("GATEPASS_TEST_SERVER", &server.first_line)
        .env("GATEPASS_TEST_CONTROL", &server.second_line)
        .env("GATEPASS_TEST_SCREENSHOTS", target_dir().join("screenshots"));
    run_shown(&mut command)
}

/// Packs the package and installs the tarball into an empty project; returns the project's folder.
fn pack_and_install() -> Result<PathBuf> {
    let project = target_dir().join("npm-project");
    if project.exists() {
        std::fs::remove_dir_all(&project)?;
    }
    std::fs::create_dir_all(&project)?;
    let packed = output_of(
        Command::new("npm").current_dir(root()).args(["pack", "--silent", "--pack-destination"]).arg(&project),
    )?;
    let tarball = packed.lines().last().context("npm pack named no file")?.trim().to_owned();
    std::fs::write(project.join("package.json"), r#"{"name": "empty", "private": true, "type": "module"}"#)?;
    run_logged(
        "npm-install-packed",
        Command::new("npm")
            .current_dir(&project)
            .args(["install", "--no-audit", "--no-fund", "--offline"])
            .arg(format!("./{tarball}")),
    )?;
    Ok(project)
}
