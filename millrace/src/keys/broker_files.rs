//! The text of the files that the brokers' configuration includes: users with their permissions, how connections are
//! encrypted, and the password by which brokers know each other.

use std::collections::BTreeSet;
use std::fmt::Write;

use streams::{Permissions, Replies};

use super::Role;

const HEAD: &str =
    "# Written by `millrace keys` from the table of stages, and written anew by each update.\n";

/// How the brokers encrypt the connections of clients. A broker runs in the folder of its configuration.
pub(super) const CLIENTS_TLS: &str = "\
# Written by `millrace keys`. Clients prove who they are by their nkeys, not by certificates.
tls {
  cert_file: \"../keys/brokers/server.pem\"
  key_file: \"../keys/brokers/server.pem\"
  # Seconds for a handshake: a machine that is short of CPU time takes more than the default, 2.
  timeout: 5
}
";

/// How brokers encrypt their connections with each other, for which each shows its certificate.
pub(super) const ROUTES_TLS: &str = "\
# Written by `millrace keys`.
tls {
  cert_file: \"../keys/brokers/server.pem\"
  key_file: \"../keys/brokers/server.pem\"
  ca_file: \"../keys/brokers/ca.crt\"
  verify: true
  timeout: 5
}
";

/// The users of one account: each role with the keys that are valid for it.
pub(super) fn users(roles: &[(Role, Vec<String>)]) -> String {
    let mut text = format!("{HEAD}users: [\n");
    for (role, keys) in roles {
        let permissions = role.permissions().map_or_else(String::new, |it| permissions(&it));
        for key in keys {
            writeln!(text, "  # {}\n  {{nkey: \"{key}\"{permissions}}}", role.name())
                .expect("a string takes any text");
        }
    }
    text + "]\n"
}

fn permissions(permissions: &Permissions) -> String {
    let Permissions { publish, never_publish, subscribe, replies } = permissions;
    let deny = if never_publish.is_empty() {
        String::new()
    } else {
        format!(", deny: {}", list(never_publish))
    };
    let reply = replies.map_or_else(String::new, |Replies { max, within }| {
        let within = humantime::format_duration(within);
        format!("\n    allow_responses: {{max: {max}, expires: \"{within}\"}}")
    });
    format!(
        ", permissions: {{\n    publish: {{allow: {}{deny}}}\n    subscribe: {{allow: {}}}{reply}\n  }}",
        list(publish),
        list(subscribe),
    )
}

fn list(subjects: &BTreeSet<String>) -> String {
    let lines: Vec<_> = subjects.iter().map(|subject| format!("      \"{subject}\"")).collect();
    format!("[\n{}\n    ]", lines.join("\n"))
}

/// How a broker knows the others, whose addresses are `routes`, and they know it.
pub(super) fn cluster(password: &str, routes: &[String]) -> String {
    let routes: Vec<_> =
        routes.iter().map(|route| format!("\"nats-route://broker:{password}@{route}\"")).collect();
    format!(
        "{HEAD}authorization {{user: broker, password: \"{password}\", timeout: 5}}\nroutes: [{}]\n",
        routes.join(", ")
    )
}

/// The hosts of the routes in such a text.
pub(super) fn route_hosts(cluster: &str) -> Vec<String> {
    let routes = cluster.split("nats-route://").skip(1);
    let addresses = routes.filter_map(|route| route.split('"').next()?.split_once('@'));
    let hosts = addresses.map(|(_, address)| {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        host.trim_matches(['[', ']']).to_owned()
    });
    hosts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_of_a_role_has_its_permissions_and_an_account_without_limits_has_none() {
        let keys = |keys: &[&str]| keys.iter().map(ToString::to_string).collect();
        let text = users(&[(Role::Edge, keys(&["UA", "UB"]))]);
        assert_eq!(text.matches("nkey: ").count(), 2);
        assert_eq!(text.matches("\"orders.*.created\"").count(), 2);
        assert!(text.contains("allow_responses: {max: 1, expires: \"1m\"}"), "{text}");
        let text = users(&[(Role::Repairs, keys(&["UD"]))]);
        assert!(text.contains("allow_responses: {max: 1000, expires: \"20m\"}"), "{text}");
        assert!(!users(&[(Role::Viewer, keys(&["UE"]))]).contains("allow_responses"));
        let routes = ["b1:6222".to_owned(), "[::1]:6222".to_owned()];
        assert_eq!(route_hosts(&cluster("secret", &routes)), ["b1", "::1"]);
        let text = users(&[(Role::System, keys(&["UC"]))]);
        assert!(text.contains("{nkey: \"UC\"}"), "{text}");
    }
}
