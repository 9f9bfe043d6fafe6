//! What the program promises about its user's privacy: no network, and nothing that others
//! on the machine could read.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail and says why")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use wakewatch::infer::{promoted, runtime};

const WATCH: [&str; 11] = [
    "watch",
    "--headless",
    "--fast",
    "--source",
    "demo:asleep",
    "--width",
    "320",
    "--height",
    "240",
    "--fps",
    "10",
];

/// What a program did, or `None` where this machine has no such tool or does not let it.
fn ran(command: &mut Command) -> Option<std::process::Output> {
    command.output().ok()
}

fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

#[test]
fn the_program_works_in_a_network_namespace_of_its_own() {
    if let Err(error) = runtime::init() {
        return skip(&error.to_string());
    }
    let there = ran(Command::new("unshare").args(["--net", "--map-root-user", "true"]));
    if !there.is_some_and(|done| done.status.success()) {
        return skip("this machine gives no empty network namespace");
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "--map-root-user"]).arg(env!("CARGO_BIN_EXE_wakewatch")).args(WATCH);
    let done = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{err}");
    assert!(out.contains("\"critical\"") && out.contains("\"frames\":"), "{out}");
}

#[test]
fn the_program_never_asks_for_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    if !ran(Command::new("strace").args(["-o", "/dev/null", "true"]))
        .is_some_and(|done| done.status.success())
    {
        return skip("there is no strace, or it may not trace");
    }
    // All that looks for devices, and a drive long enough for a library to call home: ONNX
    // Runtime once did so after some seconds.
    let drive = ["watch", "--headless", "--silent", "--speed", "1", "--source", "demo:asleep"];
    // Files that lead into the network where they are believed, under every name.
    let at = |name: &str| folder.path().join(name).display().to_string();
    let lists = ["list.m3u8", "list.mp4", "list.sdp", "list.jpg", "list.csv"].map(at);
    let contents = [
        "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n",
        "ffconcat version 1.0\nfile http://127.0.0.1:9/a.ts\n",
        "v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 33\n",
        "#EXTM3U\nrtsp://127.0.0.1:9/live\n",
        "file,label,subject\nhttp://127.0.0.1:9/a.jpg,awake,ann\n",
    ];
    for (path, text) in lists.iter().zip(contents) {
        fs::write(path, text).unwrap();
    }
    let folder_of_lists = folder.path().display().to_string();
    let watched = lists.iter().map(|path| vec!["watch", "--headless", "--fast", "--source", path]);
    let others = [
        vec!["doctor", "--json"],
        drive.to_vec(),
        vec!["evaluate", "--data", &lists[4]],
        vec!["classify", &lists[3]],
        vec!["watch", "--headless", "--fast", "--source", &folder_of_lists],
    ];
    for arguments in watched.chain(others) {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=socket,connect,bind,sendto,socketpair", "-o"]);
        command.arg(&trace).arg(env!("CARGO_BIN_EXE_wakewatch")).args(&arguments);
        // As a user starts it.
        command.env_remove(runtime::SILENCE).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        command.output().unwrap();
        let calls = fs::read_to_string(&trace).unwrap();
        let asked: Vec<_> = calls.lines().filter(|line| line.contains("AF_INET")).collect();
        assert!(asked.is_empty(), "{arguments:?}: {asked:#?}");
    }
}

/// The rights of everything below a folder.
fn rights(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.push((path.clone(), fs::metadata(&path).unwrap().permissions().mode() & 0o777));
        if path.is_dir() {
            all.extend(rights(&path));
        }
    }
    all
}

#[test]
fn only_their_user_can_read_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Logs, as asked for.
    if runtime::init().is_ok() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wakewatch"));
        command.args(WATCH).current_dir(folder.path());
        command.args(["--events", "e.jsonl", "--frames", "f.parquet"]);
        assert!(command.output().unwrap().status.success());
        let mut command = Command::new(env!("CARGO_BIN_EXE_wakewatch"));
        command.args(WATCH).current_dir(folder.path()).args(["--frames", "f.csv"]);
        assert!(command.output().unwrap().status.success());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "and nothing else");
    }
    // A model of the user's own, in a process that has the folder's name.
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "promotes"]);
    command.env(promoted::FOLDER_VARIABLE, at("data/models"));
    assert!(command.output().unwrap().status.success());
    // Settings.
    #[cfg(feature = "gui")]
    {
        use wakewatch::app::preferences::{Preferences, Store};
        let store = Store::new(Some(at("config/wakewatch")));
        store.keep(&Preferences::default());
        drop(store);
        assert!(at("config/wakewatch/settings.toml").exists());
    }
    for (path, mode) in rights(folder.path()) {
        assert_eq!(mode & 0o077, 0, "{} has {mode:o}", path.display());
    }
}

#[test]
#[ignore = "run by the test of rights"]
fn promotes() {
    promoted::promote(wakewatch::vit::ModelKind::Mae, b"a model").unwrap();
}

#[test]
fn a_watch_that_is_asked_for_nothing_writes_nothing() {
    if let Err(error) = runtime::init() {
        return skip(&error.to_string());
    }
    let folder = tempfile::tempdir().unwrap();
    let library = runtime::init().unwrap().library.clone();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wakewatch"));
    command.args(WATCH).current_dir(folder.path()).env("HOME", folder.path());
    // As a user starts it: a library once kept a journal and a number for its user.
    command.env_remove(runtime::SILENCE);
    for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "TMPDIR"] {
        command.env(name, folder.path());
    }
    // The library would be looked for there, too.
    if library.is_absolute() {
        command.env("ORT_DYLIB_PATH", library);
    }
    assert!(command.output().unwrap().status.success());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
