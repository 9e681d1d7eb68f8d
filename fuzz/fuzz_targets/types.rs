//! See `fuzzing::types`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::types(data));
