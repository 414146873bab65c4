//! Every edge and every worker is asked to end by SIGTERM, one after the other, and started again,
//! while buyers keep coming: none of them is told anything but 202, and no message is delivered a
//! second time, so that no redelivery can count as a try.

use lab::up::RoleProcess;
use serde_json::Value;
use streams::{Pool, Profile, Step, names, position, present, stream_state};
use tokio::time::timeout;

use super::fixtures::{basket, item, paid_with};
use super::steady_clients::Regulars;
use super::test_cluster::{DEADLINE, Shop, plan, until};

/// Of each pool: one takes over while the other is away.
const WORKERS: usize = 2;
/// Small batches make many messages, so that something is in hand wherever it is interrupted.
const SMALL_BATCH: usize = 2;
/// Several times, since a request that is cut must be there at the very moment.
const EDGE_RESTARTS: usize = 6;
/// Orders between two restarts.
const SERVED_BETWEEN: u64 = 40;
/// What the broker tells of each message that a worker of inventory gives back.
const GIVEN_BACK: &str = "$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.ORDERS.inventory";

#[tokio::test]
async fn no_request_fails_and_no_message_is_delivered_twice() {
    let mut plan = plan(Profile::Single);
    // As in production: what a busy machine keeps waiting is not delivered again.
    plan.ack_wait = None;
    plan.workers = Pool::ALL.map(|pool| (pool, WORKERS)).to_vec();
    plan.max_batch = SMALL_BATCH;
    // A call that is late on a busy machine is tried again, and no restart is to blame.
    plan.envs.push(("MILLRACE_PROVIDER_TIMEOUT".to_owned(), "30s".to_owned()));
    let mut shop = Shop::open(plan).await;
    shop.sell(&[item("MANY", 1_000_000)]).await;
    shop.until_all_workers_are_there().await;

    // A declined card makes work for the steps that undo.
    let regulars = Regulars::come(&shop.edges(), |number| match number % 4 {
        0 => paid_with(basket(&[("MANY", 1)]), "tok_chargeDeclined"),
        _ => basket(&[("MANY", 1)]),
    });
    for edge in (0..shop.cluster.edges.len()).cycle().take(EDGE_RESTARTS) {
        regulars.until_served(SERVED_BETWEEN).await;
        regulars.until_sent_to(edge).await;
        restart(&mut shop.cluster.edges[edge]).await;
    }
    for worker in 0..shop.cluster.workers.len() {
        regulars.until_served(SERVED_BETWEEN).await;
        restart(&mut shop.cluster.workers[worker].1).await;
        shop.until_all_workers_are_there().await;
    }
    regulars.until_served(SERVED_BETWEEN).await;
    let visits = regulars.leave().await;

    assert_eq!(visits.failures, Vec::<String>::new());
    assert!(visits.moved >= EDGE_RESTARTS, "nobody was there while an edge drained");
    shop.books_close(&visits.placed).await;
    assert_eq!(shop.delivered_again().await, []);
    for stream in [names::RETRIES, names::DEAD_LETTERS] {
        let state = stream_state(&shop.books.connection, stream).await.unwrap();
        assert_eq!(state.last_sequence, 0, "{stream} had something");
    }
    shop.cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_worker_whose_database_hangs_gives_back_what_it_has_and_ends() {
    let mut shop = Shop::open(plan(Profile::Single)).await;
    shop.sell(&[item("MANY", 1_000)]).await;
    let before = shop.place("before", &basket(&[("MANY", 1)])).await;
    shop.until_final(&[before]).await;
    shop.cluster.servers.postgres.pause().unwrap();
    let waiting = shop.place("waiting", &basket(&[("MANY", 1)])).await;
    let reserve = Step::Reserve.events();
    until("a worker has it", async || {
        position(&shop.books.connection, &reserve).await.unwrap().messages_held > 0
    })
    .await;
    let mut given_back = shop.books.connection.listen(GIVEN_BACK).await.unwrap();
    let (_, inventory) = &mut shop.cluster.workers[0];
    let ended = inventory.stop().await.unwrap().unwrap();
    shop.cluster.servers.postgres.resume().unwrap();
    assert!(ended.success(), "{ended}");
    // Nobody waits until the broker takes the worker for dead.
    assert!(timeout(DEADLINE, given_back.next()).await.unwrap().is_some());
    shop.cluster.workers[0].1.start().await.unwrap();
    shop.close(&[before, waiting]).await;
}

async fn restart(member: &mut RoleProcess) {
    let ended = member.stop().await.unwrap().unwrap();
    assert!(ended.success(), "{}: {ended}", member.name());
    member.start().await.unwrap();
}

impl Shop {
    async fn until_all_workers_are_there(&self) {
        until("all workers are there", async || {
            let present = present(&self.books.connection).await.unwrap();
            present.workers.values().all(|count| *count == WORKERS as u64)
        })
        .await;
    }

    /// The steps to which messages were delivered more than once, with how often, when nothing
    /// waits any more.
    async fn delivered_again(&self) -> Vec<(Step, i64)> {
        let messages = self.messages(names::ORDERS).await;
        let url = format!("{}/jsz?consumers=true", self.cluster.servers.brokers.monitor_urls()[0]);
        let told = self.http.get(&url).await.body;
        let streams = told["account_details"][0]["stream_detail"].as_array().unwrap();
        let durables = streams.iter().filter_map(|stream| stream["consumer_detail"].as_array());
        let durables: Vec<&Value> = durables.flatten().collect();
        let again = Step::ALL.iter().filter_map(|step| {
            let source = step.events();
            let its = messages.iter().filter(|message| source.subjects.contains(&message.subject));
            let durable =
                durables.iter().find(|durable| durable["name"] == source.durable).unwrap();
            let deliveries = durable["delivered"]["consumer_seq"].as_i64().unwrap();
            let again = deliveries - its.count() as i64;
            (again != 0).then_some((*step, again))
        });
        again.collect()
    }
}
