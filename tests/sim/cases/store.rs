//! The store: written, erased and failing, by which tab.

use gatepass::proto::connection::ConnectionState;
use gatepass::proto::session::{Input, Record, SessionState, TokenRequest, TokenRequestId, TokenRequirement};
use gatepass::proto::session::{TokenProvider, TokenStorage};

use super::MINUTE;
use crate::world::{APP, Kind, Net, World};

#[test]
fn a_user_who_signs_out_does_not_come_back_whatever_the_store_does() {
    for fails_until in 0..4 {
        let mut world = World::with_tabs(1, 2, &[Kind::Ticket]);
        (0..2).for_each(|line| world.connect(line));
        world.sign_in("bob");
        world.run_for(1_000);
        world.shared.refuses_writes = true;
        world.login("maggie", "SECRET-password");
        world.run_for(1_000);
        world.shared.refuses_writes = fails_until > 0;
        world.logout();
        world.run_for(fails_until * 700);
        world.shared.refuses_writes = false;
        // A notification that the store has changed, from another tab or elsewhere.
        world.session_input_in(0, Input::StoreChanged);
        world.run_for(MINUTE);
        assert_eq!(world.session().state(), SessionState::SignedOut, "{fails_until}");
        assert!(world.shared.record.is_none(), "{fails_until}: the store still holds somebody");
        assert_ne!(world.lines[0].state(), ConnectionState::Connected);
        world.sign_in_at(1, "carol");
        world.run_for(MINUTE);
        assert!(world.tabs.iter().all(|tab| tab.session.state() == SessionState::SignedIn), "carol is in all tabs");
    }
}

#[test]
fn who_is_replaced_and_signs_out_in_the_same_moment_leaves_nobody_behind() {
    let mut world = World::with_tabs(1, 1, &[]);
    world.sign_in("bob");
    world.run_for(1_000);
    world.sign_in("maggie");
    world.logout();
    world.run_for(1_000);
    assert!(world.shared.record.is_none());
    assert_eq!(world.session().state(), SessionState::SignedOut);
}

#[test]
fn whoever_has_the_lock_waits_until_it_sees_what_the_last_holder_has_written_but_not_for_ever() {
    use gatepass::proto::session::{Input, Session, SessionConfig, Stored};
    let config = SessionConfig { storage: TokenStorage::Store, provider: TokenProvider::App, ..SessionConfig::new() };
    let mut session = Session::new(config, 1);
    let at = |millis: u64| gatepass::proto::Now {
        instant: gatepass::proto::Instant::from_millis(millis),
        unix: gatepass::proto::UnixTime::from_millis(millis as i64),
    };
    let mut outputs = |now: u64, input: Input| {
        session.handle_input(at(now), input);
        let told =
            core::iter::from_fn(|| session.poll_output()).map(|output| format!("{output:?}")).collect::<Vec<_>>();
        (told.join(" "), session.poll_timeout().map(gatepass::proto::Instant::as_millis))
    };
    let seen = |is_behind| Input::Stored { stored: Stored::Nothing, is_behind };
    outputs(0, seen(false));
    let requirement = TokenRequirement::VALID;
    let request = TokenRequest { requester: APP, id: TokenRequestId::new(1), requirement };
    assert!(outputs(0, Input::RequestToken(request)).0.starts_with("Lock"));
    assert!(outputs(0, Input::Locked).0.starts_with("Read"));
    let mut now = 0;
    while now < 5_000 {
        let (told, timer) = outputs(now, seen(true));
        assert_eq!((told.as_str(), timer), ("", Some(now + 10)));
        now += 10;
        assert!(outputs(now, Input::Timeout).0.starts_with("Read"));
    }
    assert!(outputs(now, seen(true)).0.starts_with("GetToken"), "after 5 s it goes on");
}

#[test]
fn an_answer_of_the_store_that_is_late_brings_nobody_back() {
    use gatepass::proto::session::{Input, Output, Session, SessionConfig, StoreEnd, Stored};
    use gatepass::proto::{Instant, Now, Secret, UnixTime};
    let now = Now { instant: Instant::from_millis(0), unix: UnixTime::from_millis(1_800_000_000_000) };
    let mut session = Session::new(
        SessionConfig { storage: TokenStorage::Store, provider: TokenProvider::App, ..SessionConfig::new() },
        1,
    );
    let mut record = None;
    let mut give = |input: Input| {
        session.handle_input(now, input);
        let mut asked = Vec::new();
        while let Some(output) = session.poll_output() {
            match output {
                Output::Write { record: written, .. } => {
                    record = Some(written);
                    asked.push("write");
                }
                Output::Read => asked.push("read"),
                Output::Erase { .. } => asked.push("erase"),
                Output::AbortFetch { .. }
                | Output::Changed { .. }
                | Output::Due
                | Output::Fetch { .. }
                | Output::GetToken { .. }
                | Output::Lock { .. }
                | Output::LoggedOut
                | Output::NotRestored { .. }
                | Output::LoginDone { .. }
                | Output::RenewalRefused(_)
                | Output::Token { .. }
                | Output::Unlock => {}
            }
        }
        (asked, session.state(), record.clone())
    };
    give(Input::Stored { stored: Stored::Nothing, is_behind: false });
    let access = Secret::new("access".to_owned());
    give(Input::SetTokens { access, refresh: None, lifetime: gatepass::proto::token::Lifetime::default() });
    let (asked, _, record) = give(Input::Stored { stored: Stored::Nothing, is_behind: false });
    assert_eq!(asked, ["write"]);
    let tokens = || Stored::Tokens(record.clone().expect("what was written"));
    give(Input::Written(StoreEnd::Done));
    // Two answers are in flight when the user leaves. The second arrives after the store is erased.
    assert_eq!(give(Input::StoreChanged).0, ["read"]);
    assert_eq!(give(Input::Logout).0, ["read"]);
    assert_eq!(give(Input::Stored { stored: tokens(), is_behind: false }).0, ["erase"]);
    give(Input::Written(StoreEnd::Done));
    let (asked, state, _) = give(Input::Stored { stored: tokens(), is_behind: false });
    assert_eq!((asked, state), (vec!["read"], SessionState::SignedOut), "and it is looked whether anything is there");
}

