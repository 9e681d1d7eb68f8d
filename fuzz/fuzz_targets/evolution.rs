//! See `fuzzing::evolution`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::evolution(data));
