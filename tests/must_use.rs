//! What the core gives and nothing is done with shows while it is compiled: views of the caller's memory, builders and
//! answers are `#[must_use]`, with a reason where the name does not give it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

/// A public function or type without its documentation: attributes, and what is declared.
struct Item {
    attributes: String,
    /// Up to its body.
    declaration: String,
    /// The type that it is implemented for.
    of: String,
}

/// The public items of `source`, with their attributes.
fn items(source: &str) -> Vec<Item> {
    let (mut items, mut attributes, mut of) = (Vec::new(), String::new(), String::new());
    let mut lines = source.lines().map(|line| line.split("//").next().unwrap_or("").trim());
    while let Some(line) = lines.next() {
        if line.starts_with("#[") {
            attributes.push_str(line);
        } else if ["pub fn ", "pub const fn ", "pub struct "].iter().any(|start| line.starts_with(start)) {
            let mut declaration = line.to_owned();
            while !declaration.ends_with(['{', ';', '}']) {
                declaration.push_str(lines.next().unwrap());
            }
            let declaration = declaration.split('{').next().unwrap().trim().to_owned();
            items.push(Item { attributes: std::mem::take(&mut attributes), declaration, of: of.clone() });
        } else if !line.is_empty() {
            attributes.clear();
            if let Some((_, kind)) =
                line.strip_prefix("impl").and_then(|rest| rest.rsplit_once(' ').unwrap().0.rsplit_once(' '))
            {
                of = kind.split('<').next().unwrap().to_owned();
            }
        }
    }
    items
}

impl Item {
    /// Its name.
    fn name(&self) -> &str {
        let rest = self.declaration.split("fn ").nth(1).or(self.declaration.strip_prefix("pub struct ")).unwrap();
        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
    }

    fn is_function(&self) -> bool {
        self.declaration.contains("fn ")
    }

    /// What a function returns; nothing of other items.
    fn returns(&self) -> Option<&str> {
        let (_, returned) = self.declaration.rsplit_once("-> ").filter(|_| self.is_function())?;
        Some(if returned == "Self" { &self.of } else { returned })
    }

    fn is_marked(&self) -> bool {
        self.attributes.contains("#[must_use")
    }

    fn has_reason(&self) -> bool {
        self.attributes.contains("#[must_use = \"")
    }

    /// A view that works on what it borrows: not one that is copied, as a slice is.
    fn is_guard(&self) -> bool {
        let generics = self.declaration.split(['(', '{', ';']).next().unwrap();
        !self.is_function() && generics.contains("<'") && !self.attributes.contains("Copy")
    }

    /// Whether a function takes a value and gives the next one.
    fn is_builder(&self) -> bool {
        ["(self", "(mut self"].iter().any(|taken| self.declaration.contains(taken)) && self.returns() == Some(&self.of)
    }

    /// Whether a function changes something and answers by more than an error.
    fn is_answer(&self) -> bool {
        let answers = ["bool", "f32", "Option"].iter().any(|kind| self.returns().is_some_and(|r| r.starts_with(kind)));
        self.declaration.contains("&mut self") && answers
    }
}

/// What is not as it should be, given the names of the guards.
fn violations(items: &[Item], guards: &[&str]) -> Vec<String> {
    let is_wrong = |item: &&Item| {
        let said_elsewhere = |returned: &str| {
            let name = returned.split(['<', ' ']).next().unwrap_or_default();
            // Their types carry the mark.
            ["Result", "impl", "core::slice::Iter"].contains(&name) || guards.contains(&name)
        };
        let needs_reason = item.is_guard() || item.is_builder() || item.is_answer();
        // Of what changes something, a count may be left.
        let is_pure = !item.declaration.contains("&mut self");
        let needs_mark = is_pure && item.returns().is_some_and(|returned| !said_elsewhere(returned));
        needs_reason && !item.has_reason() || needs_mark && !item.is_marked()
    };
    items.iter().filter(is_wrong).map(|item| item.name().to_owned()).collect()
}

/// The core's sources; its kernels are no part of what is called.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let outside = ["host", "cli", "main", "kernels"];
    let is_core = |path: &PathBuf| !outside.contains(&path.file_stem().unwrap().to_str().unwrap());
    entries.filter(is_core).flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn guards_builders_and_answers_must_be_used() {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let items: Vec<Item> = files.iter().flat_map(|file| items(&fs::read_to_string(file).unwrap())).collect();
    let guards: Vec<&str> = items.iter().filter(|item| item.is_guard()).map(Item::name).collect();
    assert!(guards.len() > 10 && guards.contains(&"Averaged") && guards.contains(&"NormUpdate"), "{guards:?}");
    let wrong = violations(&items, &guards);
    assert!(wrong.is_empty(), "without #[must_use], or without its reason: {}", wrong.join(", "));
}

#[test]
fn what_is_forgotten_is_found() {
    let source = r#"
        #[must_use = "it lives"]
        pub struct Good<'a> { x: &'a u8 }
        impl<'a> Good<'a> {
        pub fn new(x: &'a u8) -> Self { Self { x } }
        }
        pub struct Bad<'a>(&'a u8);
        #[derive(Clone, Copy)]
        pub struct View<'a>(&'a u8);
        impl<'a> View<'a> {
        pub fn made(x: &'a u8) -> Self { Self(x) }
        #[must_use]
        pub fn seen(&self) -> u8 { 0 }
        pub const fn unseen(&self) -> u8 { 0 }
        pub fn new() -> Good { Good }
        pub fn may_fail() -> Result<u8, u8> { Ok(0) }
        pub fn nothing(&mut self) {}
        #[must_use]
        pub fn without_reason(mut self) -> Self { self }
        #[must_use = "it counts"]
        pub fn with_reason(
            self,
        ) -> Self { self }
        #[must_use]
        pub fn pass(&mut self, x: f32) -> bool { x > 0.0 }
        pub fn update(&mut self) -> u64 { 0 }
    "#;
    assert_eq!(violations(&items(source), &["Good", "Bad"]), ["Bad", "made", "unseen", "without_reason", "pass"]);
}
