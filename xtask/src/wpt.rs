//! The suite of the platform's own tests (web-platform-tests, `websockets/`), which is not part of this repository.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::build;
use crate::process::run_shown;
use crate::setup::{self, Need};
use crate::test::{Engine, pack_and_install};
use crate::tools::root;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A checkout of web-platform-tests, or a copy with its folders `websockets`, `resources` and `interfaces`
    #[arg(long)]
    from: PathBuf,
    /// The browser
    #[arg(long, value_enum, default_value_t = Browser::Chromium)]
    browser: Browser,
    /// Only pages whose path contains this
    #[arg(long, default_value = "")]
    only: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Browser {
    Chromium,
    Firefox,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let from = &options.from;
    for folder in ["websockets", "resources", "interfaces"] {
        if !from.join(folder).is_dir() {
            bail!("--from {}: it has no folder `{folder}`; name a checkout of web-platform-tests", from.display());
        }
    }
    setup::run(Need::ALL)?;
    build::run(build::Compiler::Small)?;
    let engine = match options.browser {
        Browser::Chromium => Engine::Chromium,
        Browser::Firefox => Engine::Firefox,
    };
    run_shown(
        Command::new("node")
            .current_dir(root())
            .arg("tests/wpt/run.mjs")
            .env("WPT_FROM", from.canonicalize()?)
            .env("WPT_PROJECT", pack_and_install()?)
            .env("WPT_DRIVER", engine.driver()?.1)
            .env("WPT_BROWSER", engine.name().to_lowercase())
            .env("WPT_ONLY", &options.only),
    )
}
