//! The binary as it is shipped: its commands, and its errors for an invalid configuration.

use std::process::{Command, Output};

/// Runs the binary without the environment of this process.
fn millrace(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millrace"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("the binary can be run")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_setting_that_cannot_be_used_is_reported_at_once_and_nothing_starts() {
    let output = millrace(
        &["worker", "payment", "--provider-timeout", "5", "--max-batch", "300"],
        &[("NATS_URL", ""), ("MILLRACE_PROVIDER_URL", "https://user:hush@provider")],
    );
    let errors = printed(&output);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    let settings = [
        "--provider-timeout (MILLRACE_PROVIDER_TIMEOUT): `5`: ",
        "--max-batch (MILLRACE_MAX_BATCH): `300`: ",
        "--nats-url (NATS_URL): ",
        "--database-url (DATABASE_URL): is required",
        "--provider-url (MILLRACE_PROVIDER_URL): ",
        "--provider-key (MILLRACE_PROVIDER_KEY): is required",
    ];
    for setting in settings {
        assert!(errors.contains(setting), "{setting} is missing in: {errors}");
    }
    assert!(!errors.contains("hush"), "{errors}");
}

#[test]
fn a_role_requires_only_the_settings_that_it_needs() {
    for (role, needs) in [
        (&["edge"][..], &["--nats-url", "--redis-url", "--identity", "--secrets"][..]),
        (&["worker", "inventory"], &["--nats-url", "--database-url"]),
        (&["worker", "fulfilment"], &["--nats-url", "--database-url"]),
    ] {
        let errors = printed(&millrace(role, &[]));
        let required = errors.lines().filter(|line| line.ends_with("is required"));
        assert_eq!(required.count(), needs.len(), "{errors}");
        assert!(needs.iter().all(|option| errors.contains(option)), "{errors}");
    }
}

#[test]
fn the_product_has_no_command_of_the_lab() {
    for command in ["demo", "up", "chaos", "bench", "payment-simulator", "load", "reap"] {
        assert!(!millrace(&[command, "--help"], &[]).status.success(), "{command}");
    }
    assert!(millrace(&["audit", "--help"], &[]).status.success());
}
