//! See `fuzzing::lang`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::lang(data));
