//! A platform that is written to, crashes and goes on, with a disk and receivers that fail, on one
//! seed: the same seed leads to the same story, to the microsecond.
//!
//! Time does not pass by itself: whenever nobody has anything to do, it jumps to the next moment at
//! which somebody has. A day takes some milliseconds.

mod cast;
mod disk;
mod judge;
mod listener;
mod network;
mod paper;
mod story;
mod time;

use std::fmt;

/// What a run came to: all that anybody noticed, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub lines: Vec<String>,
    /// How many notifications arrived.
    pub received: usize,
    pub crashes: usize,
    /// How often the disk did not do what it was asked.
    pub faults: usize,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub seed: u64,
    pub problem: String,
    pub lines: Vec<String>,
}

/// Runs the story of one seed; says what was not as promised.
pub fn run(seed: u64) -> Result<Told, Box<Broken>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| {
            Box::new(Broken { seed, problem: error.to_string(), lines: Vec::new() })
        })?;
    runtime.block_on(story::play(seed))
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        write!(f, "seed {}: {}", self.seed, self.problem)
    }
}
