//! The program as its users run it, for tests: what it says.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

/// Runs the program in a folder, without a screen; gives exit code, the lines of stdout as
/// JSON, and stderr, which holds no panic and no colours.
pub(crate) fn told(folder: &Path, args: &[&str]) -> (i32, Vec<Value>, String) {
    let mut command = Command::cargo_bin("wakewatch").unwrap();
    command.env_remove("RUST_LOG").env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    let output = command.current_dir(folder).args(args).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    assert!(!stderr.contains('\x1b'), "no colours into a pipe: {stderr}");
    let lines = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code().unwrap(), lines, stderr)
}
