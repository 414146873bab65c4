//! What the brokers permit a user to publish and to subscribe to: pure. Each kind of work needs the subjects that
//! the code of this crate uses for it, and a user gets those of its work.

use std::collections::BTreeSet;
use std::time::Duration;

use orders::EventKind;

use crate::limits::{ADMIN_REPLIES_MAX, ADMIN_REPLY_WITHIN, REPLY_WITHIN};
use crate::rpc::{ADMIN_SERVICE, EDGE_SERVICE, service_name};
use crate::subjects::{
    ADMIN, ADMIN_REQUESTS, ADMIN_SUBJECTS, ADMIN_VIEWS, DEAD_LETTERS, EDGE_STATE, EDGES_BUCKET,
    EDGES_STREAM, INTAKE_KEY, LANE_USED, POOLS_BUCKET, POOLS_STREAM, RETRIES, SERVER_PING_JSZ,
    STREAMS_DIFFER, bucket_stream, fed_subject, inbox_prefix, lag_subject, resolution_subject,
    setting_subject,
};
use crate::{Lane, Pool, Step};

/// Subjects, with wildcards, that a user may publish and subscribe to. It may do nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// What it may publish.
    pub publish: BTreeSet<String>,
    /// What it may not publish all the same: part of a wildcard.
    pub never_publish: BTreeSet<String>,
    /// What it may subscribe to.
    pub subscribe: BTreeSet<String>,
    /// How it may reply to a request that it has received, wherever the reply goes; `None` if it may not.
    pub replies: Option<Replies>,
}

/// How a user may reply to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replies {
    /// In how many messages.
    pub max: u32,
    /// Within which time after the request has come.
    pub within: Duration,
}

/// A reply to each request.
const ONE_REPLY: Replies = Replies { max: 1, within: REPLY_WITHIN };

impl Permissions {
    /// A connection of `role` that does nothing: it has an inbox, which no other role can read, and into which it
    /// also publishes to see that its broker works.
    pub fn of_connection(role: &str) -> Self {
        let inbox = format!("{}.>", inbox_prefix(role));
        Self::default().publishing([inbox.clone()]).subscribing([inbox])
    }

    /// Sees which streams and consumers there are, with their settings and states.
    #[must_use]
    pub fn sees_streams(self) -> Self {
        self.publishing([api("STREAM.NAMES"), api("STREAM.INFO.*"), api("CONSUMER.INFO.*.*")])
    }

    /// Lists streams and consumers, as `nats` does.
    #[must_use]
    pub fn lists_streams(self) -> Self {
        let lists = ["INFO", "STREAM.LIST", "CONSUMER.NAMES.*", "CONSUMER.LIST.*"].map(api);
        self.sees_streams().publishing(lists)
    }

    /// Asks how each broker syncs its writes.
    #[must_use]
    pub fn sees_brokers(self) -> Self {
        self.publishing([SERVER_PING_JSZ.to_owned()])
    }

    /// Asks all workers for their states.
    #[must_use]
    pub fn sees_workers(self) -> Self {
        self.publishing(["$SRV.STATS".to_owned()])
    }

    /// Puts events of these kinds into any lane.
    #[must_use]
    pub fn publishes_events(self, kinds: &[EventKind]) -> Self {
        let in_lanes = kinds.iter().map(|kind| format!("orders.*.{kind}"));
        let in_legacy = kinds.iter().map(|kind| Lane::LEGACY.event_subject(*kind));
        self.publishing(in_lanes.chain(in_legacy).chain([LANE_USED.to_owned()]))
    }

    /// Sees events of these kinds while they are published.
    #[must_use]
    pub fn follows_events(self, kinds: &[EventKind]) -> Self {
        self.subscribing(kinds.iter().map(|kind| fed_subject(*kind)))
    }

    /// Learns into which lanes others put events.
    #[must_use]
    pub fn follows_lanes(self) -> Self {
        self.subscribing([LANE_USED.to_owned()])
    }

