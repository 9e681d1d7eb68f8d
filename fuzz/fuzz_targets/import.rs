//! See `fuzzing::import`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::import(data));
