//! Random schedules of many tabs: they share a store and a lock, sleep, crash, and have clocks that are wrong.

use gatepass::proto::connection::ConnectionState;
use gatepass::proto::session::SessionState;

use crate::server::{BadToken, Fault, Replay};
use crate::world::{KINDS, Kind, Net, World};

/// Runs one random schedule. Invariants are asserted by the world as it goes.
pub fn run(seed: u64) -> World {
    let mut dice = fastrand::Rng::with_seed(seed.wrapping_mul(0xd1b5_4a32_d192_ed03));
    let kinds: Vec<Kind> = (0..dice.usize(1..=2)).map(|_| KINDS[dice.usize(0..KINDS.len())]).collect();
    let mut world = World::with_tabs(seed, dice.usize(2..=6), &kinds);
    // In half of all schedules every answer arrives and no tab ends. There, no session may be lost.
    let is_gentle = dice.bool();
    let loss = if is_gentle { 0 } else { dice.u8(0..20) };
    world.net = Net { min_ms: dice.u64(0..20), max_ms: dice.u64(20..2_000), loss };
    world.server.rotates = dice.u8(0..4) > 0;
    world.calls_back = [0, 0, 3][dice.usize(0..3)];
    world.shared.slowness = [0, 0, 20, 3_000][dice.usize(0..4)];
    world.server.access_life_ms = dice.i64(10_000..600_000);
    world.server.bad_token = [BadToken::CloseNormal, BadToken::Close4401, BadToken::RejectMessage][dice.usize(0..3)];
    world.wall_offset = [0, 0, 7_200_000, -7_200_000][dice.usize(0..4)];
    if dice.u8(0..4) > 0 {
        world.login_at(0, "maggie", "SECRET-password");
    }
    (0..world.lines.len()).for_each(|line| world.connect(line));
    for _ in 0..dice.usize(5..40) {
        act(&mut world, &mut dice, is_gentle);
        let pause = [0, 1, 50, 500, 5_000, 40_000][dice.usize(0..6)];
        world.run_for(dice.u64(0..=pause));
    }
    calm(&mut world);
    world
}

fn act(world: &mut World, dice: &mut fastrand::Rng, is_gentle: bool) {
    let alive: Vec<_> = (0..world.tabs.len()).filter(|tab| world.tabs[*tab].is_alive).collect();
    let tab = alive[dice.usize(0..alive.len())];
    let lines: Vec<_> = (0..world.lines.len()).filter(|line| world.lines[*line].tab == tab).collect();
    let line = lines[dice.usize(0..lines.len())];
    // Nothing happens in a tab that sleeps.
    let is_asleep = world.is_asleep(tab);
    match dice.u8(0..24) {
        0..=2 if !is_asleep => {
            world.send(line);
        }
        3 => world.drop_sockets([1006, 1000, 1012, 4401][dice.usize(0..4)]),
        4 => world.restart_server([1006, 1011, 1012][dice.usize(0..3)]),
        5 | 6 => world.server.revoke_access(),
        7 if !is_asleep => world.logout_at(tab),
        8 if !is_asleep => world.sign_in_at(tab, ["maggie", "bob"][dice.usize(0..2)]),
        9 | 10 if !is_asleep => world.login_at(tab, ["maggie", "bob"][dice.usize(0..2)], "SECRET-password"),
        11 if !is_asleep => world.connect(line),
        12 if !is_asleep => world.close(line),
        13 | 14 => world.freeze(tab, dice.u64(0..120_000), dice.bool()),
        15 if !is_gentle && alive.len() > 1 => world.crash(tab),
        16 => world.wall_offset = [0, 60_000, 7_200_000, -7_200_000][dice.usize(0..4)],
        17 if !is_gentle => world.server.is_up = !world.server.is_up,
        18 if !is_gentle => world.server.faults.entry("refresh").or_default().push_back(Fault::Lost),
        19 => {
            let fault = [Fault::Status(500, None), Fault::Status(429, Some("7")), Fault::Status(503, Some("2"))];
            world.server.faults.entry("refresh").or_default().push_back(fault[dice.usize(0..3)].clone());
        }
        20 if !is_gentle => world.server.revoke_refresh(),
        21 if !is_gentle => {
            world.shared.refuses_writes = !world.shared.refuses_writes;
            // Other tabs cannot know what a tab failed to write, so a refresh token may be used twice.
            world.server.replay = Replay::Exchanged;
            world.server.may_lose = true;
        }
        _ if !is_asleep => world.ask_token(tab, dice.u64(0..60_000)),
        _ => {}
    }
}

/// After all faults have ended, a sign-in in one tab is a sign-in in all tabs.
fn calm(world: &mut World) {
    world.calls_back = 0;
    world.shared.refuses_writes = false;
    world.shared.slowness = 0;
    world.server.is_up = true;
    world.server.faults.clear();
    world.server.access_life_ms = 3_600_000;
    world.net = Net { min_ms: 1, max_ms: 20, loss: 0 };
    // Sleeping tabs wake, and everything in flight arrives or times out.
    world.run_for(200_000);
    let alive: Vec<_> = (0..world.tabs.len()).filter(|tab| world.tabs[*tab].is_alive).collect();
    world.logout_at(alive[0]);
    world.run_for(100);
    world.login_at(alive[0], "maggie", "SECRET-password");
    world.run_for(1_000);
    let lines: Vec<_> = (0..world.lines.len()).filter(|line| alive.contains(&world.lines[*line].tab)).collect();
    for line in &lines {
        if matches!(world.lines[*line].state(), ConnectionState::Closed | ConnectionState::Idle) {
            world.connect(*line);
        }
        world.send(*line);
    }
    let is_well = |world: &World| {
        let is_in = |tab: &usize| world.tabs[*tab].session.state() == SessionState::SignedIn;
        let is_up = |line: &usize| world.lines[*line].is_connected() && world.lines[*line].queued() == 0;
        alive.iter().all(is_in) && lines.iter().all(is_up)
    };
    let states = |world: &World| {
        let sessions: Vec<_> = world.tabs.iter().map(|tab| (tab.is_alive, tab.session.state())).collect();
        let lines: Vec<_> = world.lines.iter().map(|line| (line.tab, line.kind, line.state(), line.codes())).collect();
        (sessions, lines)
    };
    assert!(world.run_until(900_000, is_well), "not well after the calm: {:?}", states(world));
    world.run_for(20_000);
    assert!(is_well(world), "it did not last: {:?}", states(world));
    let tokens = world.present_tokens(&alive);
    assert!(tokens.windows(2).all(|pair| pair[0] == pair[1]), "every tab has the same token");
}
