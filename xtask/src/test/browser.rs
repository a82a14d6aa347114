//! `wasm-pack test` in three engines against the running mock server.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{Server, run_recorded, run_shown};
use crate::tools::{CargoTool, Pins, target_dir, wasm_command};

/// A browser engine, as wasm-pack names its browsers.
#[derive(Clone, Copy, Debug)]
enum Engine {
    Chromium,
    Firefox,
    WebKit,
}

impl Engine {
    const ALL: [Self; 3] = [Self::WebKit, Self::Firefox, Self::Chromium];

    const fn name(self) -> &'static str {
        match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
            Self::WebKit => "WebKit",
        }
    }

    const fn flag(self) -> &'static str {
        match self {
            Self::Chromium => "--chrome",
            Self::Firefox => "--firefox",
            Self::WebKit => "--safari",
        }
    }

    /// The variable that names the driver, and the driver.
    fn driver(self) -> Result<(&'static str, PathBuf)> {
        Ok(match self {
            Self::Chromium => ("CHROMEDRIVER", PathBuf::from("/usr/bin/chromedriver")),
            Self::Firefox => {
                let geckodriver = CargoTool::geckodriver(&Pins::read()?);
                ("GECKODRIVER", geckodriver.folder()?.join("bin/geckodriver"))
            }
            Self::WebKit => ("SAFARIDRIVER", safaridriver()?),
        })
    }
}

/// wasm-pack knows WebKit as Safari: a link of that name to WebKitGTK's driver.
fn safaridriver() -> Result<PathBuf> {
    let link = target_dir().join("drivers/safaridriver");
    let folder = link.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder)?;
    if !link.exists() {
        std::os::unix::fs::symlink("/usr/bin/WebKitWebDriver", &link)?;
    }
    Ok(link)
}

pub(super) fn run() -> Result<()> {
    run_in(&Engine::ALL, None)
}

/// Many reconnects in Chromium, some in Firefox, whose driver is slower.
pub(crate) fn soak(chromium: u32, firefox: u32) -> Result<()> {
    run_in(&[Engine::Chromium], Some(chromium))?;
    run_in(&[Engine::Firefox], Some(firefox))
}

/// All tests; with a number of reconnects the soak alone.
fn run_in(engines: &[Engine], soak: Option<u32>) -> Result<()> {
    let server = Server::start_two(&mut super::mock_server()?)?;
    let control = server.second_line.clone();
    // WebKitGTK has no headless mode; a display of its own takes a free number.
    let display = Server::start(Command::new("Xvfb").args([
        "-displayfd",
        "1",
        "-screen",
        "0",
        "1280x800x24",
        "-nolisten",
        "tcp",
    ]))
    .context("Xvfb")?;
    let mut failed = Vec::new();
    for engine in engines {
        println!("\n--- {}", engine.name());
        let (variable, driver) = engine.driver()?;
        // Last on PATH, for a driver in /usr/bin must not bring a cargo there before rustup's.
        let driver_folder = driver.parent().unwrap_or_else(|| Path::new(".")).to_path_buf();
        let mut command = wasm_command("wasm-pack")?;
        let inherited =
            command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value).map(ToOwned::to_owned);
        let inherited = inherited.unwrap_or_default();
        let path = std::env::split_paths(&inherited).chain([driver_folder]);
        command
            .args(["test", "--mode", "no-install", "--headless", engine.flag(), "--", "--test", "browser"])
            .env("PATH", std::env::join_paths(path)?)
            .env(variable, driver)
            .env("DISPLAY", format!(":{}", display.first_line))
            .env("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
            .env("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1")
            .env("WASM_BINDGEN_TEST_TIMEOUT", if soak.is_some() { "3600" } else { "300" })
            .env("GATEPASS_TEST_SERVER", &server.first_line)
            .env("GATEPASS_TEST_CONTROL", &control);
        if let Some(reconnects) = soak {
            command.args(["--", "soak", "--nocapture"]).env("GATEPASS_SOAK", reconnects.to_string());
        }
        let run = if soak.is_some() { run_shown(&mut command) } else { run_recorded(engine.name(), &mut command) };
        if let Err(error) = run {
            eprintln!("error: {}: {error:#}", engine.name());
            failed.push(engine.name());
        }
    }
    if !failed.is_empty() {
        bail!("browser tests failed in {}", failed.join(", "));
    }
    Ok(())
}
