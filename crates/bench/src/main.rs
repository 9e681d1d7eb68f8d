//! `make bench`: what the server costs, beside what the machine itself costs.

mod ceiling;
mod clock;
mod entity;
mod history;
mod http;
mod load;
mod meter;
mod notify;
mod pin;
mod receiver;
mod run;
mod scenarios;
mod server;
mod table;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use ceiling::log::LogPlan;
use scenarios::Scenario;
use table::Row;

/// Measures a server on one core under load from another; see bench/README.md.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server, load it, stop it, and print the table.
    Run(Settings),
    /// The HTTP stack alone: constants out, bodies in and parsed.
    CeilingServer {
        #[arg(long)]
        listen: SocketAddr,
    },
    /// A bare log whose writers share syncs; prints one line of JSON.
    CeilingLog {
        #[arg(long)]
        file: PathBuf,
        #[arg(long)]
        writers: usize,
        #[arg(long)]
        record_bytes: u64,
        #[arg(long, value_parser = seconds)]
        seconds: Duration,
    },
}

#[derive(Debug, clap::Args)]
pub struct Settings {
    /// The server's binary.
    #[arg(long, default_value = "target/release/comity")]
    server: PathBuf,
    /// An empty directory on the disk to measure; the caller removes it.
    #[arg(long)]
    directory: PathBuf,
    /// How many entities are loaded first.
    #[arg(long = "n", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    entities: u64,
    /// How long each scenario lasts, in seconds.
    #[arg(long, default_value = "5", value_parser = seconds)]
    seconds: Duration,
    /// Only these scenarios.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Queries, memory and start with a million entities as well.
    #[arg(long)]
    large: bool,
    /// How many subscriptions to other things there are where the cost of those is measured.
    #[arg(long, default_value_t = 100_000)]
    subscriptions: u64,
    /// JSON lines on standard output, and the table on standard error.
    #[arg(long)]
    json: bool,
}

const SECONDS_MAX: f64 = 600.0;

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=SECONDS_MAX).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err(format!("a number from 0.1 to {SECONDS_MAX} is expected")),
    }
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(settings) => measure(&settings),
        Command::CeilingServer { listen } => ceiling::http::serve(listen),
        Command::CeilingLog { file, writers, record_bytes, seconds } => {
            ceiling::log::print(&LogPlan { file, writers, record_bytes, time_max: seconds })
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(settings: &Settings) -> io::Result<()> {
    let mut rows = Vec::new();
    let done = run::run(settings, &mut rows);
    let table = table::text(&rows);
    if settings.json {
        rows.iter().map(Row::json).for_each(|line| println!("{line}"));
        eprint!("{table}");
    } else if !rows.is_empty() {
        print!("{table}");
    }
    done
}
