//! Parses the command line and the environment variables behind its options. All errors are
//! reported together, each with option, variable and cause, before anything is started.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{Arg, Command, Parser};

/// The exit code for an invalid command line, the same as clap's.
const USAGE_ERROR: u8 = 2;

/// Parses the command line of this process.
///
/// # Errors
/// The exit code, after all errors (or the help text) are printed.
pub fn parse<Cli: Parser>() -> Result<Cli, ExitCode> {
    parse_from(&std::env::args_os().collect::<Vec<_>>())
}

/// The same for these arguments, of which the first is the name of the program.
pub fn parse_from<Cli: Parser>(arguments: &[OsString]) -> Result<Cli, ExitCode> {
    Cli::try_parse_from(arguments).map_err(|error| {
        let code = if error.exit_code() == 0 { 0 } else { USAGE_ERROR };
        match option_errors(&Cli::command(), arguments, &error) {
            messages if messages.is_empty() => error.print().unwrap_or_default(),
            messages => print_errors(&messages),
        }
        ExitCode::from(code)
    })
}

/// A message for every option that is missing or has an invalid value; empty if `first` is another
/// kind of error. clap stops at the first error, so each pass makes the options it found accept any
/// value, and the next pass finds more.
fn option_errors(command: &Command, arguments: &[OsString], first: &Error) -> Vec<String> {
    let options = options_of(command, arguments);
    let mut command = command.clone();
    let mut messages = describe(&options, first);
    let mut seen = BTreeSet::new();
    let mut flags = flags_of(first);
    // Each pass must find another option: an error that stays ends the search.
    while flags.iter().any(|flag| seen.insert(flag.clone())) {
        command = flags.iter().fold(command, |command, flag| accept_any_value(command, flag));
        let Err(next) = command.clone().try_get_matches_from(arguments) else { break };
        flags = flags_of(&next);
        if flags.iter().any(|flag| !seen.contains(flag)) {
            messages.extend(describe(&options, &next));
        }
    }
    messages
}

/// The options of the subcommand that `arguments` name, and of the commands above it.
fn options_of<'a>(command: &'a Command, arguments: &[OsString]) -> Vec<&'a Arg> {
    let mut command = command;
    let mut options: Vec<&Arg> = command.get_arguments().collect();
    for subcommand in arguments {
        if let Some(found) = command.find_subcommand(subcommand) {
            command = found;
            options.extend(command.get_arguments());
        }
    }
    options
}

/// The flags, such as `--listen`, that an error from clap is about.
fn flags_of(error: &Error) -> Vec<String> {
    let kinds =
        [ErrorKind::MissingRequiredArgument, ErrorKind::ValueValidation, ErrorKind::InvalidValue];
    if !kinds.contains(&error.kind()) {
        return Vec::new();
    }
    let arguments = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(one)) => std::slice::from_ref(one),
        Some(ContextValue::Strings(several)) => several,
        _ => &[],
    };
    let flags = arguments.iter().filter_map(|argument| argument.split([' ', '=']).next());
    flags.filter(|flag| flag.starts_with("--")).map(str::to_owned).collect()
}

/// A message for each option that `error` is about. Values of secret options are left out.
fn describe(options: &[&Arg], error: &Error) -> Vec<String> {
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value,
        _ => "",
    };
    let cause = match (error.kind(), error.source()) {
        (ErrorKind::MissingRequiredArgument, _) => "is required".to_owned(),
        (_, Some(source)) => source.to_string(),
        (_, None) => "requires a value".to_owned(),
    };
    let describe = |flag: &String| {
        let option = options.iter().copied().rfind(|option| has_flag(option, flag));
        let variable = option.and_then(Arg::get_env).map(|variable| variable.to_string_lossy());
        let name = variable.map_or(flag.clone(), |variable| format!("{flag} ({variable})"));
        let is_secret = option.is_some_and(Arg::is_hide_env_values_set);
        if value.is_empty() || is_secret {
            format!("{name}: {cause}")
        } else {
            format!("{name}: `{value}`: {cause}")
        }
    };
    flags_of(error).iter().map(describe).collect()
}

fn accept_any_value(command: Command, flag: &str) -> Command {
    let any_value = |option: Arg| {
        if has_flag(&option, flag) {
            option.required(false).num_args(0..).value_parser(ValueParser::os_string())
        } else {
            option
        }
    };
    command.mut_args(any_value).mut_subcommands(|command| accept_any_value(command, flag))
}

fn has_flag(option: &Arg, flag: &str) -> bool {
    option.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long))
}

#[expect(clippy::print_stderr, reason = "errors are for the person who ran the command")]
fn print_errors(messages: &[String]) {
    eprintln!("error: invalid configuration");
    for message in messages {
        eprintln!("  {message}");
    }
    eprintln!("\nFor more information, try '--help'; docs/CONFIGURATION.md lists every setting.");
}

#[cfg(test)]
mod tests {
    use clap::Args;
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        role: Role,
    }

    #[derive(Debug, clap::Subcommand)]
    enum Role {
        Serve(Settings),
    }

    #[derive(Debug, Args)]
    struct Settings {
        #[arg(long, env = "OPTIONS_TEST_URL")]
        url: String,
        #[arg(long, hide_env_values = true, value_parser = streams::parse_duration)]
        secret: std::time::Duration,
        #[arg(long, default_value = "1")]
        cores: std::num::NonZeroUsize,
    }

    fn errors_of(arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let error = Cli::try_parse_from(&arguments).unwrap_err();
        option_errors(&<Cli as clap::CommandFactory>::command(), &arguments, &error)
    }

    #[test]
    fn every_error_names_its_option_its_variable_and_the_cause() {
        let errors = errors_of(&["millrace", "serve", "--secret", "hush", "--cores", "0"]);
        let [secret, cores, url] = ["--secret: ", "--cores: `0`: ", "--url (OPTIONS_TEST_URL): "]
            .map(|name| errors.iter().find(|error| error.starts_with(name)).cloned());
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(url.is_some_and(|url| url.ends_with("is required")), "{errors:?}");
        assert!(cores.is_some(), "{errors:?}");
        assert!(secret.is_some_and(|secret| !secret.contains("hush")), "{errors:?}");
    }

    #[test]
    fn an_option_without_a_value_is_named_once_and_other_errors_beside_it() {
        for arguments in [["millrace", "serve", "--cores"], ["millrace", "serve", "--cores="]] {
            let errors = errors_of(&arguments);
            assert_eq!(errors.iter().filter(|error| error.starts_with("--cores: ")).count(), 1);
            assert_eq!(errors.len(), 3, "{errors:?}");
        }
    }

    #[test]
    fn an_unknown_option_gets_the_message_of_clap() {
        assert!(errors_of(&["millrace", "serve", "--colour", "red"]).is_empty());
    }
}
