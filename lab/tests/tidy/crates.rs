//! What each crate of the workspace may depend on, as docs/ARCHITECTURE.md says.

use super::{assert_none, files};

/// The crates of the workspace that each one may use. The lab may use all, and none uses the lab.
const ALLOWED: [(&str, &[&str]); 6] = [
    ("orders", &[]),
    ("streams", &["orders"]),
    ("edge", &["orders", "streams"]),
    ("workers", &["orders", "streams"]),
    ("millrace", &["orders", "streams", "edge", "workers"]),
    ("payment-simulator", &[]),
];
const CRATES: [&str; 7] =
    ["orders", "streams", "edge", "workers", "millrace", "payment-simulator", "lab"];
/// Clients of servers, and the crates that may use each.
const CLIENTS: [(&str, &[&str]); 4] = [
    ("async-nats", &["streams"]),
    ("redis", &["edge"]),
    ("tokio-postgres", &["workers", "lab"]),
    ("deadpool-postgres", &["workers", "lab"]),
];
/// What code that is pure does not contain.
const IMPURE: [&str; 8] =
    ["async ", "::now()", "std::env", "std::fs", "std::io", "std::net", "std::thread", "rand::"];

#[test]
fn each_crate_uses_only_the_crates_that_it_may_use() {
    let mut faults = Vec::new();
    for (name, allowed) in ALLOWED {
        for used in dependencies(name) {
            let is_fault = CRATES.contains(&&*used) && !allowed.contains(&&*used);
            let is_client =
                |(client, users): &(&str, &[&str])| used == *client && !users.contains(&name);
            if is_fault || CLIENTS.iter().any(is_client) {
                faults.push(format!("{name} depends on {used}"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_domain_model_is_pure() {
    let sources = files(".rs").into_iter().filter(|(name, _)| name.starts_with("orders/src/"));
    let faults = sources.flat_map(|(name, text)| {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = code.collect::<Vec<_>>().join("\n");
        let impure = IMPURE.into_iter().filter(move |it| code.contains(it));
        impure.map(move |it| format!("{name}: {it}")).collect::<Vec<_>>()
    });
    assert_none(&faults.collect::<Vec<_>>());
}

#[test]
fn only_a_binary_for_tests_has_failpoints() {
    for (name, manifest) in files("Cargo.toml") {
        let shipped = manifest.split("[dev-dependencies]").next().unwrap();
        let enabled = shipped.lines().any(|line| {
            let is_default = line.starts_with("default") && line.contains("failpoints");
            is_default || line.contains("features") && line.contains("failpoints")
        });
        assert!(!enabled, "{name}");
    }
}

/// What the crate in this folder depends on, but for its tests.
fn dependencies(folder: &str) -> Vec<String> {
    let manifests = files("Cargo.toml");
    let (_, manifest) =
        manifests.iter().find(|(name, _)| *name == format!("{folder}/Cargo.toml")).unwrap();
    let (_, dependencies) = manifest.split_once("[dependencies]\n").unwrap();
    let lines = dependencies.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
}
