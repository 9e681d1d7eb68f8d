//! See `fuzzing::scope_q`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::scope_q(data));
