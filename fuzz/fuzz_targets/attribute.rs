//! See `fuzzing::attribute`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::attribute(data));
