//! `wasm-pack test` in three engines against the running mock server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::page_server;
use crate::process::{Server, run_watched};
use crate::tools::{CargoTool, Pins, target_dir, wasm_command};

/// A browser engine, as wasm-pack names its browsers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    Chromium,
    Firefox,
    WebKit,
}

impl Engine {
    const ALL: [Self; 3] = [Self::WebKit, Self::Firefox, Self::Chromium];

    pub(crate) const fn name(self) -> &'static str {
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
    pub(crate) fn driver(self) -> Result<(&'static str, PathBuf)> {
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

pub(super) fn all() -> Result<()> {
    run_in(&Engine::ALL, None)
}

/// How often a browser is started that does not load the page with the tests.
const STARTS: usize = 3;
/// How long it may take from its start to the first test.
const PATIENCE: Duration = Duration::from_secs(90);

/// Runs the tests of an engine. A test that hangs is named, and a browser that does not come to its first test is started again.
fn recorded(engine: Engine, command: &mut Command) -> Result<()> {
    let mut starts = 1;
    loop {
        let Err(error) = run(engine.name(), command, Some(PATIENCE)) else { return Ok(()) };
        match progress(&results(engine), &Engine::ALL.map(results)) {
            Progress::None if starts < STARTS => {
                starts += 1;
                eprintln!("warning: {} did not load the tests; start {starts} of {STARTS}", engine.name());
            }
            Progress::None | Progress::Finished => return Err(error),
            Progress::Stopped { at } => return Err(error.context(format!("stopped in the test {at}"))),
        }
    }
}

/// Runs wasm-pack, and keeps the threads of its page server busy from the start of the browser on.
fn run(name: &str, command: &mut Command, patience: Option<Duration>) -> Result<()> {
    let mut held = Vec::new();
    run_watched(name, command, &mut |group, line| {
        // The server listens by then.
        if line.starts_with("Running headless tests") {
            held = page_server::occupy(group);
        }
        patience.filter(|_| !line.starts_with("test ") && !line.is_empty())
    })
}

/// How far a run came.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// No test has ended.
    None,
    /// This test has not ended.
    Stopped { at: String },
    /// All tests have ended.
    Finished,
}

/// Compares what a run has printed with the runs of the other engines, which run the same tests in the same order.
fn progress(output: &str, others: &[String]) -> Progress {
    let names = |output: &str| -> Vec<String> {
        output
            .lines()
            .filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "))
            .map(|(name, _)| name.to_owned())
            .collect()
    };
    if output.contains("test result: ") {
        return Progress::Finished;
    }
    let ended = names(output);
    if ended.is_empty() {
        return Progress::None;
    }
    let at = others.iter().flat_map(|other| names(other)).find(|name| !ended.contains(name));
    Progress::Stopped { at: at.unwrap_or_else(|| "after ".to_owned() + &ended[ended.len() - 1]) }
}

/// What the last run of an engine has printed.
fn results(engine: Engine) -> String {
    std::fs::read_to_string(target_dir().join("results").join(format!("{}.txt", engine.name()))).unwrap_or_default()
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
            .env("WASM_BINDGEN_TEST_TIMEOUT", if soak.is_some() { "3600" } else { "600" })
            .env("GATEPASS_TEST_SERVER", &server.first_line)
            .env("GATEPASS_TEST_CONTROL", &control);
        if let Some(reconnects) = soak {
            command.args(["--", "soak", "--nocapture"]).env("GATEPASS_SOAK", reconnects.to_string());
        }
        let outcome = match soak {
            None => recorded(*engine, &mut command),
            // The soak prints for itself, and may be silent for long.
            Some(_) => run(&format!("soak-{}", engine.name()), &mut command, None),
        };
        if let Err(error) = outcome {
            eprintln!("error: {}: {error:#}", engine.name());
            failed.push(engine.name());
        }
    }
    if !failed.is_empty() {
        bail!("browser tests failed in {}", failed.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_stops_names_the_test_that_has_not_ended() {
        let whole = "test a ... ok\ntest b ... ok\ntest c ... ok\n\ntest result: ok. 3 passed\n".to_owned();
        let at = |output: &str| progress(output, &[String::new(), whole.clone()]);
        assert_eq!(at(&whole), Progress::Finished);
        assert_eq!(at("test a ... ok\n"), Progress::Stopped { at: "b".to_owned() });
        assert_eq!(at("running 3 tests\n"), Progress::None);
        assert_eq!(progress("test a ... ok\n", &[]), Progress::Stopped { at: "after a".to_owned() });
    }
}
