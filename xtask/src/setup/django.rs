//! The virtual environment of `examples/django`, one for each state of its requirements, in the user's cache.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::run_logged;
use crate::tools::{cache_dir, root};

fn requirements() -> PathBuf {
    root().join("examples/django/requirements.txt")
}

/// Where it is.
pub(crate) fn folder() -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    std::fs::read_to_string(requirements())?.hash(&mut hasher);
    Ok(cache_dir()?.join("tools").join(format!("django-{:016x}", hasher.finish())))
}

pub(super) fn is_missing() -> Result<bool> {
    Ok(!folder()?.join("complete").is_file())
}

pub(super) fn install() -> Result<()> {
    let folder = folder()?;
    run_logged("django-venv", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)).context(
        "Django needs Python 3.10 or later with its venv module (on Debian 12: apt-get install python3-venv)",
    )?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements());
    run_logged("django-pip", &mut pip)?;
    // Written last: an installation that was cut off is begun again.
    Ok(std::fs::write(folder.join("complete"), "")?)
}
