//! One behaviour per test, in the simulated world. `case_N` is a row of the product's checklist.

mod alone;
mod asking;
mod backoff;
mod first_message;
mod handover;
mod handshake;
mod invariants;
mod liveness;
mod messages;
mod outbox;
mod probe;
mod recovery;
mod refresh;
mod session;
mod store;
mod tickets;
mod tokens;

use crate::server::Fault;
use crate::world::{Kind, World};

const MINUTE: u64 = 60_000;

fn connected(world: &World) -> bool {
    world.lines.iter().all(crate::world::Line::is_connected)
}

fn connect(kind: Kind) -> World {
    let mut world = World::signed_in(kind);
    assert!(world.run_until(MINUTE, connected), "{kind:?}: {:?}", world.lines[0].failures);
    world
}

fn fault(world: &mut World, endpoint: &'static str, faults: &[Fault]) {
    world.server.faults.entry(endpoint).or_default().extend(faults.iter().cloned());
}
