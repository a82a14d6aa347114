//! Installs what building and testing need, and nothing that is there already.
//!
//! Order: the wasm target, then the tools built by cargo, browsers with their drivers, npm packages. Every step first
//! looks, so a second run takes about a second. A step that may not install says which command a person has to run.

mod apt;
mod cargo_tools;
mod django;
mod npm;
mod wasm_target;

use anyhow::Result;

pub(crate) use self::django::folder as django_venv;
use crate::steps::Steps;
use crate::tools::{CargoTool, Pins, WasmToolchain};

/// Something that can be missing.
#[derive(Debug)]
enum Missing {
    Browsers(Vec<String>),
    CargoTool(CargoTool),
    Django,
    NpmPackages,
    Servers(Vec<String>),
    WasmTarget,
}

pub(crate) fn run() -> Result<()> {
    let pins = Pins::read()?;
    let missing = look(&pins)?;
    if missing.is_empty() {
        println!("set-up: nothing is missing");
        return Ok(());
    }
    let mut steps = Steps::new(missing.len());
    let result = missing.iter().try_for_each(|item| match item {
        Missing::Browsers(packages) => steps
            .step(&format!("Installing browsers and drivers: {}", packages.join(" ")), || {
                apt::install("browsers", packages)
            }),
        Missing::CargoTool(tool) => steps
            .step(&format!("Building {} {} (some minutes)", tool.crate_name, tool.version), || {
                cargo_tools::install(tool)
            }),
        Missing::Django => steps.step("Installing Django and its packages", django::install),
        Missing::Servers(packages) => {
            steps.step(&format!("Installing servers: {}", packages.join(" ")), || apt::install("servers", packages))
        }
        Missing::NpmPackages => steps.step("Installing npm packages", npm::install),
        Missing::WasmTarget => steps.step("Adding the wasm target to Rust", || wasm_target::install(&pins)),
    });
    steps.print_times();
    result
}

fn look(pins: &Pins) -> Result<Vec<Missing>> {
    let mut missing = Vec::new();
    if WasmToolchain::find().is_none() {
        missing.push(Missing::WasmTarget);
    }
    let browsers = apt::missing(&pins.apt_browsers)?;
    if !browsers.is_empty() {
        missing.push(Missing::Browsers(browsers));
    }
    let servers = apt::missing(&pins.apt_servers)?;
    if !servers.is_empty() {
        missing.push(Missing::Servers(servers));
    }
    if django::is_missing()? {
        missing.push(Missing::Django);
    }
    if npm::is_missing()? {
        missing.push(Missing::NpmPackages);
    }
    for tool in CargoTool::all(pins)? {
        if !tool.is_installed()? {
            missing.push(Missing::CargoTool(tool));
        }
    }
    Ok(missing)
}
