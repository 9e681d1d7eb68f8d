//! The machine's own ceiling: what a request costs when there is no platform behind it.

pub mod http;
pub mod log;

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::http::Request;
use crate::pin::Pinning;
use crate::scenarios::Requests;
use crate::server::{self, Server};
use crate::table::Rate;
use log::{LogOutcome, LogPlan};

/// Starts the HTTP stack alone, on the core that the server has too.
pub fn start(pinning: Pinning, directory: &Path) -> io::Result<Server> {
    let address = server::free_address()?;
    let mut command = myself(pinning)?;
    command.args(["ceiling-server", "--listen", &address.to_string()]);
    Server::start(command, address, &directory.join("ceiling.log"))
}

/// The same request, put to the HTTP stack alone.
pub fn request(request: Request, answer_bytes: u64) -> Request {
    let path = if request.body.is_empty() {
        format!("/constant/{answer_bytes}?{}", request.path)
    } else {
        format!("/accept?{}", request.path)
    };
    Request { path, ..request }
}

/// Runs a bare log with as many writers, and as much in each record, as the writes have.
pub fn log(
    pinning: Pinning,
    requests: Requests,
    writers: usize,
    file: &Path,
    time_max: Duration,
) -> io::Result<Rate> {
    let units = requests.units();
    let plan = LogPlan {
        file: file.to_owned(),
        writers,
        record_bytes: requests.log_bytes() * units,
        time_max,
    };
    let mut command = myself(pinning)?;
    let output = command.arg("ceiling-log").args(plan.arguments()).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!("the bare log failed: {said}")));
    }
    let outcome: LogOutcome = serde_json::from_slice(&output.stdout)?;
    let units_done = (outcome.appends * units).max(1) as f64;
    Ok(Rate {
        cpu_micros: outcome.cpu_seconds * 1e6 / units_done,
        per_second: units_done / outcome.seconds,
    })
}

fn myself(pinning: Pinning) -> io::Result<Command> {
    Ok(pinning.command(std::env::current_exe()?))
}
