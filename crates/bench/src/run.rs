//! The course of a run: load the entities, go through the scenarios, and after each its ceiling.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::ValueEnum;

use crate::Settings;
use crate::ceiling;
use crate::history::{self, MINUTES, QUARTERS, READINGS, SERIES_READINGS};
use crate::http::Request;
use crate::load::{self, Load, Outcome};
use crate::meter;
use crate::notify;
use crate::pin::Pinning;
use crate::scenarios::{
    BATCH_ENTITIES, ENTITIES_LARGE, LARGE, LARGE_HISTORY, Preparation, Quantity, Scenario, Traffic,
    Work, batch,
};
use crate::server::{self, Server};
use crate::table::{Rate, Row, Served};

/// How long entities may take to be loaded.
const LOADING_TIME_MAX: Duration = Duration::from_secs(3600);

/// Goes before each measurement, with the same requests.
const WARM_UP: Duration = Duration::from_millis(500);

/// A server with nothing to do puts recent history in order within that.
const TIDYING: Duration = Duration::from_secs(13);

/// The ceilings are steadier than the server and need less time.
const CEILING_TIME_MAX: Duration = Duration::from_secs(3);

/// The start is repeated so often, and the median counts. An odd number.
const STARTS: usize = 3;

/// Adds what it measures to the rows, so that they are there if something fails later.
pub fn run(settings: &Settings, rows: &mut Vec<Row>) -> io::Result<()> {
    let pinning = Pinning::establish();
    tell_conditions(pinning);
    let ceiling = ceiling::start(pinning, &settings.directory)?;
    let mut passes = vec![(Kind::Entities, settings.entities, Scenario::value_variants())];
    if settings.large {
        passes.push((Kind::Entities, ENTITIES_LARGE, LARGE));
        passes.push((Kind::Series, ENTITIES_LARGE, LARGE_HISTORY));
    }
    for (nth, (kind, entities, scenarios)) in passes.into_iter().enumerate() {
        let data = settings.directory.join(format!("data-{nth}"));
        let pass = Pass { settings, pinning, ceiling: &ceiling, kind, entities, data };
        pass.run(scenarios, rows)?;
        fs::remove_dir_all(&pass.data)?;
    }
    ceiling.stop()
}

/// A machine with less than this to do is idle enough.
const LOAD_AVERAGE_MAX: f64 = 0.5;

fn tell_conditions(pinning: Pinning) {
    if let Pinning::Impossible = pinning {
        eprintln!("taskset cannot pin to cores 0 and 1: server and load run where they like");
    }
    let busy = meter::load_average().filter(|average| LOAD_AVERAGE_MAX < *average);
    if let Some(average) = busy {
        eprintln!("other programs are at work (load average {average}): the figures suffer");
    }
}

/// What is loaded first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Entities,
    /// Each with a history of its own.
    Series,
}

/// Readings of each of many series.
const SERIES_SHORT: u64 = 100;

/// All that is measured with one number of entities.
struct Pass<'a> {
    settings: &'a Settings,
    pinning: Pinning,
    ceiling: &'a Server,
    kind: Kind,
    entities: u64,
    data: PathBuf,
}

