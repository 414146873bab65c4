//! No files of a crate import each other in a circle, so that each can be understood after those
//! that it uses.
//!
//! An import counts for the file that defines what it names, also if a module above exports it
//! again. Three things are not counted: `mod child;`, a `pub use` of what the file does not use
//! itself, and the import of a module, whose paths count instead. Calls of methods are not seen.

use std::collections::{BTreeMap, BTreeSet};

use super::rust_source::RustSource;
use super::{assert_none, files};

/// Exports of the same item in a row; more are a name that is looked up in itself.
const EXPORTS_MAX: usize = 8;

#[test]
fn no_files_of_a_crate_import_each_other_in_a_circle() {
    let sources = files(".rs").into_iter().filter(|(name, _)| {
        let is_test = name.ends_with("/tests.rs") || name.contains("/tests/");
        name.contains("/src/") && !is_test
    });
    let faults = circles(&Sources::parse(sources).arrows());
    assert_none(&faults);
}

/// The files of all crates, by name.
struct Sources(BTreeMap<String, RustSource>);

/// What each file takes from which other file.
type Arrows = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The file that a path leads to.
enum Definition {
    /// The path is that of the file's module.
    Module(String),
    /// The path is that of an item in the file.
    Item(String),
}

impl Sources {
    fn parse(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let parsed = files.into_iter().map(|(name, text)| (name, RustSource::parse(&text)));
        Self(parsed.collect())
    }

    fn arrows(&self) -> Arrows {
        let taken =
            |(file, source): (&String, &RustSource)| (file.clone(), self.taken(file, source));
        self.0.iter().map(taken).collect()
    }

    /// What `file` takes from each other file.
    fn taken(&self, file: &str, source: &RustSource) -> BTreeMap<String, BTreeSet<String>> {
        let mut taken: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut add = |from, name| taken.entry(from).or_default().insert(name);
        for import in &source.imports {
            let is_used = !import.is_public || source.names.contains(&import.name);
            match self.definition(file, &import.path, 0) {
                Some(Definition::Item(from)) if is_used => _ = add(from, import.name.clone()),
                Some(Definition::Module(from)) if import.name == "*" => _ = add(from, "*".into()),
                _ => {}
            }
        }
        for path in &source.paths {
            if let Some(Definition::Item(from)) = self.definition(file, path, 0) {
                add(from, path.join("::"));
            }
        }
        taken.remove(file);
        taken
    }

    /// What `path` leads to in `file`; `None` if it leads out of the crate or is not a path from
    /// this file.
    fn definition(&self, file: &str, path: &[String], exports: usize) -> Option<Definition> {
        let mut module = file.to_owned();
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" => module = self.root(file),
                "self" => {}
                "super" => module = self.parent(&module),
                _ => break,
            }
            rest = after;
        }
        let is_relative = rest.len() == path.len();
        while let Some((name, after)) = rest.split_first() {
            let source = self.0.get(&module)?;
            let is_module = source.modules.contains(name);
            let imported = source.imports.iter().find(|import| import.name == *name);
            match imported {
                // A function may have the name of a module: the last name is the function's.
                Some(import) if !is_module || after.is_empty() => {
                    let path = [&import.path, after].concat();
                    let is_defined = exports < EXPORTS_MAX;
                    return is_defined.then(|| self.definition(&module, &path, exports + 1))?;
                }
                _ if is_module => module = child(&module, name),
                _ if is_relative && module == file => return None,
                _ => return Some(Definition::Item(module)),
            }
            rest = after;
        }
        Some(Definition::Module(module))
    }

    /// The root file of the crate of `file`.
    fn root(&self, file: &str) -> String {
        let (package, _) = file.split_once("/src/").unwrap();
        let library = format!("{package}/src/lib.rs");
        let program = format!("{package}/src/main.rs");
        if file == program || !self.0.contains_key(&library) { program } else { library }
    }

    /// The file of the module around that of `file`.
    fn parent(&self, file: &str) -> String {
        let (folder, _) = file.rsplit_once('/').unwrap();
        if folder.ends_with("/src") { self.root(file) } else { format!("{folder}.rs") }
    }
}

