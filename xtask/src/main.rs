//! The one front door to the project: set-up, build, demo, tests and figures.
//!
//! `npm start` and `npm test` are thin calls into this program; CI calls the same. Each command says what it does
//! with `--help`, prints which step of how many it is in, and names the log of a step that failed.

mod build;
mod process;
mod setup;
mod steps;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Set-up, build, demo, tests and figures of gatepass", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what building and testing need: wasm target, wasm-pack, wasm-bindgen, browsers and drivers, npm packages
    Setup,
    /// Build the npm package into pkg/ (wasm, glue, TypeScript face)
    Build,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Setup => setup::run(),
        Command::Build => setup::run().and_then(|()| build::run()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
