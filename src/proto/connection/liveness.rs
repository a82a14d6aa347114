//! Whether the connection is alive: heartbeat, sleep, and the state of the page and of the network.
//!
//! A ping is sent every interval, if there is one. A server that sends nothing within the timeout is dead. The clock counts, not the
//! timer: in a hidden page timers fire a minute late, and the server then gets a second ping. A gap between two inputs that is longer than
//! any timer should leave is sleep: a ping is sent at once. Without a heartbeat, the connection is replaced. `close` is never waited for.

use super::config::WhenHidden;
use super::io::SuspendReason;
use super::io::{Output, PageEvent};
use super::recovery::CloseInfo;
use super::state::{HeartbeatState, NetworkStatus, State, Timer};
use super::{Connection, TIMEOUT_CODE};
use crate::error::{Failure, TransportError};
use crate::proto::Millis;
use crate::proto::{Instant, Now, Secret};

/// How often the clock is read without a heartbeat.
const LOOK: Millis = Millis::from_secs(60);
/// The least gap that counts as sleep without a heartbeat: browsers fire the timers of hidden pages once a minute.
const SLEEP: Millis = Millis::from_secs(180);
/// The least time between two tries if a wait is skipped.
const TRY_FLOOR: Millis = Millis::from_secs(1);

impl Connection {
    pub(super) fn on_page(&mut self, now: Now, event: PageEvent) {
        match event {
            PageEvent::Frozen => self.pause(SuspendReason::Frozen),
            PageEvent::Hidden => {
                if self.config.when_hidden == WhenHidden::CloseAfter {
                    self.timers.set(Timer::Hidden, now.instant.after(self.config.hidden_timeout));
                }
            }
            PageEvent::Leaving => self.leaving = Some(now.instant),
            PageEvent::Offline => {
                self.network = NetworkStatus::Offline { since: now.instant };
                if matches!(self.state, State::Waiting) {
                    let delay = self.backoff.slow();
                    self.wait(now, delay, None, CloseInfo::none());
                } else {
                    self.ask_at_once(now);
                }
            }
            PageEvent::Online => {
                let gap = match self.network {
                    NetworkStatus::Offline { since } => now.instant.since(since),
                    NetworkStatus::Online | NetworkStatus::Back { .. } => Millis::ZERO,
                };
                self.network = NetworkStatus::Back { at: now.instant };
                self.go_on(now, SuspendReason::Offline);
                self.on_gap(now, gap);
            }
            PageEvent::Resumed | PageEvent::Visible => {
                self.timers.stop(Timer::Hidden);
                self.go_on(
                    now,
                    if event == PageEvent::Visible { SuspendReason::Hidden } else { SuspendReason::Frozen },
                );
            }
        }
    }

    /// Closes the socket until it is needed.
    pub(super) fn pause(&mut self, pause: SuspendReason) {
        if matches!(
            self.state,
            State::Idle | State::Closed | State::Suspended(SuspendReason::SignIn | SuspendReason::Frozen)
        ) {
            return;
        }
        self.end_handover();
        self.release_resources(1000, "");
        self.lose_sent();
        self.suspend(pause, None, CloseInfo::new(1000, ""), None);
    }

    /// Tries again, if it was suspended for this reason.
    fn go_on(&mut self, now: Now, pause: SuspendReason) {
        let is_waiting = pause == SuspendReason::Offline && matches!(self.state, State::Waiting);
        if is_waiting || matches!(self.state, State::Suspended(present) if present == pause) {
            self.start_or_wait(now, CloseInfo::none());
        }
    }

    /// Tries now, or once the last try is long enough ago.
    pub(super) fn start_or_wait(&mut self, now: Now, close_info: CloseInfo) {
        let delay = self.last_try.map_or(Millis::ZERO, |last| last.after(TRY_FLOOR).since(now.instant));
        if delay.is_zero() {
            self.start(now);
            self.closed_event(close_info);
        } else {
            self.wait(now, delay, None, close_info);
        }
    }

    /// Measures the time since the last input.
    pub(super) fn observe_clock(&mut self, now: Now) {
        let gap = now.unix.since(self.last_input.unix).max(now.instant.since(self.last_input.instant));
        self.last_input = now;
        self.on_gap(now, gap);
    }

    /// Handles a gap between two inputs: the computer slept, or the page was frozen.
    fn on_gap(&mut self, now: Now, gap: Millis) {
        let heartbeat = &self.config.heartbeat;
        let patience = if heartbeat.ping.is_some() { heartbeat.interval + heartbeat.timeout } else { SLEEP };
        if gap > patience && matches!(self.serving(), State::Connected { .. }) {
            if !matches!(self.network, NetworkStatus::Offline { .. }) {
                self.network = NetworkStatus::Back { at: now.instant };
            }
            self.ask_at_once(now);
            if self.config.heartbeat.ping.is_none() {
                self.give_up(now);
            }
        }
    }

    /// Sets the time of the next ping.
    pub(super) fn set_beat(&mut self, now: Now) {
        let heartbeat = &self.config.heartbeat;
        let interval = if heartbeat.ping.is_some() { heartbeat.interval } else { LOOK };
        self.timers.set(Timer::Beat, now.instant.after(interval));
    }

    /// Sends an unscheduled ping. It repeats it at most once while it is unanswered.
    fn ask_at_once(&mut self, now: Now) {
        let again = if self.heartbeat_state == HeartbeatState::PingSent {
            HeartbeatState::PingRepeated
        } else {
            HeartbeatState::PingSent
        };
        if self.heartbeat_state != HeartbeatState::PingRepeated && self.ask(now) {
            self.heartbeat_state = again;
        }
    }

    /// The next ping is due. It is not sent while another is unanswered, or that one would never time out.
    pub(super) fn on_beat(&mut self, now: Now) {
        if !matches!(self.heartbeat_state, HeartbeatState::PingSent | HeartbeatState::PingRepeated) {
            self.ask(now);
        }
        self.set_beat(now);
    }

    /// Sends a ping. Returns whether there is one.
    fn ask(&mut self, now: Now) -> bool {
        let framing = self.framing();
        let heartbeat = &self.config.heartbeat;
        let (Some(ping), State::Connected { socket, .. }) = (&heartbeat.ping, self.serving()) else { return false };
        let (socket, text) = (*socket, Secret::new(ping.as_text().unwrap_or_else(|| framing.write(ping))));
        self.heartbeat_state = HeartbeatState::PingSent;
        self.timers.set(Timer::Pong, now.instant.after(heartbeat.timeout));
        self.outputs.push_back(Output::SendText { socket, text, framing });
        true
    }

    /// The timeout of a ping is over.
    pub(super) fn on_silence(&mut self, now: Now, deadline: Instant) {
        match self.heartbeat_state {
            // The timer fired so late that the answer may be waiting behind it.
            HeartbeatState::PingSent if now.instant.since(deadline) > self.config.heartbeat.timeout => {
                self.ask_at_once(now)
            }
            HeartbeatState::PingSent | HeartbeatState::PingRepeated => self.give_up(now),
            HeartbeatState::Alive | HeartbeatState::PongReceived => {}
        }
    }

    fn give_up(&mut self, now: Now) {
        self.end_handover();
        self.abort(now, TIMEOUT_CODE, Failure::Transport(TransportError::Silent));
    }
}
