//! What the crate gives to the outside is a committed list: an item that appears, changes or goes shows in review.
//!
//! A scan of the sources as rustfmt leaves them, not a compiler: it lists what is declared `pub` in the core, in whatever
//! module, with the derives and implementations of its types, and by which path each is exported. Implementations by
//! macros it does not see, and of the host it lists what each wing exports, without their members.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

/// What is declared in one file: the lines of the list.
fn items(source: &str) -> Vec<String> {
    let (mut list, mut attributes, mut owner) = (Vec::new(), String::new(), None::<Owner>);
    let mut lines = source.lines().map(|line| line.split("//").next().unwrap().trim_end());
    while let Some(line) = lines.next() {
        let (indent, code) = (line.len() - line.trim_start().len(), line.trim_start());
        if code == "#[cfg(test)]" && indent == 0 {
            break;
        }
        if owner.as_ref().is_some_and(|owner| indent <= owner.indent && code == "}") {
            owner = None;
        } else if code.starts_with("#[") {
            attributes.push_str(code);
            continue;
        } else if let Some(header) = header(line, &mut lines) {
            let is_type = ["pub struct ", "pub enum ", "pub trait "].iter().any(|kind| header.starts_with(kind));
            if is_type || header.starts_with("impl") && header.contains(" for ") {
                let name = Owner::new(&header, indent).map_or(String::new(), |owner| owner.name + ": ");
                list.push(format!("{name}{}{}", marks(&attributes), header.trim_end_matches(['{', ' '])));
            }
            if header.ends_with('{') {
                owner = Owner::new(&header, indent);
            }
        } else if let Some(owner) = owner.as_ref().filter(|owner| indent == owner.indent + 4) {
            let is_listed = code.starts_with("pub ") || owner.is_open && code.starts_with(char::is_alphabetic);
            if is_listed && !code.starts_with("const fn row") {
                list.push(format!("{}: {}", owner.name, declaration(code, &mut lines)));
            }
        } else if code.starts_with("pub ")
            && indent == 0
            && !code.starts_with("pub mod ")
            && !code.starts_with("pub use ")
        {
            list.push(declaration(code, &mut lines));
        }
        attributes.clear();
    }
    // What macros make has names that are not known here.
    list.retain(|line| !line.contains('$'));
    list
}

/// What the lines of a block belong to.
struct Owner {
    name: String,
    indent: usize,
    /// Whether all its lines are public: variants, and functions of a trait.
    is_open: bool,
}

impl Owner {
    /// None for what gives nothing of its own: implementations of traits, private types.
    fn new(header: &str, indent: usize) -> Option<Self> {
        if header.contains(" for ") && header.starts_with("impl") {
            return None;
        }
        let plain = generics_cut(header.strip_prefix("impl").unwrap_or(header));
        let mut words = plain.split([' ', '<', ':', '{', '(']).filter(|word| !word.is_empty());
        let name = words.find(|word| !["pub", "struct", "enum", "trait"].contains(word))?.to_owned();
        Some(Self { name, indent, is_open: header.starts_with("pub enum") || header.starts_with("pub trait") })
    }
}

/// Without the `<…>` that it begins with.
fn generics_cut(code: &str) -> &str {
    let mut depth = 0;
    if !code.starts_with('<') {
        return code;
    }
    let end = code.find(|c| {
        depth += i32::from(c == '<') - i32::from(c == '>');
        depth == 0
    });
    &code[end.unwrap() + 1..]
}

/// The whole line, or lines, that a type, a trait or an implementation begins with.
fn header<'s>(line: &str, lines: &mut impl Iterator<Item = &'s str>) -> Option<String> {
    let code = line.trim_start();
    let starts = ["pub struct ", "pub enum ", "pub trait ", "impl<", "impl "];
    starts.iter().any(|start| code.starts_with(start)).then(|| {
        let mut header = code.to_owned();
        while !header.ends_with(['{', ';', '}']) {
            header.push(' ');
            header.push_str(lines.next().unwrap().trim_start());
        }
        // The fields of a tuple are nobody's.
        header.split("(pub").next().unwrap().split('(').next().unwrap().trim_end().to_owned()
    })
}

/// A declaration on one line: without a body, the value of a constant, or the words and the number of an error.
fn declaration<'s>(code: &str, lines: &mut impl Iterator<Item = &'s str>) -> String {
    let mut whole = code.to_owned();
    let is_whole = |whole: &str| {
        let open = |c| whole.matches(c).count();
        let is_closed = open('(') == open(')') && (whole.contains("fn ") || open('{') == open('}'));
        // Behind the arrow stand words.
        whole.contains(" =>") || is_closed && whole.ends_with(['{', ';', ',', '}'])
    };
    while !is_whole(&whole) {
        let Some(line) = lines.next() else { break };
        let line = line.trim_start();
        if !line.starts_with("#[") && !line.is_empty() {
            whole.push_str(if whole.ends_with(['(', '<']) || line.starts_with([')', '>']) { "" } else { " " });
            whole.push_str(line);
        }
    }
    let whole = whole.split(if whole.contains("fn ") { " {" } else { " = " }).next().unwrap();
    whole.trim_end_matches([',', ';', ' ', '{']).replace(",)", ")")
}

/// The attributes that change what a user may do.
fn marks(attributes: &str) -> String {
    let mut marks = String::new();
    for mark in attributes.split("#[").filter(|mark| mark.starts_with("derive(") || mark.starts_with("non_exhaustive"))
    {
        marks.push_str(&format!("#[{mark} "));
    }
    marks
}

