//! The one front door to the project: set-up, build, demo, tests and figures.
//!
//! `npm start` and `npm test` are thin calls into this program; CI calls the same. Each command says what it does
//! with `--help`, prints which step of how many it is in, and names the log of a step that failed.

#![cfg_attr(not(test), warn(unused_crate_dependencies))]

mod build;
mod cases;
mod close_codes;
mod demo;
mod dependencies;
mod dials;
mod docs;
mod examples;
mod first_load;
mod fuzz;
mod load;
mod message_path;
mod mock_server;
mod mutants;
mod options_page;
mod place;
mod process;
mod setup;
mod sim;
mod size;
mod steps;
mod storm;
mod support;
mod table;
mod test;
mod tools;
mod wpt;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::setup::Need;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Set-up, build, demo, tests and figures of gatepass", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install all that building and every test need; other commands install what they need themselves
    Setup,
    /// Build the npm package into pkg/ (wasm, glue, TypeScript face)
    Build {
        /// Without unstable flags of rustc: works with every Rust that the crate supports, and says what it costs
        #[arg(long)]
        stable: bool,
    },
    /// Build the package, start the mock server, serve the demo page and print its URL
    Demo {
        /// An app of examples/ in the place of the demo, with a feed of prices
        #[arg(long)]
        example: Option<examples::Example>,
        /// The port; 0 takes a free one
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Write the numbers of src/proto/contract into the browser's drivers, and the options into the docs
    Contract,
    /// How often a server is dialled that drops every connection after some seconds
    Dials,
    /// Build the docs as a site, with the reference out of the comments, into target/site
    Docs,
    /// Run the packed package in a page where server, store, tabs, clock and app do anything at any time
    Fuzz(fuzz::Options),
    /// Run `websockets/` of web-platform-tests against the browser's WebSocket and against the class for libraries
    Wpt(wpt::Options),
    /// Run the tests: all layers, or those that are named
    Test {
        /// Which layers; all of them if none is named
        layers: Vec<test::Layer>,
    },
    /// Run the simulation alone
    Sim {
        /// Replay one schedule, as a failure has printed it: 0x1f
        #[arg(long)]
        seed: Option<String>,
        /// How many random schedules to run
        #[arg(long, conflicts_with = "seed")]
        schedules: Option<u64>,
        /// A night's worth: 100,000 schedules
        #[arg(long, conflicts_with_all = ["seed", "schedules"])]
        long: bool,
    },
    /// How long a signed-in user waits for `connected` at a cold load, as a ratio to an app by hand: Fast 3G, CPU divided by 4
    FirstLoad {
        /// How often each is measured
        #[arg(long, default_value_t = 7)]
        rounds: u32,
    },
    /// How fast messages pass, as a ratio to a raw WebSocket, beside what a second event for each costs: echo, flood (until all are back), burst (until all are handed over)
    MessagePath {
        /// How often each is measured
        #[arg(long, default_value_t = 31)]
        rounds: u32,
    },
    /// Build the mock server as npm packages for this machine, into target/mock-server
    MockServer,
    /// Make small mistakes in the machines, one at a time (an hour): at least 85 % must be found by the tests
    Mutants(mutants::Options),
    /// Thousands of native sockets over two restarts of the server: nothing lost, nothing twice, nothing out of order
    Load {
        /// How many
        #[arg(long, default_value_t = 5_000)]
        sockets: u32,
    },
    /// Reconnect many times in Chromium and Firefox: nothing may be left behind
    Soak {
        /// How often in Chromium; memory is compared with that after 100
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(101..))]
        chromium: u32,
        /// How often in Firefox
        #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(101..))]
        firefox: u32,
    },
    /// Print the download's size, part by part
    Size {
        /// Fail if it is over the budget
        #[arg(long)]
        check: bool,
    },
    /// All clients lose the server at once: how they come back, beside the formulas of others
    Storm(storm::Options),
    /// Print the table of authentication schemes and where they were tried, made of the last test run
    Table {
        /// Put it into the docs, and the tables of close codes and of what the package runs in
        #[arg(long)]
        write: bool,
    },
    /// Print which cases of the checklist have a test and which are open
    Cases,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Setup => setup::run(Need::ALL),
        Command::Build { stable } => {
            let compiler = if stable { build::Compiler::Stable } else { build::Compiler::Small };
            setup::run(Need::PACKAGE).and_then(|()| build::run(compiler))
        }
        Command::Contract => build::contract::write_drivers().and_then(|()| options_page::write()),
        Command::Demo { example: Some(example), port } => examples::run(example, port),
        Command::Demo { example: None, port } => demo::run(port),
        Command::Dials => dials::run(),
        Command::Docs => docs::run(),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Test { layers } => test::run(&layers),
        Command::Sim { seed, schedules, long } => sim::run(seed.as_deref(), schedules, long),
        Command::Size { check } => size::run(check),
        Command::Load { sockets } => load::run(sockets),
        Command::FirstLoad { rounds } => first_load::run(rounds),
        Command::MessagePath { rounds } => message_path::run(rounds),
        Command::Wpt(options) => wpt::run(&options),
        Command::MockServer => mock_server::pack().map(|_| ()),
        Command::Mutants(options) => mutants::run(&options),
        Command::Soak { chromium, firefox } => test::soak(chromium, firefox),
        Command::Storm(options) => storm::run(&options),
        Command::Table { write } => table::run(write),
        Command::Cases => cases::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
