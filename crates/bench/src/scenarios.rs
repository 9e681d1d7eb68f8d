//! What is measured: the scenarios, their requests and their aims.

use clap::ValueEnum;

use crate::entity::{self, Place};
use crate::history;
use crate::http::Request;

/// In the order of a run: what adds entities comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    Start,
    Retrieve,
    Near,
    Type,
    Patch,
    Memory,
    Create,
    Batch,
    Ingest,
    Month,
    Hourly,
    Daily,
    Notify,
    Deliver,
    Wide,
    Unmatched,
}

/// What is measured again with a million entities.
pub const LARGE: &[Scenario] = &[Scenario::Start, Scenario::Near, Scenario::Type, Scenario::Memory];
pub const ENTITIES_LARGE: u64 = 1_000_000;

/// What is measured again beside a hundred million readings.
pub const LARGE_HISTORY: &[Scenario] =
    &[Scenario::Month, Scenario::Hourly, Scenario::Daily, Scenario::Start, Scenario::Memory];

/// How many entities one batch holds.
pub const BATCH_ENTITIES: u64 = 1_000;

/// A batch of `BATCH_ENTITIES` is one request.
const BATCHES_MAX: u64 = 500;
const INGESTS_MAX: u64 = 5_000;
const REQUESTS_MAX: u64 = 2_000_000;

/// Entities beyond those that were loaded.
const CREATE_FIRST: u64 = 10_000_000_000;
const BATCH_FIRST: u64 = 20_000_000_000;

/// What a durable change of one entity takes in a log, and one reading among many.
const LOG_ENTITY_BYTES: u64 = 1_024;
const LOG_READING_BYTES: u64 = 32;

const NEAR_METRES: u32 = 2_000;
const PAGE_LIMIT: u32 = 20;

/// A quantity with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    CpuMicros(f64),
    Millis(f64),
    Megabytes(f64),
}

impl Scenario {
    pub fn label(self) -> &'static str {
        match self {
            Scenario::Start => "start",
            Scenario::Retrieve => "retrieve by id",
            Scenario::Near => "type + q + near, limit 20",
            Scenario::Type => "type only, limit 20",
            Scenario::Patch => "patch one attribute",
            Scenario::Memory => "memory",
            Scenario::Create => "create",
            Scenario::Batch => "batch of 1,000 new, per entity",
            Scenario::Ingest => "1,000 readings of a series, per reading",
            Scenario::Month => "a month of 15-minute readings",
            Scenario::Hourly => "hourly averages of 100,000 readings",
            Scenario::Daily => "daily averages of 100,000 readings",
            Scenario::Notify => "notification, 1,000 changes/s, p99",
            Scenario::Deliver => "delivery, 20 subscribers each",
            Scenario::Wide => "a change told to 1,000, until the last, p99",
            Scenario::Unmatched => "patch, many subscribe to other things",
        }
    }

    /// Of start and memory the aim is set for a million entities.
    pub fn aim(self, entities: u64) -> Quantity {
        match self {
            Scenario::Start => Quantity::Millis(100.0),
            Scenario::Retrieve => Quantity::CpuMicros(15.0),
            Scenario::Near if entities < ENTITIES_LARGE => Quantity::CpuMicros(80.0),
            Scenario::Near => Quantity::CpuMicros(100.0),
            Scenario::Type => Quantity::CpuMicros(50.0),
            Scenario::Patch => Quantity::CpuMicros(45.0),
            Scenario::Memory => Quantity::Megabytes(300.0),
            Scenario::Create => Quantity::CpuMicros(60.0),
            Scenario::Batch => Quantity::CpuMicros(20.0),
            Scenario::Ingest => Quantity::CpuMicros(5.0),
            Scenario::Month => Quantity::CpuMicros(1_000.0),
            Scenario::Hourly | Scenario::Daily => Quantity::CpuMicros(5_000.0),
            Scenario::Notify => Quantity::Millis(5.0),
            Scenario::Deliver => Quantity::CpuMicros(60.0),
            // A thousand, at 20,000 deliveries a second.
            Scenario::Wide => Quantity::Millis(50.0),
            Scenario::Unmatched => Quantity::CpuMicros(65.0),
        }
    }

    pub fn work(self, entities: u64) -> Work {
        let (requests, connections) = match self {
            Scenario::Start => return Work::Start,
            Scenario::Memory => return Work::Memory,
            Scenario::Notify => return Work::Notify,
            Scenario::Deliver => return Work::Deliver,
            Scenario::Wide => return Work::Wide,
            Scenario::Retrieve => (Requests::Retrieve { entities }, 8),
            Scenario::Near => (Requests::Near { entities }, 4),
            Scenario::Type => (Requests::Type, 4),
            Scenario::Patch => (Requests::Patch { entities }, 16),
            Scenario::Create => (Requests::Create, 16),
            Scenario::Batch => (Requests::Batch, 1),
            Scenario::Ingest => (Requests::Ingest, 4),
            Scenario::Month => (Requests::Month, 4),
            Scenario::Hourly => (Requests::Averages("PT1H"), 1),
            Scenario::Daily => (Requests::Averages("P1D"), 1),
            Scenario::Unmatched => (Requests::Patch { entities }, 16),
        };
        Work::Traffic(Traffic { requests, connections })
    }
}

