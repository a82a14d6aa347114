//! What rests in the store: written, erased, refused, and by whom.

use gatepass::proto::connection::ConnectionState;
use gatepass::proto::session::SessionState;

use super::MINUTE;
use crate::world::{Kind, World};

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
        // Another tab, or anybody else, says that something has changed.
        world.session_input_in(0, gatepass::proto::session::Input::StoreChanged);
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
    let config = SessionConfig { has_store: true, has_source: true, ..SessionConfig::new() };
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
    let demand = gatepass::proto::session::Demand::USABLE;
    let want = gatepass::proto::session::Want {
        asker: crate::world::APP,
        want: gatepass::proto::session::WantId::new(1),
        demand,
    };
    assert!(outputs(0, Input::Want(want)).0.starts_with("Lock"));
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
    use gatepass::proto::session::{Input, Output, Session, SessionConfig, Stored};
    use gatepass::proto::{Instant, Now, Secret, UnixTime};
    let now = Now { instant: Instant::from_millis(0), unix: UnixTime::from_millis(1_800_000_000_000) };
    let mut session = Session::new(SessionConfig { has_store: true, has_source: true, ..SessionConfig::new() }, 1);
    let mut record = None;
    let mut give = |input: Input| {
        session.handle_input(now, input);
        let mut asked = Vec::new();
        while let Some(output) = session.poll_output() {
            match output {
                Output::Write(written) => {
                    record = Some(written);
                    asked.push("write");
                }
                Output::Read => asked.push("read"),
                Output::Erase => asked.push("erase"),
                Output::AbortFetch { .. }
                | Output::Changed { .. }
                | Output::Due
                | Output::Fetch { .. }
                | Output::GetToken { .. }
                | Output::Lock { .. }
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
    give(Input::Written(true));
    // Two answers are on their way when the user goes; the second of them is behind the erasing.
    assert_eq!(give(Input::StoreChanged).0, ["read"]);
    assert_eq!(give(Input::Logout).0, ["read"]);
    assert_eq!(give(Input::Stored { stored: tokens(), is_behind: false }).0, ["erase"]);
    give(Input::Written(true));
    let (asked, state, _) = give(Input::Stored { stored: tokens(), is_behind: false });
    assert_eq!((asked, state), (vec!["read"], SessionState::SignedOut), "and it is looked whether anything is there");
}
