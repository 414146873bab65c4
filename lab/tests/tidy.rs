//! Form of the code and the documents: file sizes, names, imports, links, retired words.

mod crates;
mod import_circles;
mod rust_source;

use std::path::{Path, PathBuf};
use std::process::Command;

const FILE_LINES_MAX: usize = 400;
const LINE_LENGTH_MAX: usize = 120;
const VAGUE: [&str; 6] = ["util", "utils", "common", "helpers", "manager", "misc"];

/// Words that the field has better ones for: docs/GLOSSARY.md.
const RETIRED_WORDS: [&str; 34] = [
    "barred",
    "books",
    "door",
    "doors",
    "goods",
    "hindered",
    "hindrance",
    "house",
    "meanwhile",
    "mend",
    "mended",
    "mending",
    "mends",
    "nobody",
    "patience",
    "regulars",
    "somebody",
    "stand",
    "standing",
    "stands",
    "stood",
    "tell",
    "teller",
    "telling",
    "tells",
    "told",
    "whoever",
    "wish",
    "wishes",
    "yardstick",
    "yardsticks",
    "heard",
    "hears",
    "ill",
];
/// The same for words in a row.
const RETIRED_PHRASES: [&[&str]; 11] = [
    &["are", "no"],
    &["at", "work"],
    &["done", "with"],
    &["for", "ever"],
    &["gives", "back"],
    &["give", "back"],
    &["given", "back"],
    &["in", "hand"],
    &["in", "the", "air"],
    &["is", "no"],
    &["set", "right"],
];
/// Values that are stored or reported under such a word.
const STORED: [&str; 4] = ["'barred'", "\"barred\"", "\"nobody\"", "\"stands\""];

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The project's own files with this ending, with their text.
pub(super) fn files(ending: &str) -> Vec<(String, String)> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let named = listed.lines().filter(|name| name.ends_with(ending));
    let read = named.filter_map(|name| {
        let text = std::fs::read_to_string(root().join(name)).ok()?;
        Some((name.to_owned(), text))
    });
    read.collect()
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_source_file_is_short_and_starts_with_its_purpose() {
    let sources = files(".rs");
    assert!(!sources.is_empty(), "the sources are found");
    let mut faults = Vec::new();
    for (name, text) in sources {
        if text.lines().count() > FILE_LINES_MAX {
            faults.push(format!("{name}: more than {FILE_LINES_MAX} lines"));
        }
        if !text.starts_with("//! ") {
            faults.push(format!("{name}: does not begin with a `//!` line"));
        }
        for (index, line) in text.lines().enumerate() {
            let is_data = line.contains("r#\"") || line.contains("//! |");
            if line.chars().count() > LINE_LENGTH_MAX && !is_data {
                faults.push(format!("{name}:{}: longer than {LINE_LENGTH_MAX}", index + 1));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn no_file_has_a_vague_name() {
    let vague = |name: &String| {
        let path = Path::new(name).with_extension("");
        path.components().any(|part| VAGUE.contains(&part.as_os_str().to_str().unwrap()))
    };
    let names: Vec<String> = files(".rs").into_iter().map(|(name, _)| name).filter(vague).collect();
    assert_none(&names);
}

#[test]
fn only_streams_uses_the_nats_client_library() {
    let outside = files(".rs").into_iter().filter(|(name, text)| {
        let wire = format!("async{}nats", '_');
        !name.starts_with("streams/") && text.contains(&wire)
    });
    assert_none(&outside.map(|(name, _)| name).collect::<Vec<_>>());
}

#[test]
fn every_link_between_documents_leads_to_a_file() {
    let mut faults = Vec::new();
    for (name, text) in files(".md") {
        let folder = root().join(&name).parent().unwrap().to_path_buf();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            let is_elsewhere = path.is_empty() || path.contains("://");
            if !is_elsewhere && !folder.join(path).exists() {
                faults.push(format!("{name}: {target} leads nowhere"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn no_retired_word_is_in_code_or_documents() {
    let mut faults = Vec::new();
    for ending in [".rs", ".md", ".yaml", ".conf", ".toml", "justfile"] {
        for (name, text) in files(ending).into_iter().filter(|(name, _)| name != file!()) {
            faults.extend(retired(&text).into_iter().map(|fault| format!("{name}:{fault}")));
        }
    }
    assert_none(&faults);
}

#[test]
fn a_retired_word_is_found_across_the_lines_of_a_comment() {
    let text = "// It tells the\n/// caller. This is\n/// no order; that is no longer one; there is no other.";
    assert_eq!(retired(text), ["1: tells", "2: is no"]);
    assert!(retired("state = 'barred', a standard door_handle").is_empty());
}

/// The lines of `text` with a retired word, each with that word.
fn retired(text: &str) -> Vec<String> {
    let without_stored =
        |line: &str| STORED.iter().fold(line.to_owned(), |line, it| line.replace(it, ""));
    let lines = text.lines().map(|line| without_stored(line).to_lowercase());
    let words: Vec<(usize, String)> = lines
        .enumerate()
        .flat_map(|(index, line)| {
            let words = line.split(|symbol: char| !symbol.is_alphanumeric() && symbol != '_');
            let words = words.filter(|word| !word.is_empty()).map(str::to_owned);
            words.map(|word| (index + 1, word)).collect::<Vec<_>>()
        })
        .collect();
    let mut found = Vec::new();
    for (place, (line, word)) in words.iter().enumerate() {
        if RETIRED_WORDS.contains(&word.as_str()) {
            found.push(format!("{line}: {word}"));
        }
        for phrase in RETIRED_PHRASES {
            let mut row = words[place..].iter().map(|(_, word)| word.as_str());
            let is_phrase = phrase.iter().all(|word| row.next() == Some(word));
            // `there is no order` and `is no longer` are usual English.
            let is_usual = phrase.ends_with(&["no"])
                && (row.next() == Some("longer") || place > 0 && words[place - 1].1 == "there");
            if is_phrase && !is_usual {
                found.push(format!("{line}: {}", phrase.join(" ")));
            }
        }
    }
    found
}
