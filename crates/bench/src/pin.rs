//! Which core runs what: the servers on one, the load on another.

use std::ffi::OsStr;
use std::process::{self, Command, Stdio};

const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

#[derive(Clone, Copy, Debug)]
pub enum Pinning {
    Taskset,
    /// Load and server get in each other's way; CPU per request is still good.
    Impossible,
}

impl Pinning {
    /// Tries it, and moves this process and the threads it will have to the core of the load.
    pub fn establish() -> Pinning {
        let me = process::id().to_string();
        let can = succeeds(&["-c", SERVER_CORE, "true"]) && succeeds(&["-c", "-p", LOAD_CORE, &me]);
        if can { Pinning::Taskset } else { Pinning::Impossible }
    }

    /// The program on the server's core. Its process id is that of the child.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        match self {
            Pinning::Taskset => {
                let mut command = Command::new("taskset");
                command.args(["-c", SERVER_CORE]).arg(program);
                command
            }
            Pinning::Impossible => Command::new(program),
        }
    }
}

fn succeeds(arguments: &[&str]) -> bool {
    let mut command = Command::new("taskset");
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
