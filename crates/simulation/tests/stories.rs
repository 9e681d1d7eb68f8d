//! Many stories, each on a seed. `COMITY_SEED=17 cargo test -p simulation` tells one of them.

use std::env;
use std::thread;

use simulation::{Broken, Told};

/// How many are told; `COMITY_CASES` says otherwise.
const CASES: u64 = 2_000;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn every_promise_is_kept_in_every_story() {
    if let Some(seed) = number("COMITY_SEED") {
        simulation::run(seed).unwrap_or_else(|broken| panic!("{broken}"));
        return;
    }
    let cases = number("COMITY_CASES").unwrap_or(CASES);
    let threads = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let all: Vec<Result<Told, Box<Broken>>> = thread::scope(|scope| {
        let tell = |first: u64| (first..cases).step_by(threads as usize).map(simulation::run);
        let workers = (0..threads).map(|first| scope.spawn(move || tell(first).collect()));
        let workers: Vec<thread::ScopedJoinHandle<'_, Vec<_>>> = workers.collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    let (mut received, mut crashes, mut faults) = (0, 0, 0);
    for told in all {
        let told = told.unwrap_or_else(|broken| panic!("{broken}"));
        received += told.received;
        crashes += told.crashes;
        faults += told.faults;
    }
    println!(
        "{cases} stories: {received} received, {crashes} crashes, {faults} faults of the disk"
    );
    assert!(received > 0 && crashes > 0 && faults > 0, "too little happened");
}

#[test]
fn a_seed_tells_the_same_story_again() {
    for seed in 0..50 {
        let (first, second) = (lines(seed), lines(seed));
        let differs = first.iter().zip(&second).find(|(first, second)| first != second);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}

fn lines(seed: u64) -> Vec<String> {
    simulation::run(seed).map_or_else(|broken| broken.lines, |told| told.lines)
}