    /// Publishes notices, outside every stream.
    #[must_use]
    pub fn notifies(self, subjects: &[&str]) -> Self {
        self.publishing(subjects.iter().map(ToString::to_string))
    }

    /// Runs a step: fetches from its consumers, and schedules what failed, or makes it a dead letter.
    #[must_use]
    pub fn runs(self, step: &Step) -> Self {
        let (events, retries) = (step.events().durable, step.retries().durable);
        self.publishing([
            api(&format!("CONSUMER.MSG.NEXT.*.{events}")),
            format!("$JS.ACK.*.{events}.>"),
            api(&format!("CONSUMER.MSG.NEXT.{RETRIES}.{retries}")),
            format!("$JS.ACK.{RETRIES}.{retries}.>"),
            format!("schedule.{}.*.*", step.retry_subject()),
            step.dead_subject(),
        ])
    }

    /// Answers requests on these subjects, as a worker of `pool`.
    #[must_use]
    pub fn serves(self, pool: Pool, subjects: &[&str]) -> Self {
        let name = service_name(pool);
        // Which other workers there are.
        let own = self.publishing([format!("$SRV.PING.{name}")]);
        own.answers_as(&name, subjects, ONE_REPLY)
    }

    /// Answers the requests of operators, and records what it changes.
    #[must_use]
    pub fn serves_repairs(self) -> Self {
        let replies = Replies { max: ADMIN_REPLIES_MAX, within: ADMIN_REPLY_WITHIN };
        let records = ADMIN_SUBJECTS.map(str::to_owned);
        let own = self.publishing(records).publishing([api(&format!("STREAM.CREATE.{ADMIN}"))]);
        own.answers_as(ADMIN_SERVICE, &ADMIN_REQUESTS, replies)
    }

    /// Asks for any repair.
    #[must_use]
    pub fn asks_for_repairs(self) -> Self {
        self.asks(&ADMIN_REQUESTS)
    }

    /// Asks for what needs repair, and changes nothing.
    #[must_use]
    pub fn asks_what_to_repair(self) -> Self {
        self.asks(&ADMIN_VIEWS)
    }

    /// Reads the records of repairs, each by its number.
    #[must_use]
    pub fn reads_records(self) -> Self {
        let subject = api(&format!("DIRECT.GET.{ADMIN}"));
        let by_number = api(&format!("STREAM.MSG.GET.{ADMIN}"));
        self.sees_streams().publishing([format!("{subject}.>"), subject, by_number])
    }

    /// Changes the stream of these records, such as its size.
    #[must_use]
    pub fn keeps_records(self) -> Self {
        let requests = ["STREAM.CREATE", "STREAM.UPDATE"];
        self.publishing(requests.map(|request| api(&format!("{request}.{ADMIN}"))))
    }

    /// Registers as a service of this name, and answers requests on `subjects`.
    fn answers_as(mut self, name: &str, subjects: &[&str], replies: Replies) -> Self {
        let about_itself = ["PING", "INFO", "STATS"].into_iter().flat_map(|verb| {
            let one = format!("$SRV.{verb}.{name}");
            [format!("$SRV.{verb}"), format!("{one}.*"), one]
        });
        self.replies = Some(replies);
        self.subscribing(about_itself.chain(subjects.iter().map(ToString::to_string)))
    }

    /// Is found as an edge by those who ask which services there are.
    #[must_use]
    pub fn answers_as_edge(self) -> Self {
        self.answers_as(EDGE_SERVICE, &[EDGE_STATE], ONE_REPLY)
    }

    /// Reads the settings in a bucket, also those before.
    #[must_use]
    pub fn reads_settings(self, bucket: &str) -> Self {
        let subject = api(&format!("DIRECT.GET.{}", bucket_stream(bucket)));
        self.publishing([format!("{subject}.>"), subject])
    }

