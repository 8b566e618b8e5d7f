//! Data flows one way: a file of the core uses only modules that `lib.rs` lists above its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules in the order of `lib.rs`, and the place of each name that may follow `crate::`.
struct Order {
    modules: Vec<String>,
    place: HashMap<String, usize>,
}

impl Order {
    fn of(lib: &str) -> Self {
        let code = code(lib);
        let declared = |line: &str| {
            let module = line.trim().trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';')?;
            Some(module.to_owned())
        };
        let modules: Vec<String> = code.lines().filter_map(declared).collect();
        let mut place: HashMap<_, _> = modules.iter().cloned().zip(0..).collect();
        for (module, items) in code.split("pub use ").skip(1).filter_map(|item| item.split_once("::")) {
            let there = place[&name(module)];
            place.extend(heads(items).into_iter().map(|item| (item, there)));
        }
        Self { modules, place }
    }

    /// Every name after `crate::` in `source` of `module` that stands below it, or that `lib.rs` does not know.
    fn violations(&self, module: &str, source: &str) -> Vec<String> {
        let here = &self.place[module];
        let is_wrong = |name: &String| self.place.get(name).is_none_or(|there| there > here);
        code(source).split("crate::").skip(1).flat_map(heads).filter(is_wrong).collect()
    }
}

/// Source without comments, which may mention anything.
fn code(source: &str) -> String {
    source.lines().map(|line| line.split("//").next().unwrap_or("").trim_end()).collect::<Vec<_>>().join("\n")
}

/// The leading identifier.
fn name(path: &str) -> String {
    path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// First identifier of each path in `a::b` or `{a::b, c}`, whatever follows.
fn heads(paths: &str) -> Vec<String> {
    let (mut depth, mut starts) = (0, vec![]);
    for (at, c) in paths.char_indices() {
        match (c, depth) {
            ('{', 0) | (',', 1) => starts.push(at + 1),
            (_, 0) => return vec![name(paths)],
            ('}', 1) => break,
            _ => {}
        }
        depth += i32::from(c == '{') - i32::from(c == '}');
    }
    starts.into_iter().map(|at| name(&paths[at..])).filter(|name| !name.is_empty()).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = |path: PathBuf| if path.is_dir() { rust_files(&path) } else { vec![path] };
    entries.flat_map(files).filter(|path| path.extension().is_some_and(|e| e == "rs")).collect()
}

#[test]
fn every_file_uses_only_what_stands_above_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let order = Order::of(&fs::read_to_string(src.join("lib.rs")).unwrap());
    let mut wrong = Vec::new();
    for file in rust_files(&src) {
        let place = file.strip_prefix(&src).unwrap();
        let module = Path::new(place.iter().next().unwrap()).file_stem().unwrap().to_str().unwrap();
        // The host may use everything; what `lib.rs` does not list belongs to the program.
        if module != "host" && order.modules.iter().any(|listed| listed == module) {
            let names = order.violations(module, &fs::read_to_string(&file).unwrap());
            wrong.extend(names.into_iter().map(|name| format!("{} uses {name}", place.display())));
        }
    }
    assert!(wrong.is_empty(), "lib.rs lists below:\n{}", wrong.join("\n"));
    assert_eq!(order.modules.first().map(String::as_str), Some("error"));
}

#[test]
fn a_planted_violation_is_found() {
    let order =
        Order::of("mod low;\npub mod middle; // mod no;\nmod high;\npub use high::{Cap, Top};\npub use low::Base;");
    assert_eq!(order.modules, ["low", "middle", "high"]);
    let of_middle = |source| order.violations("middle", source);
    let nothing: [&str; 0] = [];
    assert_eq!(
        of_middle("use crate::low::{A, b};\nuse crate::Base; // crate::high\n/// [`Cap`](crate::Cap)\n"),
        nothing
    );
    assert_eq!(of_middle("use crate::high::X;"), ["high"]);
    assert_eq!(of_middle("fn f() { crate::high::g(crate::Cap) }"), ["high", "Cap"]);
    assert_eq!(of_middle("use crate::{low::{A, high}, high::{self, B}};"), ["high"]);
    assert_eq!(of_middle("use crate::{\n    low,\n    Top,\n};\nfn f() {}"), ["Top"]);
    assert_eq!(of_middle("use crate::unknown;"), ["unknown"]);
    assert_eq!(order.violations("high", "use crate::{low, middle, high};"), nothing);
}
