//! See `fuzzing::temporal`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::temporal(data));
