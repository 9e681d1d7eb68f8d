//! A progress bar where someone is watching; now and then a line where nobody is.

use std::io::{self, IsTerminal, Write};

use model::Timestamp;

use crate::say::remark;

/// Draws on the error output, so that answers can be piped.
#[derive(Debug)]
pub struct Bar {
    label: String,
    total: u64,
    started: Timestamp,
    drawn: Timestamp,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Bar,
    Lines,
}

const WIDTH: u64 = 30;
const BAR_EVERY_MICROS: i64 = 100_000;
const LINE_EVERY_MICROS: i64 = 10_000_000;

impl Bar {
    /// `total` is in bytes, as is what is done.
    pub fn new(label: &str, total: u64, now: Timestamp) -> Bar {
        let shape = if io::stderr().is_terminal() { Shape::Bar } else { Shape::Lines };
        Bar { label: label.to_owned(), total, started: now, drawn: now, shape }
    }

    pub fn show(&mut self, done: u64, entities: u64, now: Timestamp) {
        let every = if self.shape == Shape::Bar { BAR_EVERY_MICROS } else { LINE_EVERY_MICROS };
        if now.0 - self.drawn.0 >= every {
            self.drawn = now;
            self.draw(done, entities, now);
        }
    }

    pub fn finish(&mut self, entities: u64, now: Timestamp) {
        if self.shape == Shape::Bar {
            self.draw(self.total, entities, now);
            remark("");
        }
    }

    fn draw(&self, done: u64, entities: u64, now: Timestamp) {
        let line = line(&self.label, self.total, done, entities, now.0 - self.started.0);
        let mut err = io::stderr().lock();
        // A bar that cannot be drawn is no reason to stop.
        let _ = match self.shape {
            Shape::Bar => write!(err, "\r\x1b[K{line}").and_then(|()| err.flush()),
            Shape::Lines => writeln!(err, "{line}"),
        };
    }
}

fn line(label: &str, total: u64, done: u64, entities: u64, micros: i64) -> String {
    let done = done.min(total);
    let full = (done * WIDTH).checked_div(total).unwrap_or(WIDTH);
    let percent = (done * 100).checked_div(total).unwrap_or(100);
    let seconds = (micros.max(1) as f64) / 1e6;
    let rate = entities as f64 / seconds;
    let bar: String = (0..WIDTH).map(|at| if at < full { '█' } else { '░' }).collect();
    format!("{label} {bar} {percent:>3} %  {entities} entities  {rate:.0}/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_how_far_it_came() {
        let bar = line("city", 200, 100, 50, 2_000_000);
        assert_eq!(bar, "city ███████████████░░░░░░░░░░░░░░░  50 %  50 entities  25/s");
        assert!(line("empty", 0, 0, 0, 0).contains("100 %"));
    }
}
