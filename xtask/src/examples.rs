//! The market watches of `examples/`: built as their readers would build them, from the packed package.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::process::{Server, run_logged};
use crate::setup::{self, Need};
use crate::steps::Steps;
use crate::tools::{WASM_TARGET, root, target_dir, wasm_command};
use crate::{build, demo, test};

/// A market watch.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Example {
    /// With gatepass/vue, built by Vite
    Vue,
    /// With gatepass/angular, built by the Angular CLI
    Angular,
    /// With gatepass/react, built by Vite
    React,
    /// The crate in a Leptos app, built by Cargo and wasm-bindgen
    Leptos,
}

impl Example {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Vue => "vue",
            Self::Angular => "angular",
            Self::React => "react",
            Self::Leptos => "leptos",
        }
    }

    const fn needs(self) -> &'static [Need] {
        match self {
            Self::Vue | Self::Angular | Self::React => Need::PACKAGE_AND_TOOLS,
            Self::Leptos => Need::PACKAGE,
        }
    }

    /// What its `npm run build` runs.
    const fn commands(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Vue => &[&["vue-tsc", "--noEmit"], &["vite", "build"]],
            Self::Angular => &[&["ng", "build"]],
            Self::React => &[&["tsc", "--noEmit"], &["vite", "build"]],
            Self::Leptos => &[],
        }
    }

    /// Builds it within a project that has the package installed, and returns the folder to serve.
    pub(crate) fn build(self, project: &Path) -> Result<PathBuf> {
        if matches!(self, Self::Leptos) {
            return leptos();
        }
        let examples = project.join("examples");
        let folder = examples.join(self.name());
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        for part in ["market", self.name(), &format!("{}/src", self.name())] {
            demo::copy(&root().join("examples").join(part), &examples.join(part))?;
        }
        for command in self.commands() {
            let [program, arguments @ ..] = command else { continue };
            // Other tools than those of the package itself, which are found on the same path.
            run_logged(program, wasm_command(program)?.args(arguments).current_dir(&folder))
                .with_context(|| format!("examples/{}", self.name()))?;
        }
        Ok(folder.join("dist"))
    }
}

/// Builds the Leptos app where it is: the crate is beside it. As `trunk build` would, with the tools that are here.
fn leptos() -> Result<PathBuf> {
    let folder = root().join("examples/leptos");
    let target = target_dir().join("leptos");
    let mut cargo = wasm_command("cargo")?;
    cargo.current_dir(&folder).args(["build", "--locked", "--target", WASM_TARGET, "--target-dir"]).arg(&target);
    run_logged("leptos", &mut cargo).context("examples/leptos")?;
    let dist = target.join("dist");
    build::bindgen(&target.join(WASM_TARGET).join("debug/gatepass-leptos.wasm"), "gatepass-leptos", &dist)?;
    for file in ["leptos/index.html", "market/market.css"] {
        let from = root().join("examples").join(file);
        std::fs::copy(&from, dist.join(from.file_name().unwrap_or_default()))?;
    }
    Ok(dist)
}

/// Sets up, builds, and serves one with a feed of prices, until it is interrupted.
pub(crate) fn run(example: Example, port: u16) -> Result<()> {
    let mut steps = Steps::new(3);
    steps.step("Set-up", || setup::run(example.needs()))?;
    steps.step("Package", || build::run(build::Compiler::Small))?;
    let folder = steps.step("Example", || example.build(&test::pack_and_install()?))?;
    let mut command = test::mock_server()?;
    command.arg("--files").arg(folder).args(["--port", &port.to_string()]);
    let server = Server::start_two(&mut command)
        .with_context(|| format!("the mock server did not start; if port {port} is taken, leave --port out"))?;
    let mut feed = Command::new("node")
        .arg(root().join("examples/market/feed.mjs"))
        .arg(&server.second_line)
        .spawn()
        .context("cannot start node")?;
    println!("\nThe market watch is at {}/\nUsers: maggie/secret and bob/hunter2.", server.first_line);
    println!("Make the server misbehave: curl -d '{{\"do\": \"restart\"}}' {}\nCtrl-C ends it.", server.second_line);
    let ended = server.wait();
    feed.kill().ok();
    ended
}
