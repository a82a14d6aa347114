//! Installs what a command needs, and nothing that is there already.
//!
//! Every step first looks, so a second run takes about a second. A step that may not install says which command a person has to run.

mod apt;
mod cargo_tools;
mod django;
mod npm;
mod wasm_target;

use anyhow::Result;

pub(crate) use self::django::folder as django_venv;
use crate::steps::Steps;
use crate::tools::{CargoTool, Pins, WasmToolchain};

/// What a command stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Rust that builds wasm.
    WasmTarget,
    /// What builds the package, and what the tests import: package-lock.json.
    NpmPackages,
    /// Chromium, Firefox and WebKit with their drivers, by Debian's packages.
    Browsers,
    /// The real backend: `examples/django` with its packages.
    Django,
    /// What Django is scaled out with: Redis and nginx.
    Servers,
    WasmPack,
    WasmBindgen,
    Geckodriver,
}

impl Need {
    /// Everything, in the order of installation.
    pub(crate) const ALL: &[Self] = &[
        Self::WasmTarget,
        Self::Browsers,
        Self::Servers,
        Self::Django,
        Self::NpmPackages,
        Self::WasmPack,
        Self::WasmBindgen,
        Self::Geckodriver,
    ];

    /// What builds the package.
    pub(crate) const PACKAGE: &[Self] = &[Self::WasmTarget, Self::NpmPackages];

    /// And what opens it in Chromium.
    pub(crate) const PACKAGE_IN_CHROMIUM: &[Self] = &[Self::WasmTarget, Self::Browsers, Self::NpmPackages];

    /// What is missing of it, if anything is.
    fn missing(self, pins: &Pins) -> Result<Option<Missing>> {
        let packages = |packages: &[String]| -> Result<Option<Vec<String>>> {
            Ok(Some(apt::missing(packages)?).filter(|missing| !missing.is_empty()))
        };
        Ok(match self {
            Self::WasmTarget => WasmToolchain::find().is_none().then_some(Missing::WasmTarget),
            Self::NpmPackages => npm::is_missing()?.then_some(Missing::NpmPackages),
            Self::Browsers => packages(&pins.apt_browsers)?.map(Missing::Browsers),
            Self::Django => django::is_missing()?.then_some(Missing::Django),
            Self::Servers => packages(&pins.apt_servers)?.map(Missing::Servers),
            Self::WasmPack => missing_tool(CargoTool::wasm_pack(pins))?,
            Self::WasmBindgen => missing_tool(CargoTool::wasm_bindgen()?)?,
            Self::Geckodriver => missing_tool(CargoTool::geckodriver(pins))?,
        })
    }
}

fn missing_tool(tool: CargoTool) -> Result<Option<Missing>> {
    Ok((!tool.is_installed()?).then_some(Missing::CargoTool(tool)))
}

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

/// Installs what is missing of these.
pub(crate) fn run(needs: &[Need]) -> Result<()> {
    let pins = Pins::read()?;
    let mut missing = Vec::new();
    for need in needs {
        missing.extend(need.missing(&pins)?);
    }
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
