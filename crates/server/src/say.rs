//! What commands say to people. Where nobody listens any more, they go on.

use std::fmt::Display;
use std::io::{self, Write};

/// A line of the answer.
pub fn say(line: impl Display) {
    // `println!` would panic where the other end of a pipe is closed.
    let _ = writeln!(io::stdout(), "{line}");
}

/// A line beside the answer: progress, troubles, advice.
pub fn remark(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
