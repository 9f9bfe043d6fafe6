//! A window that nobody sees: watching, judging and alarming go on without it.
#![cfg(all(unix, feature = "gui"))]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use need::{has_runtime, needed};
use wakewatch::{
    monitor::{Level, State},
    record::Event,
};

#[path = "common/need.rs"]
mod need;

/// Ends the program whatever happens.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn alarmed(log: &Path) -> bool {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let events = text.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok());
    events.map(|event| event.judgement).any(|judged| {
        judged.level == Level::Critical && matches!(judged.state, State::Asleep | State::Microsleep)
    })
}

/// A display that nobody looks at, and its name.
fn display() -> std::io::Result<(Running, String)> {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]);
    let server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut server = Running(server);
    let mut number = String::new();
    if let Some(told) = server.0.stdout.take() {
        BufReader::new(told).read_line(&mut number)?;
    }
    Ok((server, format!(":{}", number.trim())))
}

#[test]
fn a_hidden_window_does_not_keep_the_driver_asleep() {
    let Some((_server, display)) = needed(display()) else { return };
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("events.jsonl");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wakewatch"));
    command.args(["watch", "--source", "demo:asleep", "--fast", "--silent", "--hidden"]);
    command.arg("--events").arg(&log).env("DISPLAY", display).env_remove("WAYLAND_DISPLAY");
    command.env("WAKEWATCH_CONFIG", folder.path());
    let running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut running = Running(running);
    let until = Instant::now() + Duration::from_secs(240);
    while !alarmed(&log) {
        let alive = running.0.try_wait().unwrap().is_none();
        assert!(alive && Instant::now() < until, "no alarm: {:?}", std::fs::read_to_string(&log));
        std::thread::sleep(Duration::from_millis(100));
    }
}
