//! The npm packages that build and test: as package-lock.json says, no install scripts.
//!
//! package.json has what builds the package; docs/package.json and tests/frameworks/package.json have the rest. All have one lock and one `node_modules`.
//! Other majors of Angular have their own, in `target`: two of them do not go into one.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{output_of, run_logged};
use crate::tools::{root, target_dir};

/// Majors of Angular beside that of tests/frameworks: tests/angular-NN.
const ANGULAR: [&str; 2] = ["angular-21", "angular-22"];

/// Which packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packages {
    /// Those that build the package.
    Build,
    /// Those of the docs and of the tests, too.
    All,
}

impl Packages {
    /// A copy of the lock file that was installed; equal to package-lock.json when nothing is missing.
    fn installed_lock(self) -> PathBuf {
        root().join(match self {
            Self::Build => "node_modules/.installed-for-build.json",
            Self::All => "node_modules/.installed.json",
        })
    }

    pub(super) fn are_missing(self) -> Result<bool> {
        check_node()?;
        let wanted = std::fs::read(root().join("package-lock.json"))?;
        let is_installed = |packages: Self| std::fs::read(packages.installed_lock()).is_ok_and(|lock| lock == wanted);
        if self == Self::Build {
            return Ok(!is_installed(Self::Build) && !is_installed(Self::All));
        }
        Ok(!is_installed(Self::All) || ANGULAR.iter().any(|name| !is_there(name)))
    }

    pub(super) fn install(self) -> Result<()> {
        let mut command = Command::new("npm");
        command.current_dir(root()).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        match self {
            Self::Build => command.arg("--workspaces=false"),
            Self::All => &mut command,
        };
        run_logged("npm-ci", &mut command).context("the npm packages could not be installed; is there a network?")?;
        std::fs::copy(root().join("package-lock.json"), self.installed_lock())?;
        if self == Self::All {
            ANGULAR.iter().try_for_each(|name| install_apart(name))?;
        }
        Ok(())
    }
}

/// Whether the packages of a folder of `tests` are in `target`, as its lock says.
fn is_there(name: &str) -> bool {
    let lock = |path: PathBuf| std::fs::read(path).ok();
    let installed = lock(target_dir().join(name).join("node_modules/.installed.json"));
    installed.is_some() && installed == lock(root().join("tests").join(name).join("package-lock.json"))
}

/// Installs the packages of a folder of `tests` into `target`.
fn install_apart(name: &str) -> Result<()> {
    let (from, to) = (root().join("tests").join(name), target_dir().join(name));
    std::fs::create_dir_all(&to)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(from.join(file), to.join(file))?;
    }
    let mut command = Command::new("npm");
    command.current_dir(&to).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--workspaces=false"]);
    run_logged("npm-ci", &mut command).with_context(|| format!("the npm packages of tests/{name}"))?;
    std::fs::copy(to.join("package-lock.json"), to.join("node_modules/.installed.json"))?;
    Ok(())
}

/// Refuses a machine without Node, or with one that is older than `engines` in package.json says.
fn check_node() -> Result<()> {
    let package: serde_json::Value = serde_json::from_slice(&std::fs::read(root().join("package.json"))?)?;
    let least = package["engines"]["node"].as_str().and_then(|range| range.strip_prefix(">=")?.parse().ok());
    let least: u32 = least.context("package.json: engines.node is to be \">=\" and a number")?;
    let version = output_of(Command::new("node").arg("--version")).unwrap_or_else(|_| "none".to_owned());
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < least) {
        bail!(
            "Node {least} or later is needed, and here is {}. Install it from https://nodejs.org, then try again.",
            version.trim()
        );
    }
    Ok(())
}
