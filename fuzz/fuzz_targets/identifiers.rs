//! See `fuzzing::identifiers`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::identifiers(data));
