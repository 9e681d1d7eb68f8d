//! See `fuzzing::order_by`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::order_by(data));
