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
    /// What builds the package: package.json.
    NpmBuild,
    /// What the docs and the tests use besides: docs/package.json, tests/frameworks/package.json.
    NpmAll,
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
        Self::NpmBuild,
        Self::NpmAll,
        Self::WasmPack,
        Self::WasmBindgen,
        Self::Geckodriver,
    ];

    /// What builds the package.
    pub(crate) const PACKAGE: &[Self] = &[Self::WasmTarget, Self::NpmBuild];

    /// And what the docs and the examples are built with.
    pub(crate) const PACKAGE_AND_TOOLS: &[Self] = &[Self::WasmTarget, Self::NpmAll];

    /// And what opens it in Chromium.
    pub(crate) const PACKAGE_IN_CHROMIUM: &[Self] = &[Self::WasmTarget, Self::Browsers, Self::NpmAll];

    /// What is missing of it, if anything is.
    fn missing(self, pins: &Pins) -> Result<Option<Missing>> {
        match self {
            Self::WasmTarget if WasmToolchain::find().is_some() => Ok(None),
            Self::WasmTarget => {
                let pins = pins.clone();
                Missing::new("Adding the wasm target to Rust", move || wasm_target::install(&pins))
            }
            Self::NpmBuild => npm_packages("Installing npm packages", npm::Packages::Build),
            Self::NpmAll => npm_packages("Installing npm packages of docs and tests", npm::Packages::All),
            Self::Django if django::is_missing()? => {
                Missing::new("Installing Django and its packages", django::install)
            }
            Self::Django => Ok(None),
            Self::Browsers => packages("browsers", &pins.apt_browsers),
            Self::Servers => packages("servers", &pins.apt_servers),
            Self::WasmPack => tool(CargoTool::wasm_pack(pins)),
            Self::WasmBindgen => tool(CargoTool::wasm_bindgen()?),
            Self::Geckodriver => tool(CargoTool::geckodriver(pins)),
        }
    }
}

/// Something that is not there, and how to get it.
struct Missing {
    title: String,
    install: Box<dyn Fn() -> Result<()>>,
}

impl Missing {
    fn new(title: impl Into<String>, install: impl Fn() -> Result<()> + 'static) -> Result<Option<Self>> {
        Ok(Some(Self { title: title.into(), install: Box::new(install) }))
    }
}

fn npm_packages(title: &str, packages: npm::Packages) -> Result<Option<Missing>> {
    if !packages.are_missing()? {
        return Ok(None);
    }
    Missing::new(title, move || packages.install())
}

/// Debian packages, under a name for the log.
fn packages(name: &'static str, wanted: &[String]) -> Result<Option<Missing>> {
    let missing = apt::missing(wanted)?;
    if missing.is_empty() {
        return Ok(None);
    }
    Missing::new(format!("Installing {name}: {}", missing.join(" ")), move || apt::install(name, &missing))
}

fn tool(tool: CargoTool) -> Result<Option<Missing>> {
    if tool.is_installed()? {
        return Ok(None);
    }
    let title = format!("Building {} {} (some minutes)", tool.crate_name, tool.version);
    Missing::new(title, move || cargo_tools::install(&tool))
}

/// Installs what is missing of these.
pub(crate) fn run(needs: &[Need]) -> Result<()> {
    let pins = Pins::read()?;
    let mut missing = Vec::new();
    // All npm packages include those of the build.
    let is_part = |need: &Need| *need == Need::NpmBuild && needs.contains(&Need::NpmAll);
    for need in needs.iter().filter(|need| !is_part(need)) {
        missing.extend(need.missing(&pins)?);
    }
    if missing.is_empty() {
        println!("set-up: nothing is missing");
        return Ok(());
    }
    let mut steps = Steps::new(missing.len());
    let result = missing.iter().try_for_each(|item| steps.step(&item.title, &item.install));
    steps.print_times();
    result
}
