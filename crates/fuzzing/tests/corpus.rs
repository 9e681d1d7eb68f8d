//! Every file of the corpus, and many that differ from one by chance, through its target.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use fuzzing::{TARGETS, Target};
use testkit::Chance;

/// Mutated inputs for each target.
const MUTATIONS: usize = 3000;
const MUTATION_BYTES_MAX: usize = 2048;

#[test]
fn every_input_that_was_kept_passes() {
    for (name, target) in TARGETS {
        for (file, input) in corpus(name) {
            run(target, &input, &format!("{name}/{file}"));
        }
    }
}

#[test]
fn so_does_what_differs_from_it_by_chance() {
    std::thread::scope(|scope| {
        for (name, target) in TARGETS {
            scope.spawn(move || mutated(name, target));
        }
    });
}

#[test]
fn every_folder_has_a_target() {
    for folder in fs::read_dir(folder("")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|(known, _)| *known == name), "nothing reads corpus/{name}");
    }
}

fn mutated(name: &str, target: Target) {
    let corpus: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, input)| input).collect();
    let mut chance = Chance::new(name.len() as u64);
    for turn in 0..MUTATIONS {
        let mut input = corpus[chance.below(corpus.len())].clone();
        for _ in 0..=chance.below(4) {
            mutate(&mut chance, &mut input, &corpus);
        }
        input.truncate(MUTATION_BYTES_MAX);
        run(target, &input, &format!("{name}, mutation {turn}"));
    }
}

/// Characters that mean something somewhere.
const MARKS: &[u8] =
    b"{}[]()\"'\\,:;|=!<>~#@%&+-*/?._ \t\n\r0179aeEuZ\x00\x7f\xc3\xa4\xef\xbb\xbf\xff";

const WORDS: [&str; 16] = [
    "null",
    "\"urn:ngsi-ld:null\"",
    "\"type\"",
    "\"value\":",
    "@context",
    "datasetId",
    "1e400",
    "-0.0",
    "9223372036854775808",
    "\\ud800",
    "\u{feff}",
    "ä",
    "[[]]",
    "{}",
    "2026-12-31T23:59:60Z",
    "GeometryCollection",
];

fn mutate(chance: &mut Chance, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = chance.below(input.len() + 1);
    let end = at + chance.below((input.len() - at).min(16) + 1);
    match chance.below(8) {
        0 => drop(input.drain(at..end)),
        1 => input.insert(at, chance.pick(MARKS)),
        2 if at < input.len() => input[at] = chance.pick(MARKS),
        3 if at < input.len() => input[at] ^= 1 << chance.below(8),
        4 => {
            let copy = input[at..end].to_vec();
            let to = chance.below(input.len() + 1);
            input.splice(to..to, copy);
        }
        5 => drop(input.splice(at..at, chance.pick(&WORDS).bytes())),
        6 => drop(input.splice(at..end, chance.pick(&WORDS).bytes())),
        _ => {
            let other = &corpus[chance.below(corpus.len())];
            let from = chance.below(other.len() + 1);
            let to = from + chance.below((other.len() - from).min(64) + 1);
            input.splice(at..end, other[from..to].iter().copied());
        }
    }
}

/// Shows the input that a panic came from.
fn run(target: Target, input: &[u8], from: &str) {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| target(input)));
    if outcome.is_err() {
        panic!("{from}: {}", input.escape_ascii());
    }
}

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<(String, Vec<u8>)> = files
        .map(|path| {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            (file, fs::read(&path).unwrap())
        })
        .collect();
    assert!(!files.is_empty(), "corpus/{name} is empty");
    files.sort();
    files
}

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}
