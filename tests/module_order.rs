//! Data flows one way: a file uses only modules that stand above its own, those of the crate in the order of `lib.rs`,
//! those of a room in the order of the `mod` lines of its `mod.rs`; and no file and no function is too long to be read.
//!
//! The code of a `mod.rs` itself stands either above its files, which may use it then, or below them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A module: its own code, and the modules that it lists, in their order.
#[derive(Default)]
struct Room {
    /// Where its code is.
    file: PathBuf,
    code: String,
    names: Vec<String>,
    rooms: Vec<Room>,
    /// The place in `rooms` of each name that is re-exported from there.
    exported: HashMap<String, usize>,
}

impl Room {
    /// The module in `file`, whose own modules are in `folder`.
    fn read(file: &Path, folder: &Path, sources: &dyn Fn(&Path) -> Option<String>) -> Self {
        let code = code(&sources(file).unwrap_or_else(|| panic!("no {}", file.display())));
        let (mut names, mut rooms, mut paths) = (Vec::new(), Vec::new(), Vec::new());
        // Macros have modules of other files, in lines that are not at the margin.
        for line in code.lines().filter(|line| !line.starts_with(' ')) {
            // One that is another file on some targets is a module for each.
            paths.extend(
                line.strip_prefix("#[cfg_attr").and_then(|line| line.split("path = \"").nth(1)?.split('"').next()),
            );
            let Some(name) = after_visibility(line).strip_prefix("mod ").and_then(|line| line.strip_suffix(';')) else {
                continue;
            };
            let usual = [format!("{name}.rs"), format!("{name}/mod.rs")];
            let usual = usual.iter().map(String::as_str).filter(|_| paths.is_empty());
            let is_there = |file: &PathBuf| sources(file).is_some();
            for file in paths.iter().copied().chain(usual).map(|path| folder.join(path)).filter(is_there) {
                let inner = if file.ends_with("mod.rs") { file.with_file_name("") } else { file.with_extension("") };
                rooms.push(Self::read(&file, &inner, sources));
                names.push(name.to_owned());
            }
            paths.clear();
        }
        let mut exported = HashMap::new();
        for path in code.split(';').filter_map(|item| pub_use(item)).flat_map(leaves) {
            let [first, .., last] = &path[..] else { continue };
            if let Some(place) = names.iter().position(|name| name == first) {
                exported.insert(last.clone(), place);
            }
        }
        Self { file: file.to_owned(), code, names, rooms, exported }
    }

    /// Where among its modules a name is from; none for what it defines itself.
    fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name).or_else(|| self.exported.get(name).copied())
    }

    /// The module at `path`.
    fn at<'r>(&'r self, path: &[usize]) -> &'r Self {
        path.iter().fold(self, |room, &place| &room.rooms[place])
    }

    /// The names of the modules on the way to `path`.
    fn way(&self, path: &[usize]) -> Vec<String> {
        (0..path.len()).map(|k| self.at(&path[..k]).names[path[k]].clone()).collect()
    }

    /// Every module in it with its path, and itself.
    fn all(&self, path: &[usize]) -> Vec<(Vec<usize>, &Self)> {
        let inner = self.rooms.iter().enumerate().flat_map(|(k, room)| room.all(&[path, &[k]].concat()));
        [(path.to_vec(), self)].into_iter().chain(inner).collect()
    }

    /// What every module in it uses that stands below it.
    fn violations(&self) -> Vec<String> {
        self.all(&[]).iter().flat_map(|(path, room)| self.violations_of(path, room)).collect()
    }

    fn violations_of(&self, path: &[usize], room: &Self) -> Vec<String> {
        let mut wrong = Vec::new();
        for used in uses(&room.code, &self.way(path)) {
            let mut at = self;
            let mut depth = 0;
            // Down to where the ways part.
            let below = loop {
                match (used.get(depth).and_then(|name| at.place(name)), path.get(depth)) {
                    (Some(there), Some(&here)) if there == here => (at, depth) = (&at.rooms[here], depth + 1),
                    (Some(there), Some(&here)) => break there > here,
                    // A module's own code uses what it lists, and files use what their room defines: not both.
                    (None, Some(_)) => break at.uses_its_own(),
                    (_, None) => break false,
                }
            };
            if below {
                wrong.push(format!("{} uses {}", room.file.display(), used.join("::")));
            }
        }
        wrong
    }

    /// Whether its code uses modules that it lists, beyond giving their items away.
    fn uses_its_own(&self) -> bool {
        let kept: String = self.code.split_inclusive(';').filter(|item| pub_use(item).is_none()).collect();
        self.names.iter().any(|name| starts(&kept, &format!("{name}::")).next().is_some())
    }
}

/// Every path from `crate`, `super` or `self` on that code of the module `way` has, from the crate's root on.
fn uses(code: &str, way: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for path in ["crate::", "super::", "self::"].iter().flat_map(|start| starts(code, start)).flat_map(leaves) {
        let ups = path.iter().take_while(|name| *name == "super").count();
        let rest = path.iter().skip_while(|name| ["crate", "super", "self"].contains(&name.as_str())).cloned();
        let base = if path[0] == "crate" { &[][..] } else { &way[..way.len().saturating_sub(ups)] };
        found.push(base.iter().cloned().chain(rest).collect());
    }
    found
}

