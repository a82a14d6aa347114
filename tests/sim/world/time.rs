//! Virtual time: due events happen in order, in tabs that are awake, and timers fire.

use super::*;

impl World {
    /// Milliseconds since the beginning.
    pub const fn elapsed(&self) -> u64 {
        self.millis
    }

    pub fn run_for(&mut self, millis: u64) {
        let end = self.millis + millis;
        while self.step(end) {}
        self.advance_to(end);
    }

    /// How coarse timers are from now on.
    pub fn set_timer_grain(&mut self, millis: u64) {
        self.timer_grain = millis;
        self.rang_late |= millis > 1;
    }

    /// Runs until `done`, at most `millis`. Returns whether it was reached.
    pub fn run_until(&mut self, millis: u64, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.millis + millis;
        while !done(self) {
            if !self.step(end) {
                return false;
            }
        }
        true
    }

    /// Does the next thing that is due before `end`.
    fn step(&mut self, end: u64) -> bool {
        self.steps += 1;
        assert!(self.steps < 200_000, "the world does not come to rest: a loop without a wait");
        let happening = self.queue.keys().next().map(|(at, _)| *at);
        let timer = (0..self.tabs.len()).filter_map(|tab| self.next_timer(tab)).min();
        let Some(next) = happening.into_iter().chain(timer).min().filter(|next| *next <= end) else { return false };
        self.advance_to(next);
        if happening == Some(next) {
            if let Some((_, happening)) = self.queue.pop_first() {
                self.happen_in_its_tab(happening);
            }
            return true;
        }
        for tab in 0..self.tabs.len() {
            if self.next_timer(tab).is_some_and(|at| at <= next) {
                self.session_input_in(tab, session::Input::Timeout);
                for line in (0..self.lines.len()).filter(|line| self.lines[*line].tab == tab).collect::<Vec<_>>() {
                    self.line_input(line, Input::Timeout);
                }
            }
        }
        true
    }

    /// When the next timer of this tab fires.
    fn next_timer(&self, index: usize) -> Option<u64> {
        let tab = &self.tabs[index];
        if !tab.is_alive {
            return None;
        }
        let lines = self.lines.iter().filter(|line| line.tab == index).map(|line| line.machine.poll_timeout());
        let at = lines.chain([tab.session.poll_timeout()]).flatten().map(Instant::as_millis).min()?;
        // A timer that was overdue when the page was hidden fires at the next tick.
        let at = (at + tab.stood_still).max(self.millis).max(tab.frozen_until);
        Some(at.next_multiple_of(self.timer_grain))
    }

    /// Nothing happens in a tab that sleeps or has ended.
    fn happen_in_its_tab(&mut self, happening: SimEvent) {
        let Some(tab) = self.tab_of(&happening) else { return self.happen(happening) };
        if !self.tabs[tab].is_alive {
            return;
        }
        if self.is_asleep(tab) {
            self.sequence += 1;
            self.queue.insert((self.tabs[tab].frozen_until, self.sequence), happening);
            return;
        }
        self.happen(happening);
    }

    /// The tab in which it happens. Otherwise it is at the server or in flight.
    fn tab_of(&self, happening: &SimEvent) -> Option<usize> {
        match happening {
            SimEvent::HttpAnswer { who: Who::Session(tab), .. }
            | SimEvent::Told { tab, .. }
            | SimEvent::StoreOp { tab, .. }
            | SimEvent::Locked { tab, .. }
            | SimEvent::Steal { tab, .. } => Some(*tab),
            SimEvent::HttpAnswer { who: Who::Connection(line), .. }
            | SimEvent::AppAnswers { line, .. }
            | SimEvent::Opened { line, .. }
            | SimEvent::Text { line, .. }
            | SimEvent::Closed { line, .. } => Some(self.lines[*line].tab),
            SimEvent::HttpArrives { .. } | SimEvent::Dial { .. } | SimEvent::ServerHears { .. } => None,
        }
    }

    fn advance_to(&mut self, millis: u64) {
        self.millis = self.millis.max(millis);
        self.server.unix = DAY_ONE + self.millis as i64;
    }
}
