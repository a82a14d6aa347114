//! The events and the present state of a connection, for a Rust app. The driver says when an event is due.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::proto::connection::{Connection, ConnectionState, Event, Phase};

/// Shared by a core and its app.
#[derive(Clone, Debug, Default)]
pub(in crate::web) struct EventLog(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    events: RefCell<VecDeque<Event>>,
    state: Cell<ConnectionState>,
    phase: Cell<Option<Phase>>,
    socket: Cell<u32>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            events: RefCell::default(),
            state: Cell::new(ConnectionState::Idle),
            phase: Cell::new(None),
            socket: Cell::new(0),
        }
    }
}

impl EventLog {
    pub(super) fn push(&self, event: Event) {
        self.0.events.borrow_mut().push_back(event);
    }

    /// Remembers how the machine is.
    pub(super) fn note(&self, machine: &Connection) {
        self.0.state.set(machine.state());
        self.0.phase.set(machine.phase());
        if let Some(socket) = machine.socket() {
            self.0.socket.set(socket.get());
        }
    }

    pub(in crate::web) fn take(&self) -> Option<Event> {
        self.0.events.borrow_mut().pop_front()
    }

    pub(in crate::web) fn state(&self) -> ConnectionState {
        self.0.state.get()
    }

    pub(in crate::web) fn phase(&self) -> Option<Phase> {
        self.0.phase.get()
    }

    /// The number of the last socket.
    pub(in crate::web) fn socket(&self) -> u32 {
        self.0.socket.get()
    }
}