/// What is there before a scenario is measured, besides the entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preparation {
    Nothing,
    /// The series of `history`.
    Series,
    /// Subscriptions to what does not happen.
    Subscriptions,
}

impl Scenario {
    pub fn preparation(self) -> Preparation {
        match self {
            // What is brought in after the series moves them from memory into chunks.
            Scenario::Ingest | Scenario::Month | Scenario::Hourly | Scenario::Daily => {
                Preparation::Series
            }
            Scenario::Unmatched => Preparation::Subscriptions,
            _ => Preparation::Nothing,
        }
    }
}

/// What has to be done to measure a scenario.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    Start,
    Memory,
    Notify,
    Deliver,
    Wide,
    Traffic(Traffic),
}

#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    pub requests: Requests,
    pub connections: usize,
}

#[derive(Clone, Copy, Debug)]
pub enum Requests {
    Retrieve { entities: u64 },
    Near { entities: u64 },
    Type,
    Patch { entities: u64 },
    Create,
    Batch,
    Ingest,
    Month,
    Averages(&'static str),
}

impl Requests {
    /// The request of a number is the same in every run.
    pub fn request(self, number: u64) -> Request {
        match self {
            Requests::Retrieve { entities } => Request::get(entity_path(any(number, entities))),
            Requests::Near { entities } => Request::get(near(entity::place(any(number, entities)))),
            Requests::Type => {
                Request::get(format!("{ENTITIES}?type={}&limit={PAGE_LIMIT}", entity::TYPE))
            }
            Requests::Patch { entities } => patch(any(number, entities), number),
            Requests::Create => create(CREATE_FIRST + number),
            Requests::Batch => batch(BATCH_FIRST + number * BATCH_ENTITIES, BATCH_ENTITIES),
            // Each request a series of its own.
            Requests::Ingest => history::readings(number, 0, history::READINGS, 15),
            Requests::Month => history::month(number),
            Requests::Averages(period) => history::averages(period),
        }
    }

    pub fn max(self) -> u64 {
        match self {
            Requests::Batch => BATCHES_MAX,
            Requests::Ingest => INGESTS_MAX,
            _ => REQUESTS_MAX,
        }
    }

    /// What one request counts for.
    pub fn units(self) -> u64 {
        match self {
            Requests::Batch => BATCH_ENTITIES,
            Requests::Ingest => history::READINGS,
            _ => 1,
        }
    }

    /// What one unit takes in a log.
    pub fn log_bytes(self) -> u64 {
        match self {
            Requests::Ingest => LOG_READING_BYTES,
            _ => LOG_ENTITY_BYTES,
        }
    }

    pub fn are_writes(self) -> bool {
        match self {
            Requests::Retrieve { .. }
            | Requests::Near { .. }
            | Requests::Type
            | Requests::Month
            | Requests::Averages(_) => false,
            Requests::Patch { .. } | Requests::Create | Requests::Batch | Requests::Ingest => true,
        }
    }
}

/// A loaded entity, chosen as if by chance.
fn any(number: u64, entities: u64) -> u64 {
    entity::mix(number) % entities.max(1)
}

const ENTITIES: &str = "/ngsi-ld/v1/entities";

fn entity_path(number: u64) -> String {
    format!("{ENTITIES}/{}", entity::id(number))
}

fn near(Place { longitude, latitude }: Place) -> String {
    format!(
        "{ENTITIES}?type={}&q=temperature%3E10;relativeHumidity%3C0.6\
         &georel=near;maxDistance=={NEAR_METRES}&geometry=Point\
         &coordinates=%5B{longitude:.5},{latitude:.5}%5D&limit={PAGE_LIMIT}",
        entity::TYPE
    )
}

fn patch(entity: u64, number: u64) -> Request {
    let path = format!("{}/attrs/temperature", entity_path(entity));
    Request { method: "PATCH", path, body: entity::reading(number), expected: 204 }
}

fn create(entity: u64) -> Request {
    let (path, body) = (ENTITIES.to_owned(), entity::entity(entity));
    Request { method: "POST", path, body, expected: 201 }
}

pub fn batch(first: u64, count: u64) -> Request {
    let path = "/ngsi-ld/v1/entityOperations/create".to_owned();
    Request { method: "POST", path, body: entity::batch(first, count), expected: 201 }
}