impl Pass<'_> {
    fn run(&self, scenarios: &[Scenario], rows: &mut Vec<Row>) -> io::Result<()> {
        let only = &self.settings.only;
        let mut chosen = scenarios.to_vec();
        chosen.retain(|scenario| only.is_empty() || only.contains(scenario));
        if chosen.is_empty() {
            return Ok(());
        }
        let mut server = self.start()?;
        self.load(&server)?;
        let mut prepared = Preparation::Nothing;
        for scenario in chosen {
            if scenario.preparation() != prepared {
                prepared = scenario.preparation();
                self.prepare(&server, prepared)?;
            }
            eprintln!("{} ...", scenario.label());
            let row;
            (server, row) = self.measure(scenario, server)?;
            rows.push(row);
        }
        server.stop()
    }

    fn start(&self) -> io::Result<Server> {
        server::comity(self.pinning.command(&self.settings.server), &self.data)
    }

    fn load(&self, server: &Server) -> io::Result<()> {
        let entities = self.entities;
        if self.kind == Kind::Series {
            eprintln!("loading {entities} series of {SERIES_SHORT} readings ...");
            let request = |number| history::readings(number, 0, SERIES_SHORT, 15);
            self.put(server, 4, entities, &request)?;
            thread::sleep(TIDYING);
            return Ok(());
        }
        eprintln!("loading {entities} entities ...");
        let request = |number| {
            let first = number * BATCH_ENTITIES;
            batch(first, BATCH_ENTITIES.min(entities - first))
        };
        self.put(server, 1, entities.div_ceil(BATCH_ENTITIES), &request)
    }

    fn prepare(&self, server: &Server, preparation: Preparation) -> io::Result<()> {
        match preparation {
            Preparation::Nothing => Ok(()),
            Preparation::Series => {
                eprintln!("two series of {SERIES_READINGS} readings ...");
                for (series, minutes) in [(QUARTERS, 15), (MINUTES, 1)] {
                    let request =
                        |number| history::readings(series, number * READINGS, READINGS, minutes);
                    self.put(server, 1, SERIES_READINGS / READINGS, &request)?;
                }
                thread::sleep(TIDYING);
                Ok(())
            }
            Preparation::Subscriptions => {
                let count = self.settings.subscriptions;
                eprintln!("{count} subscriptions to other things ...");
                // Nobody listens there, and nothing is ever sent.
                let request =
                    |number| notify::subscription(&format!("Other{number}"), number, "127.0.0.1:9");
                self.put(server, 16, count, &request)
            }
        }
    }

    fn put(
        &self,
        server: &Server,
        connections: usize,
        requests_max: u64,
        request: &(dyn Fn(u64) -> Request + Sync),
    ) -> io::Result<()> {
        let outcome = load::run(&Load {
            address: server.address,
            connections,
            time_max: LOADING_TIME_MAX,
            requests_max,
            first: 0,
            request,
        })?;
        if outcome.requests() < requests_max {
            return Err(io::Error::other(format!("not loaded within {LOADING_TIME_MAX:?}")));
        }
        Ok(())
    }

    fn measure(&self, scenario: Scenario, server: Server) -> io::Result<(Server, Row)> {
        let (server, measured, traffic) = match scenario.work(self.entities) {
            Work::Start => self.restart(server)?,
            Work::Memory => {
                let memory = Quantity::Megabytes(server.meter.memory_bytes()? as f64 / 1e6);
                (server, memory, None)
            }
            Work::Notify => {
                let found = notify::latency(&server, self.settings.seconds)?;
                let millis = Quantity::Millis(found.served.p99_ms);
                (server, millis, Some(found.served))
            }
            Work::Deliver => {
                let found = notify::throughput(&server, self.settings.seconds)?;
                (server, Quantity::CpuMicros(found.cpu_micros), Some(found.served))
            }
            Work::Wide => {
                let found = notify::wide(&server, self.settings.seconds)?;
                let millis = Quantity::Millis(found.served.p99_ms);
                (server, millis, Some(found.served))
            }
            Work::Traffic(traffic) => {
                let (cpu_micros, served) = self.serve(&server, traffic)?;
                (server, Quantity::CpuMicros(cpu_micros), Some(served))
            }
        };
        let row = Row {
            label: scenario.label(),
            entities: self.entities,
            measured,
            aim: scenario.aim(self.entities),
            memory_bytes: server.meter.memory_bytes()?,
            traffic,
        };
        Ok((server, row))
    }

    fn restart(&self, mut server: Server) -> io::Result<(Server, Quantity, Option<Served>)> {
        let mut took = Vec::new();
        for _ in 0..STARTS {
            server.stop()?;
            server = self.start()?;
            took.push(server.started_in);
        }
        took.sort_unstable();
        let millis = took[STARTS / 2].as_secs_f64() * 1e3;
        Ok((server, Quantity::Millis(millis), None))
    }

    /// Returns the CPU time of the server for one unit, beside everything else.
    fn serve(&self, server: &Server, traffic: Traffic) -> io::Result<(f64, Served)> {
        let Traffic { requests, connections } = traffic;
        let request = |number| requests.request(number);
        let mut load = Load {
            address: server.address,
            connections,
            time_max: WARM_UP,
            requests_max: requests.max(),
            first: 0,
            request: &request,
        };
        load.first = load::run(&load)?.requests();
        load.time_max = self.settings.seconds;
        let (rate, outcome) = metered(server, &load, requests.units())?;
        let (http, log) = self.ceilings(traffic, outcome.answer_bytes_mean())?;
        let served = Served {
            connections,
            per_second: rate.per_second,
            p50_ms: outcome.latency(0.50).as_secs_f64() * 1e3,
            p99_ms: outcome.latency(0.99).as_secs_f64() * 1e3,
            http: Some(http),
            log,
        };
        Ok((rate.cpu_micros, served))
    }

    fn ceilings(&self, traffic: Traffic, answer_bytes: u64) -> io::Result<(Rate, Option<Rate>)> {
        let Traffic { requests, connections } = traffic;
        let request = |number| ceiling::request(requests.request(number), answer_bytes);
        let time_max = CEILING_TIME_MAX.min(self.settings.seconds);
        let load = Load {
            address: self.ceiling.address,
            connections,
            time_max,
            requests_max: requests.max(),
            first: 0,
            request: &request,
        };
        let (http, _) = metered(self.ceiling, &load, requests.units())?;
        if !requests.are_writes() {
            return Ok((http, None));
        }
        let file = self.settings.directory.join("bare.log");
        let log = ceiling::log(self.pinning, requests, connections, &file, time_max)?;
        fs::remove_file(&file)?;
        Ok((http, Some(log)))
    }
}

/// Runs a load and charges the server for all it does, also for what it does afterwards.
fn metered(server: &Server, load: &Load<'_>, units: u64) -> io::Result<(Rate, Outcome)> {
    let before = server.quiet()?;
    let outcome = load::run(load)?;
    let cpu = server.quiet()?.saturating_sub(before);
    let units_done = (outcome.requests() * units).max(1) as f64;
    let rate = Rate {
        cpu_micros: cpu.as_secs_f64() * 1e6 / units_done,
        per_second: outcome.per_second() * units as f64,
    };
    Ok((rate, outcome))
}
