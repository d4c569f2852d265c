//! Threads that run one at a time, in an order that a test gives, so that a run can be repeated exactly.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard};

/// The thread that may run now, and the order of the next ones.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<TurnState>,
    changed: Condvar,
}

#[derive(Debug)]
struct TurnState {
    order: Vec<usize>,
    at: usize,
    left: BTreeSet<usize>,
    turn: Option<usize>,
}

impl TurnState {
    fn choose(&mut self) {
        let choice = self.order.get(self.at).copied().unwrap_or(self.at);
        self.at += 1;
        self.turn = self.left.iter().nth(choice % self.left.len().max(1)).copied();
    }
}

impl Turns {
    /// Turns of this many threads; each number of `order` chooses one of the threads that have not ended.
    pub(crate) fn new(threads: usize, order: Vec<usize>) -> Self {
        let mut state = TurnState { order, at: 0, left: (0..threads).collect(), turn: None };
        state.choose();
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, TurnState> {
        // A thread that panicked reports its own failure; the others must still end.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs a thread from its first turn to its end; the turn passes on also when the thread panics.
    pub(crate) fn run<T>(&self, number: usize, run: impl FnOnce() -> T) -> T {
        struct EndOfTurns<'t>(&'t Turns, usize);
        impl Drop for EndOfTurns<'_> {
            fn drop(&mut self) {
                let mut state = self.0.state();
                state.left.remove(&self.1);
                state.choose();
                self.0.changed.notify_all();
            }
        }
        let _end = EndOfTurns(self, number);
        self.wait_for(self.state(), number);
        run()
    }

    /// Passes the turn on, and waits for the next one.
    pub(crate) fn next(&self, number: usize) {
        let mut state = self.state();
        state.choose();
        self.changed.notify_all();
        self.wait_for(state, number);
    }

    fn wait_for(&self, mut state: MutexGuard<'_, TurnState>, number: usize) {
        while state.turn != Some(number) {
            state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}
