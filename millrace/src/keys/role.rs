//! The roles that the brokers know, and what each may do there: pure. It is derived from the table of stages, so
//! that a new pool is not forgotten.

use orders::EventKind;
use streams::{Permissions, Pool, Step, subjects};
use workers::{PoolAccess, stages};

/// A role that the brokers know by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An edge.
    Edge,
    /// A worker of a pool.
    Worker(Pool),
    /// The commands that change something: `migrate`, `lanes`, `dead replay`, `dead discard`, `audit --repair`.
    Admin,
    /// The process `millrace admin`, which serves repairs.
    Repairs,
    /// `erase`, which removes what is known of a customer.
    Eraser,
    /// `audit`.
    Auditor,
    /// The commands that only show something: `status`, `tail`, `dead list`.
    Viewer,
    /// A person with the nats CLI, who looks at everything but messages, pauses consumers, sets pools, and asks for
    /// repairs.
    Operator,
    /// A program that monitors the brokers.
    Exporter,
    /// The system account of the brokers.
    System,
    /// The lab's tools, which may do anything. No product has it.
    Lab,
}

impl Role {
    /// All roles of a cluster.
    pub fn all() -> Vec<Self> {
        let workers = stages::pools().into_iter().map(Self::Worker);
        let persons = [Self::Admin, Self::Auditor, Self::Viewer, Self::Operator];
        let others = persons.into_iter().chain([Self::Eraser, Self::Repairs, Self::Exporter]);
        [Self::Edge].into_iter().chain(workers).chain(others).chain([Self::System]).collect()
    }

    /// The role of this name.
    ///
    /// # Errors
    /// There is no such role; the message names all of them.
    pub fn named(name: &str) -> Result<Self, String> {
        let roles = Self::all();
        let found = roles.iter().find(|role| role.name() == name).copied();
        found.ok_or_else(|| {
            let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
            format!("unknown role `{name}`; expected one of {}", names.join(", "))
        })
    }

    /// Its name: of its folder, and in the subjects on which it gets replies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Worker(pool) => pool.as_str(),
            Self::Admin => "admin",
            Self::Repairs => "repairs",
            Self::Eraser => "eraser",
            Self::Auditor => "auditor",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Exporter => "exporter",
            Self::System => "system",
            Self::Lab => "lab",
        }
    }

    /// The first token of the subjects on which it gets replies.
    pub fn inbox_prefix(self) -> String {
        subjects::inbox_prefix(self.name())
    }

    /// What it may publish and subscribe to; `None` if everything in its account.
    pub fn permissions(self) -> Option<Permissions> {
        let (own, steps) = (Permissions::of_connection(self.name()), stages::steps());
        let permissions = match self {
            Self::Edge => own
                .sees_streams()
                .sees_brokers()
                .gets_messages()
                .publishes_events(edge::PUBLISHED_EVENTS)
                .follows_lanes()
                .follows_events(edge::FOLLOWED_EVENTS)
                .notifies(&[subjects::STREAMS_DIFFER])
                .asks(&[
                    subjects::STATUS_GET,
                    subjects::CONTENTS_GET,
                    subjects::LISTING_GET,
                    subjects::STOCK_GET,
                ])
                .reads_settings(subjects::EDGES_BUCKET)
                .answers_as_edge(),
            Self::Worker(pool) => {
                let access = stages::accesses().into_iter().find(|access| access.pool == pool);
                worker(own, &access?, &steps)
            }
            Self::Admin => own
                .keeps_topology(&steps)
                .removes_lanes()
                .publishes_events(EventKind::ALL)
                .resolves_dead_letters(&steps)
                .sees_workers()
                .sees_brokers()
                .backs_up()
                .writes_settings(&stages::pools())
                .asks_for_reports()
                .keeps_records()
                .reads_records()
                .reads_streams(&steps),
            Self::Repairs => own
                .lists_streams()
                .sees_workers()
                .sees_brokers()
                .publishes_events(&[EventKind::CancelRequested])
                .resolves_dead_letters(&steps)
                .serves_repairs()
                .reads_streams(&steps),
            Self::Eraser => own.erases_dead_letters(&stages::FIRST_STEP),
            Self::Auditor | Self::Viewer => {
                let own = if self == Self::Viewer { own.asks_what_to_repair() } else { own };
                own.lists_streams()
                    .sees_workers()
                    .sees_brokers()
                    .watches_settings()
                    .asks_for_reports()
                    .reads_records()
                    .reads_streams(&steps)
            }
            Self::Operator => own
                .operates()
                .writes_settings(&stages::pools())
                .asks_for_reports()
                .asks_for_repairs()
                .reads_records(),
            Self::Exporter => own.lists_streams().sees_workers().sees_brokers().asks_for_reports(),
            Self::System | Self::Lab => return None,
        };
        Some(permissions)
    }
}

