//! Leaves the names of functions out of a release: they are a fifth of the program, and
//! nothing reads them.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Said to the linker alone: `strip` in the profile would be said to every dependency.
    let is = |name, value| env::var(name).is_ok_and(|set| set == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
}
