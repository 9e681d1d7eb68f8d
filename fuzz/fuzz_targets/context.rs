//! See `fuzzing::context`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::context(data));
