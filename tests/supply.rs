//! What the program is built from: licences that it may carry, one registry, and nothing
//! that speaks to the network. The rules are those of `deny.toml`; advisories need
//! `cargo deny` itself (`make deny`).
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail and says why")]

use std::{collections::BTreeSet, process::Command};

#[derive(serde::Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(serde::Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Bans {
    deny: Vec<String>,
}

/// Whether an expression of licences can be kept with those that are allowed. `AND` binds
/// more than `OR`; old ones write `/` for it.
fn allowed(expression: &str, allow: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let holds = any(&words, &mut at, allow);
    holds && at == words.len()
}

fn any(words: &[&str], at: &mut usize, allow: &[String]) -> bool {
    let mut holds = all(words, at, allow);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        holds |= all(words, at, allow);
    }
    holds
}

fn all(words: &[&str], at: &mut usize, allow: &[String]) -> bool {
    let mut holds = one(words, at, allow);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        holds &= one(words, at, allow);
    }
    holds
}

fn one(words: &[&str], at: &mut usize, allow: &[String]) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let holds = any(words, at, allow);
        *at += 1;
        return holds;
    }
    let exception = words.get(*at) == Some(&"WITH");
    *at += 2 * usize::from(exception);
    !exception && allow.iter().any(|known| known == word)
}

#[test]
fn expressions_of_licences_are_read() {
    let allow = ["MIT".to_owned(), "Zlib".to_owned()];
    for (expression, holds) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR Zlib", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND Zlib", true),
        ("Apache-2.0 WITH LLVM-exception OR MIT", true),
        ("", false),
    ] {
        assert_eq!(allowed(expression, &allow), holds, "{expression}");
    }
}

#[test]
fn everything_built_in_may_be_carried_and_none_of_it_speaks_to_the_network() {
    let root = env!("CARGO_MANIFEST_DIR");
    let rules = std::fs::read_to_string(format!("{root}/deny.toml")).unwrap();
    let rules: Rules = toml::from_str(&rules).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none"]);
    let done = cargo.args(["--format", "{p}|{l}"]).current_dir(root).output().unwrap();
    if !done.status.success() {
        // A package of another platform was never downloaded here.
        eprintln!("skipped: {}", String::from_utf8_lossy(&done.stderr));
        return;
    }
    let tree = String::from_utf8(done.stdout).unwrap();
    let packages: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    assert!(packages.len() > 100, "{} packages", packages.len());
    let mut wrong = Vec::new();
    for package in packages {
        let (name, licence) = package.split_once('|').unwrap();
        let licence = licence.trim_end_matches(" (*)").trim();
        let crate_name = name.split(' ').next().unwrap();
        if crate_name == env!("CARGO_PKG_NAME") {
            continue;
        }
        if !allowed(licence, &rules.licenses.allow) {
            wrong.push(format!("{name}: the licence \"{licence}\""));
        }
        // Anything from elsewhere than the registry carries its place in brackets.
        if name.contains("://") || name.contains("(/") {
            wrong.push(format!("{name}: from elsewhere"));
        }
        if rules.bans.deny.iter().any(|denied| denied == crate_name) {
            wrong.push(format!("{name}: speaks to the network"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
