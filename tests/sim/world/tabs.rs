//! Tabs of one browser: each has a session, and they share a store and a lock.

use super::*;
use gatepass::proto::Millis;
use gatepass::proto::session::TokenStorage;

/// A tab: one session, some of the world's connections.
pub struct Tab {
    pub session: Session,
    pub states: Vec<SessionState>,
    pub errors: Vec<TokenError>,
    /// Renewals that the server refused while the token was good.
    pub refusals: Vec<TokenError>,
    pub(super) is_draining: bool,
    /// The results of the app's own `accessToken()` calls.
    pub answers: Vec<Result<u32, TokenError>>,
    pub is_alive: bool,
    /// It sleeps until this time.
    pub frozen_until: u64,
    /// How long its monotonic clock has been stopped.
    pub stood_still: u64,
    /// Its request for the lock, until it releases it.
    wants_lock: Option<u64>,
    pub(super) requests: BTreeMap<RequestId, bool>,
    pub(super) refreshes: BTreeSet<RequestId>,
    pub(super) source: VecDeque<RequestId>,
    pub source_reasons: Vec<Reason>,
}

impl Tab {
    pub(super) fn new(config: SessionConfig, seed: u64) -> Self {
        Self {
            session: Session::new(config, seed),
            states: Vec::new(),
            errors: Vec::new(),
            refusals: Vec::new(),
            is_draining: false,
            answers: Vec::new(),
            is_alive: true,
            frozen_until: 0,
            stood_still: 0,
            wants_lock: None,
            requests: BTreeMap::new(),
            refreshes: BTreeSet::new(),
            source: VecDeque::new(),
            source_reasons: Vec::new(),
        }
    }
}

/// What tabs share: the store, and the lock with those who wait for it.
#[derive(Debug, Default)]
pub struct Shared {
    pub record: Option<Record>,
    /// Reads return garbage.
    pub is_unreadable: bool,
    /// Writes and deletions fail.
    pub refuses_writes: bool,
    /// How long it may take to answer, in milliseconds; the storage of a browser does so within the same task.
    pub slowness: u64,
    /// The lock is granted to everybody: it excludes nobody.
    pub has_no_lock: bool,
    holder: Option<usize>,
    waiting: VecDeque<usize>,
}

/// A holder that shows no sign of life loses the lock after this time.
const STEAL_MS: u64 = 30_000;

impl World {
    /// A world of several tabs with the same connections each, which share a store.
    pub fn with_tabs(seed: u64, tabs: usize, kinds: &[Kind]) -> Self {
        let mut world = Self::with_sessions(seed, tabs, |config| config.storage = TokenStorage::Store, kinds, |_| {});
        for tab in 0..tabs {
            world.drain_session(tab);
        }
        // Each has read the store once.
        world.run_for(100);
        world
    }

    /// A tab ends without notice. The server still processes its requests.
    pub fn crash(&mut self, tab: usize) {
        self.tabs[tab].is_alive = false;
        self.lose_renewal(tab);
        self.unlock(tab);
        for line in self.lines.iter_mut().filter(|line| line.tab == tab) {
            line.open_sockets.clear();
            line.peers.values_mut().for_each(|peer| peer.is_dead = true);
        }
    }

    /// Nobody else knows the requests of a tab that has ended or sleeps; nor their answers, until the
    /// store has written it.
    fn lose_renewal(&mut self, tab: usize) {
        self.server.may_lose |= !self.tabs[tab].refreshes.is_empty();
        self.tabs[tab].refreshes.clear();
        if self.queue.values().any(|happening| matches!(happening, SimEvent::StoreOp { tab: of, .. } if *of == tab)) {
            self.server.replay = Replay::Exchanged;
            self.server.may_lose = true;
        }
    }

    /// Nothing happens in a tab for a while; its monotonic clock may stand still with it.
    pub fn freeze(&mut self, tab: usize, millis: u64, stops_clock: bool) {
        self.tabs[tab].frozen_until = self.millis + millis;
        if stops_clock {
            self.tabs[tab].stood_still += millis;
        }
    }

    /// The app requests a token that is valid for so long.
    pub fn ask_token(&mut self, tab: usize, life_ms: u64) {
        let requirement = TokenRequirement::ValidFor(Millis::from_millis(life_ms));
        let request = TokenRequest { requester: APP, id: TokenRequestId::new(0), requirement };
        self.session_input_in(tab, session::Input::RequestToken(request));
    }

    /// A tab's read of the store, answered late.
    pub fn read(&mut self, tab: usize, record: Record) {
        let stored = Stored::Tokens(record);
        self.session_input_in(tab, session::Input::Stored { stored, is_behind: false });
    }

    pub fn is_asleep(&self, tab: usize) -> bool {
        self.tabs[tab].frozen_until > self.millis
    }

