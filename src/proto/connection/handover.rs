//! Handover: another socket is connected with a newer token before the present one closes.
//!
//! The connected state is set aside and keeps serving the app, while the machine makes an ordinary try without events. When that is accepted,
//! the old socket is retired: nothing more is sent on it, and its messages are delivered until the new one has stayed up for the minimum
//! uptime. Only then it is closed, because a browser drops messages that arrive after `close()` (WHATWG WebSockets §4, "when a WebSocket
//! message has been received"). When the try fails, the old state is restored; the next renewal tries again.

use super::Connection;
use super::io::{Input, Output, SocketId};
use super::state::{HeartbeatState, Retired, Scope, State};

impl Connection {
    /// The state that the app sees.
    pub(super) fn serving(&self) -> &State {
        self.predecessor.as_ref().unwrap_or(&self.state)
    }

    /// Sets the connected state aside for the try that begins.
    pub(super) fn hand_over(&mut self) {
        self.stats.attempts += 1;
        self.predecessor = Some(core::mem::replace(&mut self.state, State::Waiting));
    }

    /// Whether an input concerns more than the try of the handover, so that the try has to end first.
    pub(super) fn ends_handover(&self, input: &Input<'_>) -> bool {
        let Some(predecessor) = &self.predecessor else { return false };
        match input {
            Input::Close { .. } | Input::Connect => true,
            Input::Session(view) => view.user_epoch != self.user_epoch,
            Input::SocketClosed { socket, .. } | Input::SocketError { socket } | Input::TooLong { socket, .. } => {
                predecessor.socket() == Some(*socket)
            }
            Input::Answered { .. }
            | Input::Http { .. }
            | Input::Inspected { .. }
            | Input::Page(_)
            | Input::SocketOpened { .. }
            | Input::SocketRefused { .. }
            | Input::Timeout
            | Input::Token { .. }
            | Input::TokenDue => false,
            #[cfg(not(feature = "js"))]
            Input::HandshakeAnswered { .. } => false,
        }
    }

    /// Ends the try of a handover, if there is one.
    pub(super) fn end_handover(&mut self) {
        if self.predecessor.is_some() {
            self.release_resources(1000, "");
            self.resume();
        }
    }

    /// Restores the old state, if a handover was in progress and nothing of it is in flight any more. The old socket and its heartbeat have
    /// continued meanwhile.
    pub(super) fn resume(&mut self) -> bool {
        let Some(predecessor) = self.predecessor.take() else { return false };
        self.timers.stop_where(|timer| timer.scope() == Scope::Try);
        self.state = predecessor;
        true
    }

    /// Only reads the old socket from now on. `heartbeat_state` says whether a ping on it is unanswered.
    pub(super) fn retire(&mut self, predecessor: &State, heartbeat_state: HeartbeatState) {
        self.leave_retired();
        let awaits_pong = self.config.heartbeat.pong.is_some() && heartbeat_state != HeartbeatState::PongReceived;
        self.retired = predecessor.socket().map(|socket| Retired { socket, awaits_pong });
    }

    /// Closes the retired socket, if there is one.
    pub(super) fn leave_retired(&mut self) {
        if let Some(Retired { socket, .. }) = self.retired.take() {
            self.outputs.push_back(Output::CloseSocket { socket, code: 1000, reason: String::new() });
        }
    }

    /// Whether messages of this socket are delivered to the app.
    pub(super) fn listens_to(&self, socket: SocketId) -> bool {
        self.hears_words(socket)
            || self.retired.is_some_and(|retired| retired.socket == socket)
            || matches!(self.serving(), State::Connected { socket: present, .. } if *present == socket)
    }
}
