//! The command line: options, and the environment variables behind them. All faults are reported
//! together, each with its option, its variable and what is wrong, before anything is started.

use std::error::Error as _;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{Arg, Command, Parser};

/// The exit code for a command line that cannot be used, as clap has it.
const USAGE: u8 = 2;

/// Parses the command line of this process. On a fault, prints all faults and gives the exit code.
pub fn parse<Cli: Parser>() -> Result<Cli, ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    Cli::try_parse_from(&arguments).map_err(|error| {
        let code = if error.exit_code() == 0 { 0 } else { USAGE };
        match faults(&Cli::command(), &arguments, &error) {
            faults if faults.is_empty() => error.print().unwrap_or_default(),
            faults => print(&faults),
        }
        ExitCode::from(code)
    })
}

/// Every option that is missing or has a value that cannot be used; none where `first` is about
/// something else. Each pass finds some options. Then those take any value, and the next pass finds more.
fn faults(command: &Command, arguments: &[OsString], first: &Error) -> Vec<String> {
    let mut command = command.clone();
    let mut faults = describe(&command, first);
    let mut found = flags(first);
    while !found.is_empty() {
        command = found.iter().fold(command, |command, flag| tolerate(command, flag));
        let Err(next) = command.clone().try_get_matches_from(arguments) else { break };
        faults.extend(describe(&command, &next));
        found = flags(&next);
    }
    faults
}

/// The flags, such as `--listen`, that an error of clap is about.
fn flags(error: &Error) -> Vec<String> {
    let kinds =
        [ErrorKind::MissingRequiredArgument, ErrorKind::ValueValidation, ErrorKind::InvalidValue];
    if !kinds.contains(&error.kind()) {
        return Vec::new();
    }
    let shown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(one)) => std::slice::from_ref(one),
        Some(ContextValue::Strings(several)) => several,
        _ => &[],
    };
    let flags = shown.iter().filter_map(|shown| shown.split([' ', '=']).next());
    flags.filter(|flag| flag.starts_with("--")).map(str::to_owned).collect()
}

fn describe(command: &Command, error: &Error) -> Vec<String> {
    let what = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) if !value.is_empty() => {
            let why = error.source().map_or("cannot be used".to_owned(), ToString::to_string);
            Some((value, why))
        }
        _ => None,
    };
    let describe = |flag: &String| {
        let option = find(command, flag);
        let variable = option.and_then(Arg::get_env).map(|it| it.to_string_lossy());
        let place = variable.map_or(flag.clone(), |variable| format!("{flag} ({variable})"));
        let is_secret = option.is_some_and(Arg::is_hide_env_values_set);
        match &what {
            Some((_, why)) if is_secret => format!("{place}: {why}"),
            Some((value, why)) => format!("{place}: `{value}`: {why}"),
            None => format!("{place}: is required"),
        }
    };
    flags(error).iter().map(describe).collect()
}

fn find<'a>(command: &'a Command, flag: &str) -> Option<&'a Arg> {
    let mut own = command.get_arguments();
    own.find(|option| is(option, flag))
        .or_else(|| command.get_subcommands().find_map(|command| find(command, flag)))
}

fn tolerate(command: Command, flag: &str) -> Command {
    let any_value = |option: Arg| {
        if is(&option, flag) {
            option.required(false).value_parser(ValueParser::os_string())
        } else {
            option
        }
    };
    command.mut_args(any_value).mut_subcommands(|command| tolerate(command, flag))
}

fn is(option: &Arg, flag: &str) -> bool {
    option.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long))
}

#[expect(clippy::print_stderr, reason = "what is wrong is for the person who ran the command")]
fn print(faults: &[String]) {
    eprintln!("error: the configuration cannot be used");
    for fault in faults {
        eprintln!("  {fault}");
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
        #[arg(long, hide_env_values = true, value_parser = streams::duration)]
        secret: std::time::Duration,
        #[arg(long, default_value = "1")]
        cores: std::num::NonZeroUsize,
    }

    fn faults_of(arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let error = Cli::try_parse_from(&arguments).unwrap_err();
        faults(&<Cli as clap::CommandFactory>::command(), &arguments, &error)
    }

    #[test]
    fn every_fault_is_named_with_its_option_variable_and_cause() {
        let faults = faults_of(&["millrace", "serve", "--secret", "hush", "--cores", "0"]);
        let [secret, cores, url] = ["--secret: ", "--cores: `0`: ", "--url (OPTIONS_TEST_URL): "]
            .map(|place| faults.iter().find(|fault| fault.starts_with(place)).cloned());
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(url.is_some_and(|url| url.ends_with("is required")), "{faults:?}");
        assert!(cores.is_some(), "{faults:?}");
        assert!(secret.is_some_and(|secret| !secret.contains("hush")), "{faults:?}");
    }

    #[test]
    fn an_unknown_option_is_left_to_the_usual_message() {
        assert!(faults_of(&["millrace", "serve", "--colour", "red"]).is_empty());
    }
}
