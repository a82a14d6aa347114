//! Sessions in virtual time on a scripted network.
//!
//! Set `GATEPASS_SIM_SEED` to replay one schedule, `GATEPASS_SIM_SCHEDULES` for another number of them;
//! `cargo xtask sim` does both.

#![cfg(not(target_family = "wasm"))]
#![allow(unreachable_pub, reason = "modules of one test binary")]

mod cases;
mod chaos;
#[path = "../support/json.rs"]
mod codec;
mod server;
mod tabs;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The default number of random schedules.
const SCHEDULES: u64 = 20_000;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| u64::from_str_radix(hex, 16));
    Some(number.unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

fn run_reported(run: fn(u64) -> world::World, seed: u64) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed))) {
        eprintln!("schedule 0x{seed:x} failed; replay it with: cargo xtask sim --seed 0x{seed:x}");
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn random_schedules_keep_every_invariant_and_recover_in_the_calm() {
    run_all(chaos::run);
}

#[test]
fn random_schedules_of_many_tabs_renew_once_and_lose_no_session() {
    run_all(tabs::run);
}

fn run_all(run: fn(u64) -> world::World) {
    if let Some(seed) = variable("GATEPASS_SIM_SEED") {
        println!("replaying schedule 0x{seed:x}");
        return run_reported(run, seed);
    }
    let schedules = variable("GATEPASS_SIM_SCHEDULES").unwrap_or(SCHEDULES);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                scope.spawn(move || {
                    (worker..schedules).step_by(threads as usize).for_each(|seed| run_reported(run, seed))
                })
            })
            .collect();
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    println!("{schedules} random schedules");
}

#[test]
fn the_same_seed_gives_the_same_world() {
    for seed in 0..200 {
        let trace = |world: world::World| {
            let lines = world
                .lines
                .into_iter()
                .map(|line| (line.failures, line.waits, line.delivered, line.received_by_server));
            (world.steps, lines.collect::<Vec<_>>())
        };
        assert_eq!(trace(chaos::run(seed)), trace(chaos::run(seed)), "seed {seed}");
    }
}

#[test]
fn the_lane_changes_nothing_that_can_be_seen() {
    for seed in 0..1_000 {
        let trace = |world: world::World| {
            let lines = world.lines.into_iter().map(|mut line| {
                let stats = line.stats();
                (line.order, line.unconfirmed, line.waits, line.delivered, line.received_by_server, stats)
            });
            (world.steps, lines.collect::<Vec<_>>())
        };
        let [by_lane, by_machine] = [true, false].map(|takes_lane| trace(chaos::run_by_lane(seed, takes_lane)));
        assert_eq!(by_lane, by_machine, "seed {seed}");
    }
}
