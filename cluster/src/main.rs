//! The binary `millrace`: every role and every command.

mod cli;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};
use cluster::{
    audit, bench, chaos, dead, demo, load, reaper, roles, status, stock, synchronous, tail,
    telemetry, up,
};

fn main() -> ExitCode {
    let command = Cli::parse().command();
    let is_role = command.is_role();
    telemetry::start(if is_role { "info" } else { "error" });
    let ended = match command {
        Command::Edge(args) => roles::edge::run(args).map(|()| ExitCode::SUCCESS),
        Command::Worker(args) => roles::worker::run(args).map(|()| ExitCode::SUCCESS),
        Command::Provider(args) => roles::provider::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Demo(args) => demo::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Chaos(args) => chaos::run(&args),
        Command::Status(args) => status::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Tail(args) => tail::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Dead(args) => dead::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Stock(args) => stock::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Up(args) => up::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Bare(args) => roles::bare::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Synchronous(args) => synchronous::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Load => load::run().map(|()| ExitCode::SUCCESS),
        Command::Reap => reaper::reap(io::stdin().lock())
            .map(|()| ExitCode::SUCCESS)
            .map_err(anyhow::Error::from),
    };
    ended.unwrap_or_else(|error| {
        if is_role {
            tracing::error!("{error:#}");
        } else {
            tell(&error);
        }
        ExitCode::FAILURE
    })
}

#[expect(clippy::print_stderr, reason = "why a command failed is for whoever gave it")]
fn tell(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