/// By which path names are reached: what `source`, which is `module`, declares and what it has from others, one a line.
fn exports(module: &str, source: &str) -> Vec<String> {
    let code: String = source.lines().map(|line| line.split("//").next().unwrap().trim()).collect::<Vec<_>>().join(" ");
    let uses = code.split("pub use ").skip(1).map(|rest| rest.split(';').next().unwrap().trim());
    let names = uses.flat_map(|path| match path.split_once('{') {
        Some((_, list)) => list.trim_end_matches('}').split(',').map(|name| name.trim().to_owned()).collect(),
        None => vec![path.rsplit("::").next().unwrap().to_owned()],
    });
    let names = names.filter(|name| !name.is_empty());
    let modules = code.split("pub mod ").skip(1).map(|rest| rest.split([';', ' ']).next().unwrap().to_owned());
    names.chain(modules).chain(defined(source)).map(|name| format!("{module}::{name}")).collect()
}

/// Names of what `source` itself declares; the enums of macros stand in braces.
fn defined(source: &str) -> Vec<String> {
    let kinds = [
        "pub const fn ",
        "pub fn ",
        "pub struct ",
        "pub trait ",
        "pub type ",
        "pub const ",
        "pub enum ",
        "    pub enum ",
    ];
    let names = source.lines().filter_map(|line| kinds.iter().find_map(|kind| line.strip_prefix(kind)));
    let names = names.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

/// Whether every module on the way to `module` is public.
fn is_open(src: &Path, module: &[&str]) -> bool {
    (0..module.len()).all(|k| {
        let of = module[..k].iter().fold(src.to_owned(), |folder, name| folder.join(name));
        let of = fs::read_to_string(of.join(if k == 0 { "lib.rs" } else { "mod.rs" }));
        of.is_ok_and(|code| code.contains(&format!("\npub mod {};", module[k])))
    })
}

/// All files below `folder`, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.into_iter().flat_map(below).filter(|path| path.extension().is_some_and(|e| e == "rs")).collect()
}

/// The list: exports, then members, each sorted.
fn list() -> String {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut exported, mut declared) = (Vec::new(), Vec::new());
    for file in files(&src) {
        let place: Vec<String> =
            file.strip_prefix(&src).unwrap().iter().map(|part| part.to_string_lossy().into()).collect();
        let head = place[0].trim_end_matches(".rs");
        if ["cli", "main", "kernels", "guide"].contains(&head) || file.ends_with("tests.rs") {
            continue;
        }
        let source = fs::read_to_string(&file).unwrap();
        let inner = place.iter().map(|part| part.trim_end_matches(".rs"));
        let inner: Vec<&str> = inner.filter(|part| !["lib", "mod"].contains(part)).collect();
        if is_open(&src, &inner) {
            exported.extend(exports(&[&["cygnet"], &inner[..]].concat().join("::"), &source));
        }
        if head != "host" {
            declared.extend(items(&source));
        }
    }
    let public: Vec<String> = declared.iter().filter_map(|line| Some(line.split_once(": ")?.0.to_owned())).collect();
    let is_public = |line: &String| {
        let of = line.split_once(" for ").map(|(_, of)| of.split('<').next().unwrap().to_owned());
        of.is_none_or(|of| of.starts_with('&') || public.contains(&of))
    };
    declared.retain(|line| !line.starts_with("impl") || is_public(line));
    exported.sort();
    declared.sort();
    exported.into_iter().chain([String::new()]).chain(declared).fold(String::new(), |list, line| list + &line + "\n")
}

#[test]
fn the_public_items_are_those_of_the_committed_list() {
    let (path, found) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/public_items.txt"), list());
    if std::env::var_os("RENEW").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let missing = |from: &str, of: &str| {
        let of: Vec<&str> = of.lines().collect();
        from.lines().filter(|line| !of.contains(line)).map(|line| format!("  {line}\n")).collect::<String>()
    };
    assert!(
        found == committed,
        "the public items are others than in tests/public_items.txt\nnew:\n{}gone:\n{}\
         as it should be? RENEW=1 cargo test --test public_items",
        missing(&found, &committed),
        missing(&committed, &found),
    );
}

#[test]
fn what_is_public_is_found() {
    let source = r#"
/// A view.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct View<'a> {
    /// Open.
    pub open: &'a [f32],
    closed: u8,
}

struct Private {
    hidden: u8,
}

impl<'a> View<'a> {
    pub const LEN: usize = 3;

    /// Makes one.
    pub fn new(
        config: u8,
        slice: &'a [f32],
    ) -> Result<Self, Error> {
        todo(config, slice)
    }

    pub(crate) fn inner(&self) {}

    fn own(&self) {}
}

impl Drop for View<'_> {
    fn drop(&mut self) {}
}

named! {
    /// Kinds.
    pub enum Kind {
        /// One.
        One = 1 => "one",
        Two {
            /// How many.
            many: usize,
        } = 2 => "{many}";
    }
}

pub fn free(x: u8) -> u8 {
    x
}

#[cfg(test)]
mod tests {
    pub fn no() {}
}
"#;
    let expected = [
        "View: #[derive(Clone, Copy)] #[non_exhaustive] pub struct View<'a>",
        "View: pub open: &'a [f32]",
        "View: pub const LEN: usize",
        "View: pub fn new(config: u8, slice: &'a [f32]) -> Result<Self, Error>",
        "impl Drop for View<'_>",
        "Kind: pub enum Kind",
        "Kind: One",
        "Kind: Two { many: usize, }",
        "pub fn free(x: u8) -> u8",
    ];
    assert_eq!(items(source), expected);
    assert_eq!(
        exports(
            "cygnet::a",
            "pub use b::{C, d};\npub mod e;\npub use f::g;\npub fn h() {}\n    pub enum I {\n    pub fn no() {}"
        ),
        ["cygnet::a::C", "cygnet::a::d", "cygnet::a::g", "cygnet::a::e", "cygnet::a::h", "cygnet::a::I"]
    );
}
