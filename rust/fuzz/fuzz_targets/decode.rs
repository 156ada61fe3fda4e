#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kvshard_testkit::fuzz::decode(data));
