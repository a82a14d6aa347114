//! Runs the tests, layer by layer, and prints the runners' own closing lines.
//!
//! Every layer runs even if an earlier one failed; the command fails if any did.

mod browser;
pub(crate) use self::browser::{Engine, soak};
mod interop;
pub(crate) mod npm;
mod page_server;
pub(crate) use self::npm::pack_and_install;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::process::{run_logged, run_recorded, run_shown};
use crate::setup::{self, Need};
use crate::steps::Steps;
use crate::tools::{WASM_TARGET, root, wasm_command};
use crate::{build, dependencies, size, support, table};

/// A layer of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layer {
    /// Formatting and lints (rustfmt, clippy, Biome), licences and dependencies, rustdoc
    Lint,
    /// Unit tests, simulation, wire fixtures, the native driver, the mock server, documentation tests
    Native,
    /// The npm package is built, its types are checked, its size is within the budget
    Package,
    /// wasm-pack test in Chromium, Firefox and WebKit against the running mock server
    Browser,
    /// The packed npm package, installed into an empty project and loaded in Chromium; the demo page
    Npm,
    /// The package and the native driver against the real Django of `examples/django`: one node, and two behind nginx
    Interop,
}

impl Layer {
    const fn title(self) -> &'static str {
        match self {
            Self::Lint => "Lint: format, clippy, Biome, dependencies, rustdoc",
            Self::Native => "Native tests: units, simulation, wire, driver, mock server, documentation",
            Self::Package => "Package: build, types, publint, size",
            Self::Browser => "Browser tests: Chromium, Firefox, WebKit",
            Self::Npm => "npm tests: packed package, demo page",
            Self::Interop => "Interop tests: Django on one node, and on two behind nginx",
        }
    }

    /// What it needs to be there.
    const fn needs(self) -> &'static [Need] {
        match self {
            Self::Lint => &[Need::WasmTarget, Need::NpmBuild],
            Self::Native => &[],
            Self::Package => Need::PACKAGE_AND_TOOLS,
            Self::Browser => &[Need::WasmTarget, Need::Browsers, Need::WasmPack, Need::WasmBindgen, Need::Geckodriver],
            Self::Npm => Need::PACKAGE_IN_CHROMIUM,
            Self::Interop => &[Need::Browsers, Need::Servers, Need::Django, Need::NpmAll],
        }
    }

    fn run(self) -> Result<()> {
        match self {
            Self::Lint => lint(),
            Self::Native => {
                // Apart, or the crates of the native driver would change those of the others (cargo unites features).
                cargo(&["test", "--workspace", "--exclude", "gatepass"])?;
                run_recorded("native", &mut native_cargo(&["test", "--package", "gatepass", "--features", "native"]))
            }
            Self::Package => {
                build::wasm(build::Compiler::Small)?;
                build::face()?;
                npm::types()?;
                npm::well_formed()?;
                size::run(true)
            }
            Self::Browser => browser::all(),
            Self::Npm => npm::run(),
            Self::Interop => interop::run(),
        }
    }
}

/// Runs the chosen layers, or all.
pub(crate) fn run(chosen: &[Layer]) -> Result<()> {
    let layers = if chosen.is_empty() { Layer::value_variants() } else { chosen };
    let mut steps = Steps::new(layers.len() + 1);
    let is_needed = |need: &Need| layers.iter().any(|layer| layer.needs().contains(need));
    let needs: Vec<_> = Need::ALL.iter().copied().filter(is_needed).collect();
    steps.step("Set-up", || setup::run(&needs))?;
    let mut failed = Vec::new();
    for layer in layers {
        if let Err(error) = steps.step(layer.title(), || layer.run()) {
            eprintln!("error: {error:#}");
            failed.push(layer.title());
        }
    }
    // Only a run of everything says something about every cell.
    if chosen.is_empty()
        && let Err(error) = table::check()
    {
        eprintln!("error: {error:#}");
        failed.push("the table in the docs");
    }
    if chosen.is_empty()
        && let Err(error) = support::check()
    {
        eprintln!("error: {error:#}");
        failed.push("the page of what it runs in");
    }
    steps.print_times();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join("; "));
    }
    Ok(())
}

fn lint() -> Result<()> {
    dependencies::check()?;
    cargo(&["fmt", "--all", "--check"])?;
    // TypeScript, JavaScript and CSS: biome.json. `npx biome check --write` mends what it can.
    run_shown(wasm_command("biome")?.args(["ci", "--error-on-warnings", "."]))?;
    // Without the native driver first: what the other rooms need must not hide behind its crates.
    cargo(&["clippy", "--quiet", "--lib", "--", "-D", "warnings"])?;
    cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--features", "native", "--", "-D", "warnings"])?;
    // What npm users get and what Rust users get.
    for what in [&["--features", "js", "--lib"][..], &["--lib", "--test", "browser"]] {
        let mut clippy = wasm_command("cargo")?;
        clippy.args(["clippy", "--quiet", "--target", WASM_TARGET]).args(what).args(["--", "-D", "warnings"]);
        run_shown(&mut clippy)?;
    }
    run_shown(
        native_cargo(&["doc", "--quiet", "--workspace", "--features", "native", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    let mut web = wasm_command("cargo")?;
    web.args(["doc", "--quiet", "--target", WASM_TARGET, "--lib", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    run_shown(&mut web)
}

fn cargo(args: &[&str]) -> Result<()> {
    run_shown(&mut native_cargo(args))
}

fn native_cargo(args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(args);
    command
}

/// Every test file of Node's in a folder, in the order of their names: one that is added runs.
fn test_files(folder: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root().join(folder))? {
        files.push(entry?.path());
    }
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    Ok(files)
}

/// Builds the mock server and returns the command that starts it, on a free port and open to pages of this machine.
pub(crate) fn mock_server() -> Result<Command> {
    run_logged("mock-server", &mut native_cargo(&["build", "--package", "gatepass-mock-server"]))?;
    let mut command = Command::new(crate::tools::target_dir().join("debug/gatepass-mock-server"));
    command
        .args(["--allow-origin", "http://127.0.0.1:*", "--allow-origin", "http://localhost:*"])
        .env("RUST_LOG", "warn");
    Ok(command)
}
