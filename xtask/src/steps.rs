//! Progress for a person: which step of how many, and how long each took.

use std::time::{Duration, Instant};

use anyhow::Result;

/// A numbered run of steps; prints a table of times at the end.
#[derive(Debug)]
pub(crate) struct Steps {
    total: usize,
    done: Vec<(String, Duration)>,
}

impl Steps {
    pub(crate) fn new(total: usize) -> Self {
        Self { total, done: Vec::new() }
    }

    /// Runs one step under its headline.
    pub(crate) fn step<T>(&mut self, title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n[{}/{}] {title}", self.done.len() + 1, self.total);
        let started = Instant::now();
        let result = work();
        self.done.push((title.to_owned(), started.elapsed()));
        result
    }

    /// Prints the time of each step, also of the one that failed.
    pub(crate) fn print_times(&self) {
        println!("\ntime per step");
        for (title, time) in &self.done {
            println!("  {:>8}  {title}", seconds(*time));
        }
        println!("  {:>8}  total", seconds(self.done.iter().map(|(_, time)| *time).sum()));
    }
}

pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
