//! Several runs as one: of equal keys the newest entry counts.

use byteview::ByteView;

use crate::cursor::{Cursor, Direction};
use crate::error::Error;

/// Entries in order, tombstones among them.
#[derive(Debug)]
pub struct Merged {
    direction: Direction,
    /// The newest first; each stands at an entry.
    cursors: Vec<Cursor>,
    /// The one that stands at the first entry, and the one that is next after it.
    leader: usize,
    runner_up: Option<usize>,
}

impl Merged {
    /// Begins at the first entry. Cursors, the newest first, stand at an entry each.
    pub fn new(direction: Direction, cursors: Vec<Cursor>) -> Merged {
        let mut merged = Merged { direction, cursors, leader: 0, runner_up: None };
        merged.choose();
        merged
    }

    pub fn key(&self) -> Option<&[u8]> {
        self.cursors.get(self.leader).map(Cursor::key)
    }

    /// The value of the entry; nothing for a tombstone.
    pub fn value(&self) -> Option<ByteView> {
        self.cursors.get(self.leader)?.value()
    }

    pub fn value_bytes(&self) -> Option<&[u8]> {
        self.cursors.get(self.leader)?.value_bytes()
    }

    pub fn advance(&mut self) -> Result<(), Error> {
        let Some(leader) = self.cursors.get(self.leader) else { return Ok(()) };
        let has_doubles = match self.runner_up {
            Some(runner_up) => self.cursors[runner_up].key() == leader.key(),
            None => false,
        };
        if has_doubles {
            self.step_over_doubles()?;
        }
        if !self.cursors[self.leader].advance()? {
            self.cursors.remove(self.leader);
            self.choose();
            return Ok(());
        }
        let keeps_lead = !has_doubles
            && self.runner_up.is_none_or(|runner_up| {
                let (leader, runner_up) = (&self.cursors[self.leader], &self.cursors[runner_up]);
                self.direction.is_before(leader.key(), runner_up.key())
            });
        if !keeps_lead {
            self.choose();
        }
        Ok(())
    }

    /// Older entries of the same key.
    fn step_over_doubles(&mut self) -> Result<(), Error> {
        let mut at = self.cursors.len();
        while 0 < at {
            at -= 1;
            if at == self.leader || self.cursors[at].key() != self.cursors[self.leader].key() {
                continue;
            }
            if !self.cursors[at].advance()? {
                self.cursors.remove(at);
                if at < self.leader {
                    self.leader -= 1;
                }
            }
        }
        Ok(())
    }

    fn choose(&mut self) {
        let direction = self.direction;
        let (mut leader, mut runner_up): (usize, Option<usize>) = (0, None);
        for at in 1..self.cursors.len() {
            let key = self.cursors[at].key();
            if direction.is_before(key, self.cursors[leader].key()) {
                (leader, runner_up) = (at, Some(leader));
            } else if runner_up
                .is_none_or(|other| direction.is_before(key, self.cursors[other].key()))
            {
                runner_up = Some(at);
            }
        }
        (self.leader, self.runner_up) = (leader, runner_up);
    }
}
