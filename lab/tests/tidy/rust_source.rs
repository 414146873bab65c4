//! What a Rust file declares, imports and names by a path, read from its tokens.

use std::collections::BTreeSet;

/// A file without its tests.
#[derive(Debug, Default)]
pub(super) struct RustSource {
    /// The modules that it declares with `mod name;`.
    pub(super) modules: BTreeSet<String>,
    /// What it imports.
    pub(super) imports: Vec<Import>,
    /// Every path of two or more names outside of imports.
    pub(super) paths: BTreeSet<Vec<String>>,
    /// Every name outside of imports that is not a field's, a method's or the end of a path.
    pub(super) names: BTreeSet<String>,
}

/// One name of a `use` declaration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// Its name in this file; `*` imports everything.
    pub(super) name: String,
    /// Whether it is exported again.
    pub(super) is_public: bool,
}

impl RustSource {
    pub(super) fn parse(text: &str) -> Self {
        let tokens = without_tests(&tokens(text));
        let mut source = Self::default();
        let mut at = 0;
        while let Some(&token) = tokens.get(at) {
            let next = tokens.get(at + 1).copied().unwrap_or_default();
            if token == "use" && next != "<" {
                let end = at + tokens[at..].iter().position(|it| *it == ";").unwrap();
                let is_public = at > 0 && ["pub", ")"].contains(&tokens[at - 1]);
                add_imports(&tokens[at + 1..end], &[], is_public, &mut source.imports);
                at = end;
            } else if token == "mod" && tokens.get(at + 2) == Some(&";") {
                source.modules.insert(next.to_owned());
                at += 2;
            } else if is_name(token) {
                let path = path_at(&tokens[at..]);
                let is_member = at > 0 && tokens[at - 1] == ".";
                at += 2 * (path.len() - 1);
                if path.len() > 1 {
                    source.paths.insert(path);
                }
                if !is_member {
                    source.names.insert(token.to_owned());
                }
            }
            at += 1;
        }
        source
    }
}

/// The names, `::` and single symbols of a text, without comments and literals.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(symbol) = rest.chars().next() {
        let (length, is_kept) = match skipped(rest) {
            Some(length) => (length, false),
            None if is_name(rest) => (name_length(rest), true),
            None if rest.starts_with("::") => (2, true),
            None => (symbol.len_utf8(), !symbol.is_whitespace()),
        };
        if is_kept {
            tokens.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    tokens
}

/// The length of a comment, a string, a character or a lifetime at the start of `text`.
fn skipped(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(text.find("*/").unwrap() + 2);
    }
    let literal = text.trim_start_matches(['b', 'c', 'r']);
    let prefix = &text[..text.len() - literal.len()];
    if prefix.len() <= 2 && prefix.ends_with('r') {
        let quoted = literal.trim_start_matches('#');
        let end = format!("\"{}", &literal[..literal.len() - quoted.len()]);
        let length = quoted.strip_prefix('"')?.find(&end)? + 1 + end.len();
        return Some(text.len() - quoted.len() + length);
    }
    if prefix.len() <= 1 && literal.starts_with('"') {
        return Some(prefix.len() + quoted_length(literal, '"'));
    }
    let character = text.strip_prefix('\'')?;
    if character.starts_with('\\') || character.chars().nth(1) == Some('\'') {
        return Some(quoted_length(text, '\''));
    }
    Some(1 + name_length(character))
}

/// The length of a literal between two `quote`, with escapes.
fn quoted_length(literal: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, symbol) in literal.char_indices().skip(1) {
        if symbol == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = symbol == '\\' && !is_escaped;
    }
    literal.len()
}

fn is_name(token: &str) -> bool {
    token.starts_with(|symbol: char| symbol.is_alphanumeric() || symbol == '_')
}

fn name_length(text: &str) -> usize {
    text.find(|symbol: char| !symbol.is_alphanumeric() && symbol != '_').unwrap_or(text.len())
}

/// The tokens without the items behind `#[cfg(test)]`.
fn without_tests<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    const TEST_ONLY: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].starts_with(&TEST_ONLY) {
            at += item_length(&tokens[at..]);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// The length of an item: to its `;` or to the end of its body.
fn item_length(tokens: &[&str]) -> usize {
    let is_import = tokens.iter().find(|it| ["use", "{"].contains(it)) == Some(&"use");
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 && (*token == ";" || *token == "}" && !is_import) {
            return at + 1;
        }
    }
    tokens.len()
}

/// The names joined by `::` at the start of `tokens`.
fn path_at(tokens: &[&str]) -> Vec<String> {
    let mut path = vec![tokens[0].to_owned()];
    let mut rest = &tokens[1..];
    while let ["::", name, after @ ..] = rest
        && is_name(name)
    {
        path.push((*name).to_owned());
        rest = after;
    }
    path
}

/// Adds the names of the `use` tree `tokens` below the path `prefix`.
fn add_imports(tokens: &[&str], prefix: &[String], is_public: bool, imports: &mut Vec<Import>) {
    let Some(&first) = tokens.first() else { return };
    if first == "::" {
        return add_imports(&tokens[1..], prefix, is_public, imports);
    }
    if first == "{" {
        for tree in trees(&tokens[1..tokens.len() - 1]) {
            add_imports(tree, prefix, is_public, imports);
        }
        return;
    }
    let mut path = prefix.to_vec();
    if first != "*" && (first != "self" || prefix.is_empty()) {
        path.push(first.to_owned());
    }
    if tokens.get(1) == Some(&"::") {
        return add_imports(&tokens[2..], &path, is_public, imports);
    }
    let last = if first == "*" { "*" } else { path.last().unwrap() };
    let name = if tokens.get(1) == Some(&"as") { tokens[2] } else { last }.to_owned();
    imports.push(Import { path, name, is_public });
}

/// The parts of a `use` tree that are separated by commas outside of braces.
fn trees<'a>(tokens: &'a [&'a str]) -> impl Iterator<Item = &'a [&'a str]> {
    let mut depth = 0;
    tokens.split(move |token| {
        match *token {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        depth == 0 && *token == ","
    })
}

#[test]
fn a_use_with_nested_braces_is_read() {
    let text = "pub(crate) use super::{self, a::{B, C as D}, e::*,};\nuse x as _;";
    let imports = RustSource::parse(text).imports;
    let read = imports.iter().map(|it| (it.path.join("::"), it.name.as_str(), it.is_public));
    let expected = [
        ("super", "super", true),
        ("super::a::B", "B", true),
        ("super::a::C", "D", true),
        ("super::e", "*", true),
        ("x", "_", false),
    ];
    assert!(read.eq(expected.map(|(path, name, is_public)| (path.to_owned(), name, is_public))));
}

#[test]
fn comments_literals_and_tests_are_left_out() {
    let text = r##"
        //! [`a`](crate::a)
        mod b;
        fn f<'a>() -> impl Sized + use<'a> { let _ = ('"', '\'', "\"c::d", r#"e::"f"#); g::h::<i>() }
        #[cfg(test)] #[path = "x.rs"] mod j;
        #[cfg(test)] use k::{L};
        #[cfg(test)] mod tests { fn m() { n::o(); } }
        p::q!();
    "##;
    let source = RustSource::parse(text);
    let paths: Vec<_> = source.paths.iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["g::h", "p::q"]);
    assert!(source.modules.iter().eq(["b"]) && source.imports.is_empty());
}
