//! The queue of outputs: one loop empties it, however deep listeners call back.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Queue<T> {
    outputs: RefCell<VecDeque<T>>,
    is_draining: Cell<bool>,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self { outputs: RefCell::new(VecDeque::new()), is_draining: Cell::new(false) }
    }

    pub(crate) fn push(&self, output: T) {
        self.outputs.borrow_mut().push_back(output);
    }

    /// Performs outputs until none is left. A nested call returns at once: the outer one goes on.
    pub(crate) fn drain(&self, mut perform: impl FnMut(T)) {
        if self.is_draining.replace(true) {
            return;
        }
        loop {
            let next = self.outputs.borrow_mut().pop_front();
            match next {
                Some(output) => perform(output),
                None => break,
            }
        }
        self.is_draining.set(false);
    }
}
