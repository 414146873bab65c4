//! What the brokers permit each role: a sample of its own work, and of everything else.

use std::collections::BTreeSet;
use std::fs;

use millrace::keys::Role;
use millrace::status::Status;
use orders::EventKind;
use streams::{
    BrokerAccess, Connection, Lane, LanesReplay, Profile, Publisher, PurgePlan, Retention,
    Topology, batch, dead_letter, lanes, plan_purge, purge, set_lane_count,
};
use workers::{inventory, stages};

use crate::program::{COMMAND_LIMIT, output_within, program};
use crate::raw_nats::RawNats;
use crate::test_servers::TestServers;

/// What may be published, and the roles that may: `pools` for each of them. The body is not valid, so that a
/// request that is permitted changes nothing.
const PUBLISHED: [(&str, &[&str]); 51] = [
    // Events, and what comes of them.
    ("orders.1.created", &["edge", "admin"]),
    ("orders.1.cancel_requested", &["edge", "inventory", "payment", "admin", "repairs"]),
    ("orders.1.reserved", &["inventory", "admin"]),
    ("orders.1.paid", &["payment", "admin"]),
    ("orders.1.fulfilled", &["fulfilment", "admin"]),
    ("orders.1.eaten", &[]),
    ("schedule.retry.charge.1.2", &["payment"]),
    ("retry.charge", &["admin", "repairs"]),
    ("dead.payment", &["payment"]),
    ("dead.inventory", &["inventory", "eraser"]),
    ("handled.payment", &["admin", "repairs"]),
    ("handled.inventory", &["admin", "repairs", "eraser"]),
    ("$JS.API.STREAM.MSG.DELETE.DEAD_LETTERS", &["inventory", "eraser"]),
    (
        "$JS.API.CONSUMER.CREATE.ORDERS_1.mine",
        &["inventory", "admin", "repairs", "auditor", "viewer"],
    ),
    // The consumers of a pool.
    ("$JS.API.CONSUMER.MSG.NEXT.ORDERS_1.payment", &["payment"]),
    ("$JS.API.CONSUMER.MSG.NEXT.RETRIES.retry-charge", &["payment"]),
    ("$JS.ACK.ORDERS_1.payment.1.1.1.1.0", &["payment"]),
    ("$JS.API.CONSUMER.CREATE.ORDERS_1.payment", &["pools", "admin"]),
    ("$JS.API.CONSUMER.CREATE.ORDERS_1", &[]),
    ("$JS.API.CONSUMER.PAUSE.ORDERS_1.payment", &["operator"]),
    // The streams.
    ("$JS.API.STREAM.UPDATE.ORDERS_1", &["pools", "admin"]),
    ("$JS.API.STREAM.PURGE.ORDERS_1", &["inventory"]),
    ("$JS.API.STREAM.DELETE.ORDERS_1", &["admin"]),
    ("$JS.API.STREAM.SNAPSHOT.ORDERS_1", &["admin"]),
    ("$JS.API.STREAM.RESTORE.ORDERS_1", &["admin"]),
    // The settings of pools.
    ("$KV.POOLS.payment", &["operator", "admin"]),
    ("$KV.POOLS.paymnet", &[]),
    (
        "$JS.API.DIRECT.GET.KV_POOLS.$KV.POOLS.payment",
        &["pools", "operator", "admin", "viewer", "auditor"],
    ),
    ("$JS.API.STREAM.UPDATE.KV_POOLS", &["pools", "admin"]),
    ("$JS.API.STREAM.DELETE.KV_POOLS", &[]),
    // The settings of the edges.
    ("$KV.EDGES.intake", &["operator", "admin"]),
    ("$KV.EDGES.other", &[]),
    (
        "$JS.API.DIRECT.GET.KV_EDGES.$KV.EDGES.intake",
        &["edge", "operator", "admin", "viewer", "auditor"],
    ),
    ("$JS.API.STREAM.UPDATE.KV_EDGES", &["pools", "admin"]),
    ("$JS.API.STREAM.DELETE.KV_EDGES", &[]),
    // Repairs, and the records of them.
    ("millrace.admin.dead.list", &["operator", "viewer"]),
    ("millrace.admin.order", &["operator", "viewer"]),
    ("millrace.admin.dead.replay", &["operator"]),
    ("millrace.admin.cancel", &["operator"]),
    ("millrace.admin.audit", &["operator"]),
    ("admin.replay", &["repairs"]),
    ("$JS.API.DIRECT.GET.ADMIN", &["operator", "viewer", "auditor", "admin"]),
    ("$JS.API.STREAM.UPDATE.ADMIN", &["admin"]),
    ("$JS.API.STREAM.PURGE.ADMIN", &[]),
    ("$JS.API.STREAM.DELETE.ADMIN", &[]),
    // Requests to workers, and others' replies.
    ("status.get", &["edge"]),
    ("listing.get", &["edge"]),
    ("pool.payment.lag", &["operator", "admin", "viewer", "auditor", "exporter"]),
    ("edge.state", &["operator", "admin", "viewer", "auditor", "exporter"]),
    ("_INBOX_edge.reply", &["edge"]),
    ("_INBOX.reply", &[]),
];

