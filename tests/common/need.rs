//! What a test needs of the machine. Where it is missing, the test says that it is skipped;
//! under `WAKEWATCH_REQUIRE=1`, as `make test` sets it after its set-up, it fails: a skip is
//! no pass.

#![allow(clippy::print_stderr, reason = "what is skipped is to be read")]

use std::fmt::Display;

/// What is needed, if it is there.
pub(crate) fn needed<T, E: Display>(found: Result<T, E>) -> Option<T> {
    found
        .inspect_err(|why| {
            let required = std::env::var_os("WAKEWATCH_REQUIRE").is_some();
            assert!(!required, "this test may not be skipped, but {why}");
            eprintln!("skipped: {why}");
        })
        .ok()
}

/// Whether ONNX Runtime is here; without it most of what the program does cannot run.
pub(crate) fn has_runtime() -> bool {
    needed(wakewatch::infer::runtime::init()).is_some()
}