    /// Reads all settings as `nats kv` does, which follows their history through consumers of its own.
    #[must_use]
    pub fn watches_settings(self) -> Self {
        let streams = [POOLS_STREAM, EDGES_STREAM];
        let consumers = ["CREATE", "DELETE"].into_iter().flat_map(|request| {
            streams.map(|stream| api(&format!("CONSUMER.{request}.{stream}.>")))
        });
        let flow_control = streams.map(|stream| format!("$JS.FC.{stream}.>"));
        let read = self.sees_streams().reads_settings(POOLS_BUCKET).reads_settings(EDGES_BUCKET);
        read.publishing(consumers).publishing(flow_control)
    }

    /// Writes the settings of these pools and of the edges, and no other key of their buckets.
    #[must_use]
    pub fn writes_settings(self, pools: &[Pool]) -> Self {
        let keys = pools.iter().map(|pool| setting_subject(POOLS_BUCKET, pool.as_str()));
        let intake = setting_subject(EDGES_BUCKET, INTAKE_KEY);
        self.watches_settings().publishing(keys.chain([intake]))
    }

    /// Answers for the backlogs of `pools`.
    #[must_use]
    pub fn reports_lag(self, pools: &[Pool]) -> Self {
        let workers = pools.iter().map(|pool| format!("$SRV.STATS.{}", service_name(*pool)));
        let subjects = pools.iter().map(|pool| lag_subject(pool.as_str()));
        self.publishing(workers).subscribing(subjects)
    }

    /// Asks for the backlog of any pool, and for the state of each edge.
    #[must_use]
    pub fn asks_for_reports(self) -> Self {
        self.publishing([lag_subject("*"), EDGE_STATE.to_owned()])
    }

    /// Sends requests on these subjects to workers.
    #[must_use]
    pub fn asks(self, subjects: &[&str]) -> Self {
        self.publishing(subjects.iter().map(ToString::to_string))
    }

    /// Creates the streams and the consumers of `steps`, and corrects what differs.
    #[must_use]
    pub fn keeps_topology(self, steps: &[Step]) -> Self {
        let streams =
            lanes().chain([RETRIES, DEAD_LETTERS, POOLS_STREAM, EDGES_STREAM]).flat_map(|stream| {
                let requests = ["STREAM.CREATE", "STREAM.UPDATE"];
                requests.map(|request| api(&format!("{request}.{stream}")))
            });
        let durables = steps.iter().flat_map(|step| {
            let (events, retries) = (step.events().durable, step.retries().durable);
            let of = [format!("*.{events}"), format!("{RETRIES}.{retries}")];
            of.into_iter().flat_map(|durable| created_and_deleted(&durable))
        });
        let own = self.sees_streams().subscribing([STREAMS_DIFFER.to_owned()]);
        own.publishing(streams.chain(durables))
    }

    /// Moves the leaders of the lanes, and those of the consumers of `steps` with them.
    #[must_use]
    pub fn moves_leaders(self, steps: &[Step]) -> Self {
        let lanes = lanes().map(|lane| api(&format!("STREAM.LEADER.STEPDOWN.{lane}")));
        let events = steps.iter().map(|step| step.events().durable);
        let durables = events.map(|events| api(&format!("CONSUMER.LEADER.STEPDOWN.*.{events}")));
        self.publishing(lanes.chain(durables))
    }

    /// Removes from the lanes and from the dead letters what is not needed any more.
    #[must_use]
    pub fn purges(self) -> Self {
        let purged = lanes().map(|lane| api(&format!("STREAM.PURGE.{lane}")));
        let deleted = api(&format!("STREAM.MSG.DELETE.{DEAD_LETTERS}"));
        self.publishing(purged.chain([deleted]))
    }

    /// Removes lanes.
    #[must_use]
    pub fn removes_lanes(self) -> Self {
        self.publishing(lanes().map(|lane| api(&format!("STREAM.DELETE.{lane}"))))
    }

    /// Reads single messages of the lanes.
    #[must_use]
    pub fn gets_messages(self) -> Self {
        self.publishing(lanes().map(|lane| api(&format!("DIRECT.GET.{lane}"))))
    }

