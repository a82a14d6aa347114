//! Debian packages: what is missing, and how they are installed or asked for.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{output_of, run_logged};

/// Returns those of the packages that dpkg does not list as installed.
pub(super) fn missing(packages: &[String]) -> Result<Vec<String>> {
    let output =
        Command::new("dpkg-query").args(["-W", "-f", "${Package} ${db:Status-Status}\n"]).args(packages).output();
    let Ok(output) = output else {
        bail!(
            "this machine has no dpkg, so browsers cannot be looked up. The tests need Chromium with chromedriver, Firefox, \
             WebKitGTK's WebKitWebDriver and Xvfb, at the places where Debian 12 puts them: {}",
            packages.join(", ")
        );
    };
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_installed = |package: &str| listed.lines().any(|line| line == format!("{package} installed"));
    Ok(packages.iter().filter(|package| !is_installed(package)).cloned().collect())
}

/// Installs packages, or says which command the person has to run.
pub(super) fn install(name: &str, packages: &[String]) -> Result<()> {
    let by_hand = format!("apt-get update && apt-get install -y --no-install-recommends {}", packages.join(" "));
    if Command::new("apt-get").arg("--version").output().is_err() {
        bail!("this machine has no apt-get; on Debian 12 the command is (as root): {by_hand}");
    }
    if output_of(Command::new("id").arg("-u"))?.trim() != "0" {
        bail!(
            "packages are missing and only root may install them. Run this, then try again:\n  sudo sh -c '{by_hand}'"
        );
    }
    run_logged(&format!("apt-update-{name}"), Command::new("apt-get").arg("update"))?;
    let mut command = Command::new("apt-get");
    // In runlevel 1 no package starts a service: the tests start their own, on this machine only.
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("RUNLEVEL", "1")
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages);
    run_logged(&format!("apt-install-{name}"), &mut command)
}
