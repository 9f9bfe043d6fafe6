#![no_main]
#[path = "../../tests/common/entries.rs"]
#[allow(dead_code, reason = "the other doors have targets of their own")]
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entries::clock(bytes));