    /// Reads the lanes and the dead letters through consumers of its own, and takes nothing from those of `steps`
    /// unless it already may: call it last.
    #[must_use]
    pub fn reads_streams(self, steps: &[Step]) -> Self {
        let read = lanes().chain([DEAD_LETTERS]).flat_map(|stream| {
            let requests = ["CONSUMER.MSG.NEXT", "CONSUMER.CREATE", "CONSUMER.DELETE"];
            let own = requests.map(|request| api(&format!("{request}.{stream}.*")));
            own.into_iter().chain([api(&format!("STREAM.MSG.GET.{stream}"))])
        });
        let durables = steps.iter().flat_map(|step| {
            let durable = format!("*.{}", step.events().durable);
            let kept = created_and_deleted(&durable);
            kept.into_iter().chain([api(&format!("CONSUMER.MSG.NEXT.{durable}"))])
        });
        let not_ours = durables.filter(|subject| !self.publish.contains(subject)).collect();
        Self { never_publish: not_ours, ..self.gets_messages().publishing(read) }
    }

    /// Sends a record of any of `steps` to it again, and says of a dead letter how it was resolved.
    #[must_use]
    pub fn resolves_dead_letters(self, steps: &[Step]) -> Self {
        let replayed = steps.iter().map(Step::retry_subject);
        self.publishing(replayed.chain([resolution_subject("*")]))
    }

    /// Reads the dead letters, and replaces those of `step` by what is left of them.
    #[must_use]
    pub fn erases_dead_letters(self, step: &Step) -> Self {
        let requests = ["CONSUMER.MSG.NEXT", "CONSUMER.CREATE", "CONSUMER.DELETE"]
            .map(|request| api(&format!("{request}.{DEAD_LETTERS}.*")));
        let replaced = [step.dead_subject(), resolution_subject(step.pool.as_str())];
        let deleted = api(&format!("STREAM.MSG.DELETE.{DEAD_LETTERS}"));
        self.sees_streams().publishing(requests).publishing(replaced).publishing([deleted])
    }

    /// Saves streams and restores them, as `nats` does.
    #[must_use]
    pub fn backs_up(self) -> Self {
        let requests = ["STREAM.SNAPSHOT.*", "STREAM.RESTORE.*"].map(api);
        let chunks = ["$JS.SNAPSHOT.ACK.>", "$JS.SNAPSHOT.RESTORE.>"].map(str::to_owned);
        self.lists_streams().publishing(requests).publishing(chunks)
    }

    /// Pauses consumers, moves leaders, and looks at services and brokers, as `nats` does.
    #[must_use]
    pub fn operates(self) -> Self {
        let requests =
            ["CONSUMER.PAUSE.*.*", "STREAM.LEADER.STEPDOWN.*", "CONSUMER.LEADER.STEPDOWN.*.*"];
        let others = ["$SRV.>", "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO"].map(str::to_owned);
        self.lists_streams().sees_brokers().publishing(requests.map(api)).publishing(others)
    }

    fn publishing(mut self, subjects: impl IntoIterator<Item = String>) -> Self {
        self.publish.extend(subjects);
        self
    }

    fn subscribing(mut self, subjects: impl IntoIterator<Item = String>) -> Self {
        self.subscribe.extend(subjects);
        self
    }
}

/// A request to the JetStream API.
fn api(request: &str) -> String {
    format!("$JS.API.{request}")
}

/// The streams of all lanes that a cluster may have.
fn lanes() -> impl Iterator<Item = &'static str> {
    Lane::all_possible().map(Lane::stream)
}

/// The requests that create, correct and delete a durable consumer; the first one has its filter at the end, if it
/// has one alone.
fn created_and_deleted(durable: &str) -> [String; 3] {
    ["CREATE.@.>", "CREATE.@", "DELETE.@"]
        .map(|request| api(&format!("CONSUMER.{}", request.replace('@', durable))))
}

#[cfg(test)]
mod tests;