/// Source from every place on where a path begins with `start`.
fn starts<'c>(code: &'c str, start: &str) -> impl Iterator<Item = &'c str> {
    let is_free = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    code.match_indices(start)
        .filter(move |(at, _)| is_free(*at))
        .map(|(at, _)| &code[at..])
        .collect::<Vec<_>>()
        .into_iter()
}

/// Every path in `a::b` or `a::{b, c::d}`, whatever follows; `a::{self}` is `a`.
fn leaves(paths: &str) -> Vec<Vec<String>> {
    let mut leaves = Vec::new();
    let mut way: Vec<String> = Vec::new();
    // How long the way is at each brace that is open.
    let mut open: Vec<usize> = Vec::new();
    let mut rest = paths.trim_start();
    loop {
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        rest = rest[name.len()..].trim_start();
        if !name.is_empty() {
            way.push(name);
        }
        if let Some(inner) = rest.strip_prefix("::") {
            rest = inner.trim_start();
            if let Some(inner) = rest.strip_prefix('{') {
                open.push(way.len());
                rest = inner.trim_start();
            }
            continue;
        }
        let Some(&length) = open.last() else {
            leaves.push(way);
            break;
        };
        if way.len() > length {
            let leaf = way.iter().filter(|name| *name != "self" || way[0] == "self").cloned().collect();
            leaves.push(leaf);
            way.truncate(length);
        }
        // `as other` goes with its name.
        rest = rest.trim_start_matches(|c| c != ',' && c != '}');
        let Some(next) = rest.get(1..) else { break };
        if rest.starts_with('}') {
            open.pop();
            let Some(&length) = open.last() else { break };
            way.truncate(length);
        }
        rest = next.trim_start();
    }
    leaves
}

/// What an item re-exports, where it does.
fn pub_use(item: &str) -> Option<&str> {
    let item = item.rsplit("]\n").next()?.trim_start();
    after_visibility(item).strip_prefix("use ").filter(|_| item.starts_with("pub"))
}

fn after_visibility(line: &str) -> &str {
    let Some(rest) = line.trim_start().strip_prefix("pub") else { return line.trim_start() };
    let rest = rest.split_once(')').filter(|_| rest.starts_with('(')).map_or(rest, |(_, rest)| rest);
    rest.trim_start()
}