/// The same for subscriptions.
const SUBSCRIBED: [(&str, &[&str]); 17] = [
    ("_INBOX_edge.>", &["edge"]),
    ("_INBOX.>", &[]),
    (">", &[]),
    ("orders.>", &[]),
    // Events that change a status, and neither orders nor payments as they are sent.
    ("orders.*.paid", &["edge"]),
    ("orders.*.cancelled", &["edge"]),
    ("orders.*.created", &[]),
    ("orders.*.payment_submitted", &[]),
    ("orders.*.*", &[]),
    ("$JS.API.>", &[]),
    ("status.get", &["pools"]),
    ("listing.get", &["inventory"]),
    ("pool.payment.lag", &["inventory"]),
    ("edge.state", &["edge"]),
    ("$SRV.INFO.millrace-edge", &["edge"]),
    ("millrace.admin.cancel", &["repairs"]),
    ("lanes.used", &["edge", "pools"]),
];

fn may(role: Role, permitted: &[&str]) -> bool {
    let is_pool = matches!(role, Role::Worker(_));
    permitted.contains(&role.name()) || is_pool && permitted.contains(&"pools")
}

#[tokio::test]
async fn each_role_may_do_its_work_and_nothing_else() {
    let servers = TestServers::start_with_streams().await;
    let brokers = &servers.processes.brokers;
    for role in Role::all().into_iter().filter(|role| *role != Role::System) {
        let mut client = RawNats::connect_as(&brokers.access(role)).await.unwrap();
        for (subject, permitted) in PUBLISHED {
            let refused = client.errors(&format!("PUB {subject} 1\r\nx\r\n")).await;
            let is_permitted = refused.is_empty();
            assert_eq!(is_permitted, may(role, permitted), "{role:?} {subject}: {refused:?}");
        }
        for (subject, permitted) in SUBSCRIBED {
            let refused = client.errors(&format!("SUB {subject} 7\r\nUNSUB 7\r\n")).await;
            let is_permitted = refused.is_empty();
            assert_eq!(is_permitted, may(role, permitted), "{role:?} {subject}: {refused:?}");
        }
    }
}

/// What a short test of a cluster does not come to, or does as the lab.
#[tokio::test]
async fn the_janitor_and_the_commands_do_their_work_with_their_own_keys() {
    let servers = TestServers::start_with_streams().await;
    let brokers = &servers.processes.brokers;
    let connect = async |role| Connection::open(&brokers.access(role), "test").await.unwrap();
    let publisher = Publisher::new(connect(Role::Edge).await);
    for number in 0..2 {
        let line = format!("{{\"number\":{number}}}\n");
        let message = batch::message(EventKind::Created, line.into_bytes(), 1);
        publisher.publish(&message, COMMAND_LIMIT).await.unwrap();
    }

    let inventory = connect(Role::Worker(inventory::POOL)).await;
    let steps = stages::steps();
    plan_purge(&inventory, Lane::FIRST, Retention::default(), &steps).await.unwrap();
    let plan = PurgePlan { lane: Lane::FIRST, keep_from: Some(2), missed: Vec::new() };
    assert_eq!(purge(&inventory, &plan).await.unwrap(), 1);
    assert_eq!(dead_letter::release_resolved(&inventory).await.unwrap(), 0);

    for role in [Role::Viewer, Role::Auditor] {
        let connection = connect(role).await;
        let status = Status::query(&connection, Profile::Single).await.unwrap();
        assert!(status.unread.is_empty() && status.differences.is_empty(), "{status}");
        assert_eq!(status.broker_syncs.len(), 1, "{status}");
        let mut replay = LanesReplay::from_start(&connection).await.unwrap();
        assert_eq!(replay.next().await.unwrap().origin.sequence, 2);
        assert_eq!(dead_letter::read(&connection).await.unwrap(), []);
    }

    let admin = connect(Role::Admin).await;
    let topology = Topology::new(Profile::Single);
    set_lane_count(&admin, &topology, &steps, 2).await.unwrap();
    assert_eq!(lanes(&admin).await.unwrap().len(), 2);
    let removed = set_lane_count(&admin, &topology, &steps, 1).await.unwrap();
    assert_eq!(removed.len(), 1);
}

