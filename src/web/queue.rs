//! The queue of outputs is the machine's own: one loop empties it, however deep listeners call back.

use std::cell::Cell;

#[derive(Debug, Default)]
pub(crate) struct Drain {
    is_running: Cell<bool>,
}

impl Drain {
    /// Performs outputs until none is left. A nested call returns at once: the outer one goes on. `poll` lets go of the
    /// machine before `perform` is called.
    pub(crate) fn run<T>(&self, poll: impl Fn() -> Option<T>, perform: impl Fn(T)) {
        if self.is_running.replace(true) {
            return;
        }
        while let Some(output) = poll() {
            perform(output);
        }
        self.is_running.set(false);
    }
}
