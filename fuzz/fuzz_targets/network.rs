#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gaussmeter_fuzz::network(bytes));
