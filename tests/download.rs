//! What makes a download: pages and completions, menu entry, launcher and installer. The
//! whole download is tried in bare system trees by `make test-dist`.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail and says why")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn wakewatch() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wakewatch"));
    command.env_remove("RUST_LOG").env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command
}

fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/dist").join(name)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The commands that `--help` lists.
fn commands() -> Vec<String> {
    let help = text(&wakewatch().arg("--help").output().unwrap().stdout);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = listed.take_while(|line| line.starts_with("  "));
    lines.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

#[test]
fn every_command_has_a_man_page_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/pages");
    assert!(wakewatch().arg("pages").arg(&out).status().unwrap().success());
    let commands = commands();
    assert!(commands.len() >= 7, "{commands:?}");
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let completions = ["wakewatch.bash", "_wakewatch", "wakewatch.fish"].map(read);
    for command in commands.iter().filter(|name| *name != "help") {
        let page = read(&format!("wakewatch-{command}.1"));
        assert!(page.contains(".SH SYNOPSIS"), "{command}: {page}");
        assert!(completions.iter().all(|shell| shell.contains(command.as_str())), "{command}");
    }
    assert!(read("wakewatch.1").contains("wakewatch\\-watch"), "the pages name each other");
    // What is only for packages is told to nobody.
    assert!(!out.join("wakewatch-pages.1").exists() && !commands.contains(&"pages".to_owned()));
    for shell in ["bash", "zsh", "fish"] {
        let file = ["wakewatch.bash", "_wakewatch", "wakewatch.fish"]
            .into_iter()
            .find(|name| name.contains(if shell == "zsh" { "_" } else { shell }))
            .unwrap();
        match Command::new(shell).arg("-n").arg(out.join(file)).status() {
            Ok(status) => assert!(status.success(), "{file}"),
            Err(_) => eprintln!("skipped: there is no {shell}"),
        }
    }
}

#[test]
fn the_menu_entry_starts_a_command_that_is_there() {
    let entry = fs::read_to_string(ours("wakewatch.desktop")).unwrap();
    let value = |key: &str| {
        entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap()
    };
    let mut words = value("Exec").split(' ');
    assert_eq!(words.next(), Some("wakewatch"));
    let known = wakewatch().args(words).arg("--help").output().unwrap();
    assert!(known.status.success(), "{}", text(&known.stderr));
    assert!(ours(&format!("{}.svg", value("Icon"))).exists());
    // The name that the window gives the desktop.
    assert_eq!(value("StartupWMClass"), "wakewatch");
    let about = fs::read_to_string(ours("wakewatch.metainfo.xml")).unwrap();
    assert!(about.contains("<launchable type=\"desktop-id\">wakewatch.desktop</launchable>"));
    match Command::new("desktop-file-validate").arg(ours("wakewatch.desktop")).output() {
        Ok(told) => assert!(told.status.success(), "{}", text(&told.stdout)),
        Err(_) => eprintln!("skipped: there is no desktop-file-validate"),
    }
}

#[test]
fn the_program_carries_the_script_that_fetches_onnx_runtime() {
    let told = wakewatch().args(["doctor", "--setup-script"]).output().unwrap();
    assert!(told.status.success());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/runtime.sh");
    assert_eq!(text(&told.stdout), fs::read_to_string(script).unwrap());
}

#[cfg(all(unix, feature = "gui"))]
#[test]
fn without_arguments_and_display_one_sentence_says_what_to_do() {
    let told = wakewatch().output().unwrap();
    let said = text(&told.stderr);
    assert_eq!(told.status.code(), Some(1), "{said}");
    assert!(said.contains("watch --headless") && said.contains("--help"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(told.stdout.is_empty());
}

/// An unpacked archive with a program that only repeats its arguments.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn archive(at: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let put = |name: &str, text: &str| {
        let path = at.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let read = |name: &str| fs::read_to_string(ours(name)).unwrap();
    put("wakewatch", &read("wakewatch.sh").replace("@MINOR@", "17"));
    put("install.sh", &read("install.sh"));
    put("README.txt", &read("README.txt"));
    put("lib/wakewatch", "#!/bin/sh\nfor word in \"$@\"; do printf '<%s>' \"$word\"; done\n");
    put("licences/MIT", "text");
    put("share/applications/wakewatch.desktop", &read("wakewatch.desktop"));
    put("share/icons/hicolor/scalable/apps/wakewatch.svg", &read("wakewatch.svg"));
    put("share/man/man1/wakewatch.1", ".TH");
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn run(program: &Path, args: &[&str]) -> Output {
    Command::new(program).args(args).output().unwrap()
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn the_launcher_starts_the_program_from_any_folder_or_says_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("Grüße an alle/ein \"Ordner\" $HOME");
    archive(&at);
    let launcher = at.join("wakewatch");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&launcher, &link).unwrap();
    for way in [&launcher, &link] {
        let told = run(way, &["watch", "a b", "", "*"]);
        assert_eq!(text(&told.stdout), "<watch><a b><><*>", "{}", text(&told.stderr));
    }
    let refused = |told: Output, words: &str| {
        let said = text(&told.stderr);
        assert!(!told.status.success() && said.contains(words), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    };
    let old = fs::read_to_string(&launcher).unwrap().replace("-ge 17", "-ge 999");
    fs::write(&launcher, old.replace("2.17", "2.999")).unwrap();
    refused(run(&launcher, &[]), "the program needs 2.999 or newer");
    archive(&at);
    fs::remove_file(at.join("lib/wakewatch")).unwrap();
    refused(run(&launcher, &[]), "unpack the archive again");
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn what_is_installed_runs_and_is_taken_away_whole() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("unpacked");
    archive(&at);
    let prefix = folder.path().join("für mich & alle|\"100%\" $x");
    fs::create_dir_all(prefix.join("share")).unwrap();
    fs::write(prefix.join("share/mine"), "stays").unwrap();
    let wanted = prefix.to_str().unwrap();
    // Twice: the second replaces the first.
    for _ in 0..2 {
        let told = run(&at.join("install.sh"), &["--prefix", wanted]);
        assert!(told.status.success(), "{}", text(&told.stderr));
    }
    let told = run(&prefix.join("bin/wakewatch"), &["a b"]);
    assert_eq!(text(&told.stdout), "<a b>", "{}", text(&told.stderr));
    let entry = fs::read_to_string(prefix.join("share/applications/wakewatch.desktop")).unwrap();
    // What must be escaped in a quoted argument, as the specification of menu entries has it.
    let quoted = wanted.replace('"', r#"\\""#).replace('$', r"\\$").replace('%', "%%");
    let line = format!("Exec=\"{quoted}/bin/wakewatch\" watch");
    assert!(entry.lines().any(|found| found == line), "{line}\n{entry}");
    let told = run(&prefix.join("lib/wakewatch/install.sh"), &["--uninstall"]);
    assert!(told.status.success(), "{}", text(&told.stderr));
    let left: Vec<_> = fs::read_dir(&prefix).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left, ["share"]);
    let left: Vec<_> = fs::read_dir(prefix.join("share")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let told = run(&at.join("install.sh"), &["--uninstall", "--prefix", wanted]);
    assert!(!told.status.success() && text(&told.stderr).contains("not installed"));
}
