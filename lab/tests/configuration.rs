//! `docs/CONFIGURATION.md` and `.env.sample` say what the code reads. `UPDATE_DOCS=1 cargo test -p lab
//! configuration` writes what the code says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use clap::{Arg, Args, Command, Subcommand};

use super::tidy::{files, root};

const DOCUMENT: &str = "docs/CONFIGURATION.md";
const SAMPLE: &str = ".env.sample";
/// What is generated from the code is between these lines of the document.
const BEGIN: &str = "<!-- generated from the code: begin -->\n";
const END: &str = "<!-- generated from the code: end -->\n";
/// How the help of an option ends whose default is in a file.
const FROM_FILE: &str = " [default: from .millrace/env]";

/// One environment variable.
#[derive(Debug, Default)]
struct Setting {
    option: String,
    /// The default; several if commands differ.
    defaults: BTreeSet<String>,
    is_required: bool,
    meaning: String,
    used_by: BTreeSet<String>,
}

/// Every variable of every command, by its name.
fn settings() -> BTreeMap<String, Setting> {
    let mut settings = BTreeMap::new();
    let product = millrace::Command::augment_subcommands(Command::new("millrace"));
    for command in product.get_subcommands() {
        collect(command, command.get_name(), &mut settings);
    }
    let simulator =
        payment_simulator::SimulatorArgs::augment_args(Command::new("payment-simulator"));
    collect(&simulator, "payment-simulator", &mut settings);
    let demo = lab::demo::DemoArgs::augment_args(Command::new("demo"));
    collect(&demo, "demo", &mut settings);
    settings
}

fn collect(command: &Command, name: &str, settings: &mut BTreeMap<String, Setting>) {
    for (option, variable) in command.get_arguments().filter_map(|it| Some((it, it.get_env()?))) {
        // Who decides about dead letters is a fact of the session, not a setting.
        let variable = variable.to_str().unwrap();
        if variable != "USER" {
            settings.entry(variable.to_owned()).or_default().add(option, name);
        }
    }
    for command in command.get_subcommands() {
        collect(command, &format!("{name} {}", command.get_name()), settings);
    }
}

impl Setting {
    fn add(&mut self, option: &Arg, command: &str) {
        let help = option.get_help().unwrap().to_string();
        let defaults = option.get_default_values().iter();
        self.defaults.extend(defaults.map(|it| it.to_str().unwrap().to_owned()));
        self.used_by.insert(command.to_owned());
        // A role says most about a setting: it has no file to fall back to.
        if self.meaning.is_empty() || option.is_required_set() {
            help.trim_end_matches(FROM_FILE).clone_into(&mut self.meaning);
        }
        self.option = format!("--{}", option.get_long().unwrap());
        self.is_required |= option.is_required_set();
    }
}

fn table(settings: &BTreeMap<String, Setting>) -> String {
    let mut table =
        "| variable | option | default | read by | meaning |\n|---|---|---|---|---|\n".to_owned();
    for (variable, setting) in settings {
        let defaults: Vec<_> = setting.defaults.iter().map(|it| format!("`{it}`")).collect();
        let default = match setting.is_required {
            true => "required".to_owned(),
            false if defaults.is_empty() => "none".to_owned(),
            false => defaults.join(", "),
        };
        let used_by: Vec<_> = setting.used_by.iter().map(|name| format!("`{name}`")).collect();
        let Setting { option, meaning, .. } = setting;
        let used_by = used_by.join(", ");
        writeln!(table, "| `{variable}` | `{option}` | {default} | {used_by} | {meaning} |")
            .unwrap();
    }
    table
}

fn sample(settings: &BTreeMap<String, Setting>) -> String {
    let mut sample = "# Every setting of Millrace with its default; docs/CONFIGURATION.md has more about each.\n\
        # Those without a value are required where they are read, or have no default.\n"
        .to_owned();
    for (variable, setting) in settings {
        let default = setting.defaults.first().map_or("", String::as_str);
        let comment = if setting.is_required { "" } else { "#" };
        write!(sample, "\n# {}\n{comment}{variable}={default}\n", setting.meaning).unwrap();
    }
    sample
}

/// `text` with `table` between the two marks.
fn with_table(text: &str, table: &str) -> String {
    let (before, rest) = text.split_once(BEGIN).expect("the document has the first mark");
    let (_, after) = rest.split_once(END).expect("the document has the second mark");
    format!("{before}{BEGIN}{table}{END}{after}")
}

#[test]
fn the_documents_list_every_setting_as_the_code_has_it() {
    let settings = settings();
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap_or_default();
    let expected =
        [(DOCUMENT, with_table(&read(DOCUMENT), &table(&settings))), (SAMPLE, sample(&settings))];
    for (file, expected) in expected {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(root().join(file), &expected).unwrap();
        }
        assert!(read(file) == expected, "{file} is out of date: UPDATE_DOCS=1 writes it anew");
    }
}

#[test]
fn every_variable_that_the_sources_name_is_documented() {
    let document = std::fs::read_to_string(root().join(DOCUMENT)).unwrap();
    let mut missing = BTreeSet::new();
    for (name, text) in files(".rs").into_iter().filter(|(name, _)| name.contains("/src/")) {
        for rest in text.split("\"MILLRACE_").skip(1) {
            let end = rest.find('"').unwrap();
            let variable = format!("`MILLRACE_{}`", &rest[..end]);
            if !document.contains(&variable) {
                missing.insert(format!("{name}: {variable}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?} are not in {DOCUMENT}");
}