fn worker(own: Permissions, access: &PoolAccess, all_steps: &[Step]) -> Permissions {
    // The consumers of an observer exist only if it was ever started: its own workers keep them.
    let is_kept = |step: &&Step| !step.is_observer() || step.pool == access.pool;
    let kept: Vec<Step> = all_steps.iter().filter(is_kept).copied().collect();
    let permissions = own
        .keeps_topology(&kept)
        // Those of an observer follow their lane as well, whichever worker keeps the leaders.
        .moves_leaders(all_steps)
        .follows_lanes()
        .publishes_events(access.publishes)
        .notifies(access.notices)
        .reads_settings(subjects::POOLS_BUCKET)
        .serves(access.pool, &access.answers);
    let permissions = access.steps.iter().fold(permissions, Permissions::runs);
    if !access.purges {
        return permissions;
    }
    // It may read the lanes, and so counts the orders of every backlog.
    permissions.purges().reports_lag(&stages::pools()).reads_streams(all_steps)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The roles whose permissions have exactly this subject.
    fn publishers(subject: &str) -> Vec<&'static str> {
        let may = |role: &Role| role.permissions().is_some_and(|it| it.publish.contains(subject));
        Role::all().into_iter().filter(may).map(Role::name).collect()
    }

    #[test]
    fn no_two_roles_have_one_name() {
        let roles = Role::all();
        let names: BTreeSet<_> = roles.iter().map(|role| role.name()).collect();
        assert_eq!(names.len(), roles.len());
        assert!(!names.contains(Role::Lab.name()) && !names.contains("brokers"));
    }

    #[test]
    fn each_event_is_published_by_a_role_that_makes_it_and_by_admin() {
        for kind in EventKind::ALL {
            let publishers = publishers(&format!("orders.*.{kind}"));
            assert!(publishers.len() > 1, "{kind}: no role but {publishers:?} publishes it");
        }
        assert_eq!(publishers("orders.*.created"), ["edge", "admin"]);
        assert_eq!(publishers("orders.*.paid"), ["payment", "admin"]);
        assert_eq!(publishers("orders.*.fulfilled"), ["fulfilment", "admin"]);
    }

    #[test]
    fn only_edges_follow_events_and_none_follows_orders_as_they_are_placed() {
        let events = |role: Role| role.permissions().map_or_else(BTreeSet::new, |it| it.subscribe);
        for role in Role::all() {
            let mut subjects = events(role).into_iter().filter(|it| it.starts_with("orders."));
            assert!(role == Role::Edge || subjects.next().is_none(), "{role:?}");
        }
        let edge = events(Role::Edge);
        assert!(edge.contains("orders.*.paid") && !edge.contains("orders.*.payment_submitted"));
        assert!(!edge.contains("orders.*.created") && !edge.contains("orders.*.*"));
    }

    #[test]
    fn each_step_is_fetched_by_its_pool_alone() {
        for step in stages::steps() {
            let pull = format!("$JS.API.CONSUMER.MSG.NEXT.*.{}", step.events().durable);
            assert_eq!(publishers(&pull), [step.pool.as_str()], "{step}");
            let ack = format!("$JS.ACK.*.{}.>", step.events().durable);
            assert_eq!(publishers(&ack), [step.pool.as_str()], "{step}");
        }
    }

    #[test]
    fn only_the_janitor_purges_and_only_an_admin_deletes_a_stream() {
        assert_eq!(publishers("$JS.API.STREAM.PURGE.ORDERS_1"), ["inventory"]);
        assert_eq!(publishers("$JS.API.STREAM.DELETE.ORDERS_1"), ["admin"]);
    }

    #[test]
    fn only_an_operator_and_an_admin_set_a_pool_and_every_pool_reads_what_is_set() {
        for pool in stages::pools() {
            assert_eq!(publishers(&format!("$KV.POOLS.{pool}")), ["admin", "operator"]);
            let role = Role::Worker(pool).permissions().unwrap();
            assert!(role.publish.contains("$JS.API.DIRECT.GET.KV_POOLS.>"), "{pool}");
        }
    }

    #[test]
    fn only_the_process_for_repairs_records_them_and_only_an_operator_asks_for_them() {
        assert_eq!(publishers("admin.*"), ["repairs"]);
        for change in [subjects::ADMIN_DEAD_REPLAY, subjects::ADMIN_CANCEL, subjects::ADMIN_AUDIT] {
            assert_eq!(publishers(change), ["operator"]);
        }
        assert_eq!(publishers(subjects::ADMIN_ORDER), ["viewer", "operator"]);
        assert_eq!(publishers("$JS.API.STREAM.UPDATE.ADMIN"), ["admin"]);
    }

    #[test]
    fn only_edges_ask_for_orders_and_for_stock() {
        assert_eq!(publishers(subjects::STATUS_GET), ["edge"]);
        assert_eq!(publishers(subjects::CONTENTS_GET), ["edge"]);
        assert_eq!(publishers(subjects::LISTING_GET), ["edge"]);
        assert_eq!(publishers(subjects::STOCK_GET), ["edge"]);
    }

    #[test]
    fn only_the_janitor_and_the_eraser_delete_a_dead_letter() {
        assert_eq!(publishers("$JS.API.STREAM.MSG.DELETE.DEAD_LETTERS"), ["inventory", "eraser"]);
        let eraser = Role::Eraser.permissions().unwrap();
        assert!(!eraser.publish.iter().any(|it| it.contains("ORDERS") || it.starts_with("orders")));
    }

    #[test]
    fn no_role_reads_the_inbox_of_another() {
        for role in Role::all() {
            let Some(permissions) = role.permissions() else { continue };
            let inboxes = permissions.subscribe.iter().filter(|it| it.starts_with("_INBOX"));
            let expected = format!("_INBOX_{}.>", role.name());
            assert_eq!(inboxes.collect::<Vec<_>>(), [&expected], "{role:?}");
        }
    }
}