#[tokio::test]
async fn each_pool_of_the_table_of_stages_has_a_key() {
    let servers = TestServers::start(Profile::Single).await;
    for pool in stages::pools() {
        let access = servers.processes.brokers.access(Role::Worker(pool));
        RawNats::connect_as(&access).await.unwrap();
    }
    // The system account sees the brokers, and none of the streams.
    let system = servers.processes.brokers.access(Role::System);
    let mut system = RawNats::connect_as(&system).await.unwrap();
    assert_eq!(system.errors("SUB $SYS.> 7\r\n").await, [""; 0]);
}

#[tokio::test]
async fn a_stranger_gets_nothing_at_the_ports_for_clients_and_for_brokers() {
    let servers = TestServers::start(Profile::Durable).await;
    let brokers = &servers.processes.brokers;
    let without_key = BrokerAccess { key_file: None, ..brokers.access(Role::Lab) };
    let foreign = TestServers::start(Profile::Single).await;
    let foreign = foreign.processes.brokers.access(Role::Lab).key_file;
    let with_foreign_key = BrokerAccess { key_file: foreign, ..brokers.access(Role::Lab) };
    for access in [without_key, with_foreign_key] {
        let refused = RawNats::refusal(&access).await;
        assert_eq!(refused, "-ERR 'Authorization Violation'", "{access:?}");
    }
    let in_clear_text = BrokerAccess { ca_file: None, ..brokers.access(Role::Lab) };
    assert_eq!(RawNats::refusal(&in_clear_text).await, "", "the broker closes the connection");

    let cluster = fs::read_to_string(brokers.keys().path().join("brokers/cluster.conf")).unwrap();
    let ports: BTreeSet<&str> =
        cluster.split("@127.0.0.1:").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(ports.len(), 3, "the routes of three brokers");
    for port in ports {
        for credentials in ["", ",\"user\":\"broker\",\"pass\":\"guessed\""] {
            let connect = format!(
                "{{\"verbose\":false,\"name\":\"stranger\",\"cluster\":\"millrace\"{credentials}}}"
            );
            let address = format!("127.0.0.1:{port}");
            // A broker shows its certificate, so neither gets as far as a password.
            for ca_file in [None, brokers.access(Role::Lab).ca_file] {
                let refused = RawNats::route_error(&address, &connect, ca_file.as_deref()).await;
                assert_eq!(refused, "", "{ca_file:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_process_without_its_key_ends_at_once_and_says_what_it_needs() {
    let servers = TestServers::start_with_streams().await;
    let brokers = &servers.processes.brokers;
    for arguments in [&["status"][..], &["edge", "--listen", "127.0.0.1:0"]] {
        let mut command = program(arguments);
        command
            .env("NATS_URL", brokers.url())
            .env("NATS_CA_FILE", brokers.access(Role::Edge).ca_file.unwrap())
            .env("REDIS_URL", servers.processes.redis.url())
            .env("MILLRACE_SECRETS", "the secret of the tests")
            .env("MILLRACE_IDENTITY", "none");
        let output = output_within(COMMAND_LIMIT, command).await;
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!output.status.success(), "{text}");
        assert!(text.contains("refuse this process"), "{text}");
        assert!(text.contains("NATS_KEY_FILE"), "{text}");
    }
}