/// Source without comments, which may mention anything, and without tests, which may use anything.
fn code(source: &str) -> String {
    let mut code = String::new();
    let mut lines = source.lines().map(|line| line.split("//").next().unwrap_or("").trim_end());
    while let Some(line) = lines.next() {
        if line.trim_start() != "#[cfg(test)]" {
            code += line;
            code.push('\n');
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let ends = |line: &str| line.len() > indent && (line[indent..].starts_with('}') || line.ends_with(';'));
        // An item ends with its brace or, in one line, with a semicolon.
        let Some(first) = lines.by_ref().find(|line| !line.trim_start().starts_with("#[")) else { break };
        if !first.ends_with(';') && !first.ends_with('}') {
            let _ = lines.by_ref().find(|line| line.len() == indent + 1 && ends(line));
        }
    }
    code
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn crate_root() -> Room {
    Room::read(&src().join("lib.rs"), &src(), &|file| fs::read_to_string(file).ok())
}

#[test]
fn every_file_uses_only_what_stands_above_it() {
    let root = crate_root();
    let wrong = root.violations();
    assert!(wrong.is_empty(), "below stand:\n{}", wrong.join("\n"));
    let host = root.names.iter().position(|name| name == "host").unwrap();
    let wings = ["data", "plan", "evaluation", "training", "study", "files", "report"];
    assert!(root.rooms[host].names.ends_with(&wings.map(str::to_owned)));
    assert_eq!(root.names.first().map(String::as_str), Some("tag"));
}

/// The most lines of code of a file, and of a function, which a screen holds.
const LONGEST: [usize; 2] = [400, 60];

/// Functions of code without comments and tests, with their lines.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code.lines().filter(|line| !line.trim().is_empty()).collect();
    let named = |line: &str| {
        let words = after_visibility(line).split_whitespace().skip_while(|word| ["const", "unsafe"].contains(word));
        let mut words = words.skip_while(|word| word.starts_with("extern") || word.starts_with('"'));
        (words.next() == Some("fn"))
            .then(|| words.next().unwrap_or_default().split(['(', '<']).next().unwrap().to_owned())
    };
    let length = |at: usize| {
        let indent = lines[at].len() - lines[at].trim_start().len();
        let is_end = |line: &&&str| {
            line[..line.len().min(indent + 1)] == lines[at][..indent] && line.ends_with(';')
                || line.len() > indent && line[..indent].trim().is_empty() && line[indent..].starts_with('}')
                || line.ends_with('}') && line.contains(" fn ") && line.contains('{')
        };
        lines[at..].iter().take_while(|line| !is_end(line)).count() + 1
    };
    (0..lines.len()).filter_map(|at| Some((named(lines[at])?, length(at)))).collect()
}

#[test]
fn no_file_and_no_function_is_too_long_to_be_read() {
    let [longest_file, longest_function] = LONGEST;
    let mut wrong = Vec::new();
    for file in rust_files(&src()).into_iter().filter(|file| !file.ends_with("tests.rs")) {
        let code = code(&fs::read_to_string(&file).unwrap());
        let count = code.lines().filter(|line| !line.trim().is_empty()).count();
        if count > longest_file {
            wrong.push(format!("{}: {count} lines of code", file.display()));
        }
        // Assembly is a list.
        let is_assembly = file.components().any(|part| part.as_os_str() == "cortex_m");
        let long = functions(&code).into_iter().filter(|(_, lines)| *lines > longest_function && !is_assembly);
        wrong.extend(long.map(|(name, lines)| format!("{}: {name} has {lines} lines", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_long_function_is_seen() {
    let body = "    let x = 1;\n".repeat(70);
    let code =
        format!("pub(crate) fn long(\n    a: u8,\n) {{\n{body}}}\nconst fn short() {{}}\nfn one() {{\n    1\n}}\n");
    let of = |name: &str| functions(&code).into_iter().find(|(known, _)| known == name).unwrap().1;
    assert_eq!([of("long"), of("short"), of("one")], [74, 1, 3]);
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = |path: PathBuf| if path.is_dir() { rust_files(&path) } else { vec![path] };
    entries.flat_map(files).filter(|path| path.extension().is_some_and(|e| e == "rs")).collect()
}

/// What is wrong with a crate of these files.
fn planted(files: &[(&str, &str)]) -> Vec<String> {
    let source = |file: &Path| {
        let known = files.iter().find(|(name, _)| Path::new(name) == file);
        known.map(|(_, source)| (*source).to_owned())
    };
    Room::read(Path::new("lib.rs"), Path::new(""), &source).violations()
}

#[test]
fn a_planted_violation_is_found() {
    let lib = "mod low;\npub mod middle; // mod no;\n#[cfg(test)]\nmod tests;\nmod high;\n\
               pub use high::{Cap, Top};\npub use low::Base;";
    let of_middle = |source: &str| {
        planted(&[
            ("lib.rs", lib),
            ("low.rs", ""),
            ("middle.rs", source),
            ("high.rs", "use crate::{low, middle, Cap};"),
        ])
    };
    let nothing: [&str; 0] = [];
    assert_eq!(
        of_middle("use crate::low::{A, b};\nuse crate::Base; // crate::high\n/// [`Cap`](crate::Cap)\n"),
        nothing
    );
    assert_eq!(of_middle("use crate::high::X;"), ["middle.rs uses high::X"]);
    assert_eq!(of_middle("use super::high;"), ["middle.rs uses high"]);
    assert_eq!(of_middle("fn f() { crate::high::g(crate::Cap) }"), ["middle.rs uses high::g", "middle.rs uses Cap"]);
    assert_eq!(
        of_middle("use crate::{low::{A, high}, high::{self, B as C}};"),
        ["middle.rs uses high", "middle.rs uses high::B"]
    );
    assert_eq!(of_middle("use crate::{\n    low,\n    Top,\n};\nfn f() {}"), ["middle.rs uses Top"]);
    assert_eq!(of_middle("#[cfg(test)]\nmod tests {\n    use crate::high;\n}\n"), nothing);
    assert_eq!(of_middle("#[cfg(test)]\nuse crate::high;\nuse crate::Top;\n"), ["middle.rs uses Top"]);
}

#[test]
fn a_planted_violation_inside_a_room_is_found() {
    let of = |room: &str, one: &str, two: &str, out: &str| {
        let lib = "mod room;\nmod out;";
        planted(&[
            ("lib.rs", lib),
            ("room/mod.rs", room),
            ("room/one.rs", one),
            ("room/two/mod.rs", two),
            ("out.rs", out),
        ])
    };
    let room = "pub(crate) mod one;\nmod two;\npub(crate) use two::Two;\npub use one::{One, uno as eins};\n";
    let nothing: [&str; 0] = [];
    assert_eq!(of(room, "", "use super::One;\nuse crate::room::one::X;", "use crate::room::Two;"), nothing);
    assert_eq!(of(room, "use super::Two;", "", ""), ["room/one.rs uses room::Two"]);
    assert_eq!(of(room, "use crate::room::two::X;", "", ""), ["room/one.rs uses room::two::X"]);
    assert_eq!(of(room, "", "", "use super::out::X;\nuse self::y;"), nothing);
    assert_eq!(of(room, "", "use super::super::out;", ""), ["room/two/mod.rs uses out"]);
    // A room's own code above its files, below them, and both.
    let (uses_own, defines) = (format!("{room}use one::X;\n"), "use super::Own;");
    assert_eq!(of(room, defines, "", ""), nothing);
    assert_eq!(of(&uses_own, "", "", ""), nothing);
    assert_eq!(of(&uses_own, defines, "", ""), ["room/one.rs uses room::Own"]);
}