/// The file of the module `name` in that of `file`.
fn child(file: &str, name: &str) -> String {
    let folder = file.trim_end_matches("/lib.rs").trim_end_matches("/main.rs");
    format!("{}/{name}.rs", folder.trim_end_matches(".rs"))
}

/// The files of each circle, with what they take from each other.
fn circles(arrows: &Arrows) -> Vec<String> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|file| (file.as_str(), reached_from(file, arrows))).collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reached {
        let circle = others.iter().copied().filter(|other| reached[other].contains(file));
        circles.insert(circle.collect::<BTreeSet<&str>>());
    }
    let circles = circles.iter().filter(|circle| !circle.is_empty());
    circles.map(|circle| described(circle, arrows)).collect()
}

/// The files that `file` takes something from, those that they do, and so on.
fn reached_from<'a>(file: &'a str, arrows: &'a Arrows) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut pending = vec![file];
    while let Some(file) = pending.pop() {
        pending.extend(arrows[file].keys().map(String::as_str).filter(|it| reached.insert(*it)));
    }
    reached
}

fn described(circle: &BTreeSet<&str>, arrows: &Arrows) -> String {
    let mut lines = vec![format!("circle of imports, {} files:", circle.len())];
    for file in circle {
        let inside = arrows[*file].iter().filter(|(from, _)| circle.contains(from.as_str()));
        for (from, names) in inside {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            lines.push(format!("  {file} -> {from}: {}", names.join(", ")));
        }
    }
    lines.join("\n")
}

/// The circles of a crate with these files.
fn circles_of<const N: usize>(files: [(&str, &str); N]) -> String {
    let files = files.map(|(name, text)| (format!("x/src/{name}.rs"), text.to_owned()));
    circles(&Sources::parse(files).arrows()).join("\n").replace("x/src/", "")
}

#[test]
fn two_files_that_import_each_other_are_a_circle() {
    let found = circles_of([
        ("lib", "mod a; mod b; mod c; use a::A;"),
        ("a", "use crate::{b as renamed, c::{self, C as D}}; struct A(renamed::B, c::E);"),
        ("b", "pub struct B; fn f() { crate::a::f(); }"),
        ("c", "pub struct C; pub struct E;"),
    ]);
    let expected =
        "circle of imports, 2 files:\n  a.rs -> b.rs: renamed::B\n  b.rs -> a.rs: crate::a::f";
    assert_eq!(found, expected);
}

#[test]
fn a_module_and_its_child_that_use_each_other_are_a_circle() {
    let found = circles_of([
        ("main", "mod a;"),
        ("a", "mod b; struct A; fn f() { b::f(); }"),
        ("a/b", "mod c; fn f() { c::f(); }"),
        ("a/b/c", "use super::super::A;"),
    ]);
    let arrows = ["a.rs -> a/b.rs: b::f", "a/b.rs -> a/b/c.rs: c::f", "a/b/c.rs -> a.rs: A"];
    assert_eq!(found, format!("circle of imports, 3 files:\n  {}", arrows.join("\n  ")));
}

#[test]
fn a_circle_through_an_export_is_one_of_the_files_that_define_the_items() {
    let found = circles_of([
        ("lib", "mod a; mod b; pub use a::{A, C};"),
        ("a", "mod c; pub use c::C; use super::b; pub struct A(b::B);"),
        ("a/c", "pub struct C;"),
        ("b", "use crate::{A, C}; pub struct B;"),
    ]);
    assert_eq!(found, "circle of imports, 2 files:\n  a.rs -> b.rs: b::B\n  b.rs -> a.rs: A");
}

#[test]
fn declarations_exports_tests_and_programs_make_no_circle() {
    let found = circles_of([
        ("main", "use x::run; fn main() { run() }"),
        (
            "lib",
            "mod a; mod b; mod plan; pub use a::run; pub use plan::{Plan, plan}; pub struct A;",
        ),
        (
            "a",
            "use super::{A, Plan, plan}; pub fn run() { plan(b::f(), \"crate::b::B\") } // crate::b",
        ),
        ("b", "pub(crate) use crate::a::run; #[cfg(test)] mod tests { use crate::a::run; }"),
        ("plan", "use std::fmt::{self, Display}; pub struct Plan; pub fn plan() { fmt::f() }"),
    ]);
    assert_eq!(found, "");
}
