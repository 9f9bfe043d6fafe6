//! The order of the rooms (the folders and files right below `src`): data flows one way, so
//! a room may only use those that stand before it, and no two files use each other, or come
//! back to themselves through others. Read from the sources themselves, so that a new arrow back fails here.

#![allow(clippy::unwrap_used, reason = "a test may fail and says why")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::{Attribute, Item, UseTree, visit::Visit};

/// The rooms, each of which may use those before it.
const ROOMS: [&str; 21] = [
    "background",
    "os",
    "stats",
    "chart",
    "onnx",
    "vit",
    "frame",
    "source",
    "infer",
    "face",
    "monitor",
    "alarm",
    "record",
    "dataset",
    "live",
    "replay",
    "evaluate",
    "protocol",
    "train",
    "app",
    "cli",
];

/// A module's path below the crate: `["live", "judge"]`.
type Module = Vec<String>;

/// Which modules each module uses, outside of tests and with them.
#[derive(Default)]
struct Uses {
    own: BTreeSet<Module>,
    with_tests: BTreeSet<Module>,
}

/// Collects what one file names of the crate.
struct Names<'a> {
    module: &'a Module,
    known: &'a BTreeSet<Module>,
    /// How deep in modules that stand in the same file.
    inner: usize,
    in_tests: usize,
    uses: Uses,
}

impl Names<'_> {
    /// Notes a path such as `crate::face::Face` or `super::judge::Judge`.
    fn note(&mut self, path: &[String]) {
        let (mut base, mut rest) = match path.first().map(String::as_str) {
            Some("crate") => (Module::new(), &path[1..]),
            // In the crate's own tests and examples.
            Some("wakewatch") => (Module::new(), &path[1..]),
            Some("self") if self.inner == 0 => (self.module.clone(), &path[1..]),
            Some("super") => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let above = (ups).saturating_sub(self.inner);
                let keep = self.module.len().saturating_sub(above);
                (self.module[..keep].to_vec(), &path[ups..])
            }
            _ => return,
        };
        while let [first, more @ ..] = rest {
            let mut deeper = base.clone();
            deeper.push(first.clone());
            if !self.known.contains(&deeper) {
                break;
            }
            (base, rest) = (deeper, more);
        }
        if base.is_empty() || base == *self.module {
            return;
        }
        if self.in_tests == 0 {
            self.uses.own.insert(base.clone());
        }
        self.uses.with_tests.insert(base);
    }

    fn tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&with(path.ident.to_string()), &path.tree),
            UseTree::Name(name) => self.note(&with(name.ident.to_string())),
            UseTree::Rename(name) => self.note(&with(name.ident.to_string())),
            UseTree::Glob(_) => self.note(before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(before, tree)),
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let text = match &attribute.meta {
            syn::Meta::List(list) => list.tokens.to_string(),
            _ => String::new(),
        };
        attribute.path().is_ident("test") || attribute.path().is_ident("cfg") && text == "test"
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let test = usize::from(is_test(attributes(item)));
        self.in_tests += test;
        syn::visit::visit_item(self, item);
        self.in_tests -= test;
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let inline = usize::from(module.content.is_some());
        self.inner += inline;
        syn::visit::visit_item_mod(self, module);
        self.inner -= inline;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if parts.len() > 1 {
            self.note(&parts);
        }
        syn::visit::visit_path(self, path);
    }
}

/// The sources below a folder with their modules.
fn sources(folder: &Path, module: &Module, found: &mut Vec<(Module, std::path::PathBuf)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut own = module.clone();
        if path.is_dir() {
            own.push(stem);
            sources(&path, &own, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            if !["mod", "lib", "main"].contains(&stem.as_str()) {
                own.push(stem);
            }
            found.push((own, path));
        }
    }
}

/// Files that hold nothing but tests.
fn is_of_tests(module: &Module) -> bool {
    module.iter().any(|part| part.ends_with("tests") || part == "fakes" || part == "fixtures")
}