    /// The refresh token that each of these tabs would send now.
    pub fn present_tokens(&mut self, tabs: &[usize]) -> Vec<String> {
        let ask = |tab: &usize| {
            let request =
                TokenRequest { requester: APP, id: TokenRequestId::new(0), requirement: TokenRequirement::VALID };
            let now = self.now_in(*tab);
            let session = &mut self.tabs[*tab].session;
            session.handle_input(now, session::Input::RequestToken(request));
            match session.poll_output() {
                Some(session::Output::Token { result: Ok(token), .. }) => token.authorization.expose().to_owned(),
                other => panic!("no token: {other:?}"),
            }
        };
        tabs.iter().map(ask).collect()
    }

    fn stored(&self) -> Stored {
        match &self.shared.record {
            _ if self.shared.is_unreadable => Stored::Unreadable,
            Some(record) => Stored::Tokens(record.clone()),
            None => Stored::Nothing,
        }
    }

    /// Whether the store holds something else than a tab has seen there.
    fn is_overtaken(&self, is_erasing: bool, over: Option<u64>) -> bool {
        let there = self.shared.record.as_ref().map(|record| record.id);
        let is_gone = is_erasing && there.is_none();
        over.is_some() && over != there && !is_gone
    }

    pub(super) fn store_later(&mut self, tab: usize, op: StoreOp) {
        self.later(SimEvent::StoreOp { tab, op });
    }

    pub(super) fn store_op(&mut self, tab: usize, op: StoreOp) {
        let input = match op {
            StoreOp::Read => session::Input::Stored { stored: self.stored(), is_behind: false },
            StoreOp::Write(..) if self.shared.refuses_writes => session::Input::Written(StoreEnd::Failed),
            StoreOp::Write(record, over) if self.is_overtaken(record.is_none(), over) => {
                session::Input::Written(StoreEnd::Overtaken)
            }
            StoreOp::Write(record, _) => {
                self.shared.record = record;
                self.tell_others(tab, || session::Input::StoreChanged);
                session::Input::Written(StoreEnd::Done)
            }
        };
        self.session_input_in(tab, input);
    }

    /// Tells every other tab.
    pub(super) fn tell_others(&mut self, tab: usize, news: impl Fn() -> session::Input) {
        for tab in (0..self.tabs.len()).filter(|other| *other != tab) {
            self.later(SimEvent::Told { tab, news: news() });
        }
    }

    pub(super) fn lock(&mut self, tab: usize) {
        assert_eq!(self.tabs[tab].wants_lock, None, "the lock was asked for twice");
        self.tabs[tab].wants_lock = Some(self.sequence);
        if self.shared.has_no_lock {
            return self.later(SimEvent::Locked { tab, ask: Some(self.sequence) });
        }
        self.shared.waiting.push_back(tab);
        self.later(SimEvent::Steal { tab, from: self.shared.holder });
        self.grant_lock();
    }

    pub(super) fn unlock(&mut self, tab: usize) {
        self.tabs[tab].wants_lock = None;
        self.shared.waiting.retain(|waiting| *waiting != tab);
        if self.shared.holder == Some(tab) {
            self.shared.holder = None;
        }
        self.grant_lock();
    }

    fn grant_lock(&mut self) {
        if self.shared.holder.is_none()
            && let Some(tab) = self.shared.waiting.pop_front()
        {
            self.shared.holder = Some(tab);
            let ask = self.tabs[tab].wants_lock;
            self.later(SimEvent::Locked { tab, ask });
        }
    }

    pub(super) fn locked(&mut self, tab: usize, ask: Option<u64>) {
        if self.tabs[tab].wants_lock.is_none() || self.tabs[tab].wants_lock != ask {
            return;
        }
        if self.shared.has_no_lock || self.shared.holder == Some(tab) {
            self.session_input_in(tab, session::Input::Locked);
        } else if !self.shared.waiting.contains(&tab) {
            // It was taken away meanwhile: request it again.
            self.shared.waiting.push_back(tab);
            self.grant_lock();
        }
    }

    /// Takes the lock from a holder that has been asleep since this tab began to wait.
    pub(super) fn steal(&mut self, tab: usize, from: Option<usize>) {
        if self.shared.waiting.contains(&tab)
            && let Some(holder) = self.shared.holder.filter(|holder| Some(*holder) == from && self.is_asleep(*holder))
        {
            self.lose_renewal(holder);
            self.shared.holder = None;
            self.grant_lock();
        }
    }

    pub(super) fn steal_delay() -> u64 {
        STEAL_MS
    }

    /// Checks what holds at every moment.
    pub(super) fn check_refreshes(&mut self) {
        let in_flight: usize = self.tabs.iter().map(|tab| tab.refreshes.len()).sum();
        self.most_refreshes = self.most_refreshes.max(in_flight);
        assert!(in_flight <= 1 || self.shared.has_no_lock, "never two refreshes in flight");
    }
}
