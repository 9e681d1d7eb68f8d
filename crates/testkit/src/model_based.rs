//! Random work on a store and on the reference, side by side: they must agree after every step.
//!
//! The suite of [`store::contract`] says what is promised, one promise at a time; this finds what
//! nobody thought of. It lives here and not there because it needs the reference.

mod changes;
mod entities;
mod histories;
mod pair;
mod past;
mod questions;
mod rules;
mod shrink;
mod steps;
mod vocabulary;

use store::contract::Home;

/// What the random work is made of, for others who compare two ways to the same answer.
pub mod random {
    pub use super::entities::draft;
    pub use super::questions::{filter, order};
    pub use super::rules::{
        AREAS, ATTRIBUTES, QUERIES, expand, principal, sources, tenant as tenant_ruled,
    };
    pub use super::vocabulary::{id, scope, term};
}

use crate::chance::Chance;
use pair::Pair;
use steps::Step;

/// How much random work.
#[derive(Clone, Copy, Debug)]
pub struct Cases {
    /// The first seed; each case takes the next.
    pub seed: u64,
    pub cases: u64,
    pub steps: usize,
}

impl Default for Cases {
    /// A second or two for a store on a disk.
    fn default() -> Cases {
        Cases { seed: 1, cases: 20, steps: 60 }
    }
}

/// Panics where the store and the reference differ. `make` makes empty homes.
pub async fn check<H: Home>(make: impl AsyncFn() -> H, cases: Cases) {
    if let Some(report) = difference(make, cases).await {
        panic!("{report}");
    }
}

/// The shortest work found on which the store and the reference differ, with its seed.
pub async fn difference<H: Home>(make: impl AsyncFn() -> H, cases: Cases) -> Option<String> {
    for seed in cases.seed..cases.seed + cases.cases {
        let _announced = Announced(seed);
        let steps = steps::random(&mut Chance::new(seed), cases.steps);
        if let Err(difference) = run(&make, &steps).await {
            let (steps, difference) = shrink::shrink(&make, steps, difference).await;
            return Some(report(seed, cases.steps, &steps, &difference));
        }
    }
    None
}

/// Does all steps on an empty store and an empty reference; tells the first difference.
async fn run<H: Home>(make: &impl AsyncFn() -> H, steps: &[Step]) -> Result<(), String> {
    let mut pair = Pair::open(make().await).await;
    for (nth, step) in steps.iter().enumerate() {
        pair.step(step).await.map_err(|difference| format!("at step {nth}: {difference}"))?;
    }
    Ok(())
}

fn report(seed: u64, count: usize, steps: &[Step], difference: &str) -> String {
    let steps: Vec<String> =
        steps.iter().enumerate().map(|(nth, step)| format!("{nth}: {step:?}")).collect();
    let report = format!(
        "the store and the reference differ {difference}\n\nafter\n{}\n\n\
         To see it again: Cases {{ seed: {seed}, cases: 1, steps: {count} }}",
        steps.join("\n")
    );
    NOISE.iter().fold(report, |report, noise| report.replace(noise, ""))
}

/// What says nothing in a report.
const NOISE: [&str; 10] = [
    "https://uri.etsi.org/ngsi-ld/default-context/",
    "https://uri.etsi.org/ngsi-ld/",
    ", unit_code: None",
    ", value_type: None",
    ", object_type: []",
    ", observed_at: None",
    ", expires_at: None",
    ", created_at: Timestamp(0), modified_at: Timestamp(0)",
    ", extras: []",
    ", attributes: Attributes([])",
];

/// Says which seed it was when the store itself panics.
struct Announced(u64);

impl Drop for Announced {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with seed {}", self.0);
        }
    }
}
