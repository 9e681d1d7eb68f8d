//! See `fuzzing::fragment`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::fragment(data));
