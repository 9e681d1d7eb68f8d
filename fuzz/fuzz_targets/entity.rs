//! See `fuzzing::entity`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::entity(data));