/// Two tabs in which bob is signed in, and a slow store. The first renews, and the second acts at any moment meanwhile.
fn while_a_tab_renews(is_refused: bool, second: impl Fn(&mut World), check: impl Fn(&World, u64)) {
    let mut renewals = 0;
    for seed in 0..400 {
        let mut world = World::with_tabs(seed, 2, &[]);
        world.login("bob", "SECRET-password");
        world.run_for(1_000);
        world.net = Net { min_ms: 10, max_ms: 10, loss: 0 };
        world.shared.slowness = 40;
        if is_refused {
            world.server.revoke_refresh();
        }
        let requirement = TokenRequirement::OtherThan(world.session().view().generation);
        world.session_input_in(
            0,
            Input::RequestToken(TokenRequest { requester: APP, id: TokenRequestId::new(0), requirement }),
        );
        world.run_for(seed % 200);
        second(&mut world);
        world.run_for(MINUTE);
        renewals += world.server.log.refreshes_asked;
        check(&world, seed);
    }
    assert!(renewals > 200, "the test means what it says: {renewals}");
}

#[test]
fn a_tab_whose_renewal_is_refused_leaves_there_who_has_signed_in_meanwhile_in_another_tab() {
    let check = |world: &World, seed| {
        let states: Vec<_> = world.tabs.iter().map(|tab| tab.session.state()).collect();
        assert_eq!(states, [SessionState::SignedIn; 2], "seed {seed}");
        assert!(world.shared.record.is_some(), "seed {seed}");
    };
    while_a_tab_renews(true, |world| world.sign_in_at(1, "carol"), check);
}

#[test]
fn a_renewal_undoes_no_logout_of_another_tab_although_that_tab_is_gone() {
    let second = |world: &mut World| {
        world.logout_at(1);
        world.run_until(1_000, |world| world.shared.record.is_none());
        world.crash(1);
    };
    let check = |world: &World, seed| {
        assert!(world.shared.record.is_none(), "seed {seed}");
        assert_eq!(world.session().state(), SessionState::SignedOut, "seed {seed}");
    };
    while_a_tab_renews(false, second, check);
}

#[test]
fn a_renewal_takes_the_place_of_nobody_who_has_signed_in_meanwhile_in_another_tab() {
    let check = |world: &World, seed| {
        let view = world.tabs[1].session.view();
        assert_eq!((view.user_epoch, view.sign_in_count), (1, 2), "seed {seed}: bob, then carol, and nobody else");
    };
    while_a_tab_renews(false, |world| world.login_at(1, "carol", "SECRET-password"), check);
}

/// A tab whose store fails for now. It still holds an earlier sign-in: eve.
fn over_an_unread_store() -> (World, Option<Record>) {
    let mut before = World::with_tabs(1, 1, &[]);
    before.sign_in("eve");
    before.run_for(100);
    let mut world = World::with_tabs(2, 1, &[]);
    world.shared.is_unreadable = true;
    world.shared.refuses_writes = true;
    world.session_input_in(0, Input::StoreChanged);
    world.run_for(100);
    world.shared.record = before.shared.record.take();
    let eve = world.shared.record.clone();
    (world, eve)
}

/// The store can be read again, and the tab reads it.
fn reads_again(world: &mut World, refuses_writes: bool) {
    world.shared.is_unreadable = false;
    world.shared.refuses_writes = refuses_writes;
    world.session_input_in(0, Input::StoreChanged);
    world.run_for(MINUTE);
}

#[test]
fn who_signs_in_while_the_store_cannot_be_read_is_not_replaced_by_who_is_found_there() {
    for refuses_writes in [false, true] {
        let (mut world, eve) = over_an_unread_store();
        world.sign_in("bob");
        world.run_for(100);
        let user_epoch = world.session().view().user_epoch;
        reads_again(&mut world, refuses_writes);
        world.shared.refuses_writes = false;
        world.run_for(10 * MINUTE);
        assert_eq!((world.session().state(), world.session().view().user_epoch), (SessionState::SignedIn, user_epoch));
        let id = |record: &Option<Record>| record.as_ref().map(|record| record.id);
        assert_ne!(id(&world.shared.record), id(&eve), "at a reload nobody of before is back");
    }
}

#[test]
fn a_logout_holds_for_who_is_found_in_a_store_that_could_not_be_read_then() {
    let (mut world, _) = over_an_unread_store();
    world.sign_in("bob");
    world.logout();
    world.run_for(100);
    reads_again(&mut world, false);
    assert_eq!(world.session().state(), SessionState::SignedOut);
    assert!(world.shared.record.is_none());
}
