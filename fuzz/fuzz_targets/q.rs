//! See `fuzzing::q`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::q(data));