fn uses() -> BTreeMap<Module, Uses> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &Module::new(), &mut found);
    let known: BTreeSet<Module> = found.iter().map(|(module, _)| module.clone()).collect();
    let mut all: BTreeMap<Module, Uses> = BTreeMap::new();
    for (module, path) in found {
        // The crate's root and the program only list the rooms.
        if module.is_empty() {
            continue;
        }
        let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
        let in_tests = usize::from(is_of_tests(&module));
        let mut names =
            Names { module: &module, known: &known, inner: 0, in_tests, uses: Uses::default() };
        names.visit_file(&file);
        let uses = names.uses;
        let entry = all.entry(module).or_default();
        entry.own.extend(uses.own);
        entry.with_tests.extend(uses.with_tests);
    }
    all
}

#[test]
fn every_room_uses_only_rooms_before_it() {
    let place = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut back = BTreeSet::new();
    let mut rooms = BTreeSet::new();
    for (module, uses) in uses() {
        let from = place(&module[0]);
        rooms.insert(module[0].clone());
        assert!(from.is_some(), "{} has no place in the order of the rooms", module[0]);
        for used in uses.with_tests {
            if place(&used[0]) > from {
                back.insert(format!("{} uses {}", module.join("/"), used.join("/")));
            }
        }
    }
    assert!(back.is_empty(), "arrows back up: {back:#?}");
    let named: BTreeSet<String> = ROOMS.iter().map(|room| (*room).to_owned()).collect();
    assert_eq!(rooms, named, "the order of the rooms names the rooms that there are");
}

/// What can be reached from a module. That a module's parts use what it holds itself is no
/// circle.
fn reached(from: &Module, uses: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
    while let Some(module) = next.pop() {
        for used in uses.get(&module).into_iter().flatten() {
            if seen.insert(used.clone()) {
                next.push(used.clone());
            }
        }
    }
    seen
}

#[test]
fn no_two_files_use_each_other() {
    let below =
        |module: &Module, used: &Module| module.starts_with(used) || used.starts_with(module);
    let uses: BTreeMap<Module, BTreeSet<Module>> = uses()
        .into_iter()
        .map(|(module, uses)| {
            let others = uses.own.into_iter().filter(|used| !below(&module, used)).collect();
            (module, others)
        })
        .collect();
    let reach: BTreeMap<&Module, BTreeSet<Module>> =
        uses.keys().map(|module| (module, reached(module, &uses))).collect();
    let comes_back =
        |to: &Module, from: &Module| reach.get(to).is_some_and(|all| all.contains(from));
    let circles: BTreeSet<String> = uses
        .keys()
        .filter(|module| comes_back(module, module))
        .map(|module| {
            let back = reach[module].iter().filter(|other| comes_back(other, module));
            back.map(|other| other.join("/")).collect::<Vec<_>>().join(", ")
        })
        .collect();
    assert!(circles.is_empty(), "these use each other: {circles:?}");
}

/// The reader of the sources itself: what it must see, and what it must not take for a use.
#[test]
fn uses_are_read_from_sources() {
    let known: BTreeSet<Module> = ["face", "face/track", "live", "live/judge", "monitor"]
        .map(|path| path.split('/').map(str::to_owned).collect())
        .into();
    let module: Module = vec!["live".into(), "judge".into()];
    let read = |text: &str| {
        let mut names =
            Names { module: &module, known: &known, inner: 0, in_tests: 0, uses: Uses::default() };
        names.visit_file(&syn::parse_file(text).unwrap());
        let join = |all: &BTreeSet<Module>| {
            all.iter().map(|module| module.join("/")).collect::<Vec<_>>().join(" ")
        };
        (join(&names.uses.own), join(&names.uses.with_tests))
    };
    let pair = |own: &str, all: &str| (own.to_owned(), all.to_owned());
    assert_eq!(
        read("use crate::{face::{Face, track::T}, monitor::M as N};").0,
        "face face/track monitor"
    );
    assert_eq!(read("use super::Snapshot; fn f() -> crate::face::Face {}").0, "face live");
    assert_eq!(read("#[cfg(test)] mod tests { use crate::face::F; }"), pair("", "face"));
    assert_eq!(read("mod a { use super::super::X; use super::Y; }"), pair("live", "live"));
    assert_eq!(read("/// See [`Face`](crate::face::Face).\nuse std::fs;"), pair("", ""));
}
