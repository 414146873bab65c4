//! Orders: what was acknowledged, what the stream has, and what the database has.

use std::collections::{HashMap, HashSet};

use orders::{OrderId, OrderView, Reason, Status};
use streams::dead_letter::StoredDeadLetter;
use workers::order_view::UnreadableRow;

use super::Verdict;
use crate::audit::promised::Promised;
use crate::audit::report::ListedDeadLetter;
use crate::audit::stream_history::{OrderHistory, StreamHistory};
use crate::audit::stuck_order::StuckOrder;
use crate::limits::PROBLEMS_LISTED_MAX;

/// What the database says about the orders that have rows.
pub(crate) struct OrderRows<'a> {
    pub(crate) views: &'a HashMap<OrderId, OrderView>,
    /// Orders that only a newer version can read, and so audit.
    pub(crate) unreadable: &'a HashMap<OrderId, UnreadableRow>,
}

const REPEATABLE: &str = "was acknowledged after the backup and is lost: its client repeats it";
const NO_EVENT: &str =
    ", and its last event is not in the stream any more: `--repair` rebuilds it or cancels it";

impl Verdict {
    /// Compares the acknowledged orders, the stream and the database, order by order.
    pub(crate) fn check_orders(
        &mut self,
        promised: Option<&Promised>,
        history: &StreamHistory,
        dead_letters: &[StoredDeadLetter],
        orders: &OrderRows<'_>,
    ) {
        let OrderRows { views, unreadable } = orders;
        let in_stream = history.orders.len();
        let acknowledged = promised.map_or(in_stream, |promised| promised.orders().count());
        self.report.acknowledged = acknowledged as u64;
        self.report.has_ledger = promised.is_some();
        self.report.lost = promised.map(|promised| self.lost(promised, history, orders));
        self.report.dead_letters =
            dead_letters.iter().take(PROBLEMS_LISTED_MAX).map(listed).collect();
        let dead: HashSet<OrderId> =
            dead_letters.iter().filter_map(StoredDeadLetter::order_id).collect();
        for (id, err) in *unreadable {
            self.problem(id, &err.to_string());
        }
        let readable = history.orders.iter().filter(|(id, _)| !unreadable.contains_key(id));
        for (id, order) in readable {
            let is_complete = self.has_all_events_of(id, history);
            let is_placed = order.was_created || is_complete;
            let compared = &mut self.report.compared;
            *if is_placed { &mut compared.with_stream } else { &mut compared.with_later_events } +=
                1;
            self.compare(*id, order, views.get(id), is_complete);
            self.count(*id, order, views.get(id), dead.contains(id));
        }
        for (id, view) in views.iter().filter(|(id, _)| !history.orders.contains_key(*id)) {
            let is_complete = self.has_all_events_of(id, history);
            if is_complete && self.is_quiescent {
                self.problem(id, "has rows in the database but no event in the stream");
            }
            // In a whole stream, it is newer than what was read of it.
            self.report.compared.rows_only += u64::from(!is_complete);
            self.count(*id, &OrderHistory::default(), Some(view), dead.contains(id));
        }
    }

    /// Whether the streams have every event of the order: none was purged, and no older backup was restored.
    fn has_all_events_of(&self, id: &OrderId, history: &StreamHistory) -> bool {
        history.is_complete && !self.since_backup.contains(id)
    }

    /// The number of acknowledged orders of which nothing is left.
    fn lost(
        &mut self,
        promised: &Promised,
        history: &StreamHistory,
        orders: &OrderRows<'_>,
    ) -> u64 {
        let (mut lost, mut lost_since) = (0, 0);
        let backup_at = self.report.restored.as_ref().map(|restored| restored.backup_at);
        let has_rows =
            |id: &OrderId| orders.views.contains_key(id) || orders.unreadable.contains_key(id);
        for id in promised.orders() {
            if !history.orders.contains_key(&id) && !has_rows(&id) {
                lost += 1;
                let at = promised.first_acknowledged_at(id);
                let is_since = backup_at.is_some_and(|backup_at| at >= Some(backup_at));
                lost_since += u64::from(is_since);
                let detail = if is_since { REPEATABLE } else { "was acknowledged and is lost" };
                self.problem(&id, detail);
            }
        }
        if let Some(restored) = &mut self.report.restored {
            restored.lost_since = Some(lost_since);
        }
        lost
    }

    fn compare(
        &mut self,
        id: OrderId,
        order: &OrderHistory,
        view: Option<&OrderView>,
        is_complete: bool,
    ) {
        if order.has_conflicting_outcomes {
            self.report.duplicated += 1;
            self.problem(&id, "has two different outcomes of one step");
        }
        if let Some([first, second]) = order.two_finals() {
            self.problem(&id, &format!("has two final events: {first} and {second}"));
        }
        let in_stream = order.status.unwrap_or(Status::Accepted);
        let in_database = view.map_or(Status::Accepted, |view| view.status);
        // A row is committed before its event is published, and was read later.
        let is_database_ahead =
            !self.is_quiescent && in_stream < in_database && !in_stream.is_final();
        // Another body under the key of an order that is purged has events, too.
        let digest = view.and_then(|view| view.body_digest);
        let is_purged = !is_complete && digest.is_none_or(|it| order.content(it).is_none());
        let may_be_behind = is_purged || self.since_backup.contains(&id);
        let is_behind = may_be_behind && in_stream < in_database && !in_stream.is_final();
        if in_stream != in_database && !is_database_ahead && !is_behind {
            let detail = format!("database says {in_database}, stream says {in_stream}");
            self.problem(&id, &detail);
        }
    }

    fn count(
        &mut self,
        id: OrderId,
        order: &OrderHistory,
        view: Option<&OrderView>,
        is_dead: bool,
    ) {
        let status = view.map_or(Status::Accepted, |view| view.status);
        let is_behind = order.status.is_none_or(|in_stream| in_stream < status);
        self.count_restored(id, order, status, is_behind);
        match status {
            Status::Fulfilled => self.report.fulfilled += 1,
            Status::Cancelled => self.report.cancelled += 1,
            Status::Rejected => {
                let reason = view.and_then(|view| view.reason.as_ref());
                let code = match reason {
                    Some(Reason::Rejected(rejection)) => rejection.code(),
                    _ => "unknown",
                };
                *self.report.rejected.entry(code.to_owned()).or_default() += 1;
            }
            _ if is_dead => self.report.dead += 1,
            _ => {
                self.report.in_flight += 1;
                if self.is_quiescent {
                    let origin = order.origin.clone();
                    let remedy = if origin.is_some() { "" } else { NO_EVENT };
                    self.problem(&id, &format!("is stuck at {status}{remedy}"));
                    self.stuck.push(StuckOrder { id, origin, is_behind });
                }
            }
        }
    }

    /// Counts an order that has advanced since the backup from which the streams were restored. One that has
    /// ended needs the event of it: observers have not seen it.
    fn count_restored(
        &mut self,
        id: OrderId,
        order: &OrderHistory,
        status: Status,
        is_behind: bool,
    ) {
        if !self.since_backup.contains(&id) {
            return;
        }
        let has_ended_unseen = status.is_final() && !order.status.is_some_and(Status::is_final);
        let lacks_last_event = self.is_quiescent && (has_ended_unseen || is_behind);
        if let Some(restored) = &mut self.report.restored {
            restored.by_rows += u64::from(!order.was_created);
            restored.behind += u64::from(lacks_last_event);
        }
        if self.is_quiescent && has_ended_unseen {
            let detail =
                format!("is {status}, which the restored streams lack: `--repair` rebuilds it");
            self.problem(&id, &detail);
            self.stuck.push(StuckOrder { id, origin: None, is_behind: true });
        }
    }
}

fn listed(letter: &StoredDeadLetter) -> ListedDeadLetter {
    ListedDeadLetter {
        number: letter.number,
        step: letter.content.step.clone(),
        reason: letter.content.reason.as_str().to_owned(),
        error: letter.content.error.clone(),
        order_id: letter.order_id().map(|id| id.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use orders::{EventBody, StatusChange, Timestamp};

    use super::*;
    use crate::audit::report::{Compared, Report};
    use crate::audit::restored::Restored;
    use crate::audit::verdict::test_inputs::{
        cancelled, created, digest, history, id, problems, view,
    };

    fn found(history: &StreamHistory, views: &HashMap<OrderId, OrderView>) -> Vec<String> {
        let orders = OrderRows { views, unreadable: &HashMap::new() };
        problems(|verdict| verdict.check_orders(None, history, &[], &orders))
    }

    #[test]
    fn an_order_has_one_final_event_even_if_the_status_agrees() {
        let fulfilled = EventBody::Fulfilled { shipment: "shp".to_owned() };
        let views = [(id(1), view(Status::Fulfilled))].into();
        let once = history(&[(id(1), fulfilled.clone()), (id(1), fulfilled.clone())]);
        assert!(found(&once, &views).is_empty());
        let twice =
            history(&[(id(1), fulfilled.clone()), (id(1), cancelled()), (id(1), fulfilled)]);
        let expected = format!("{}: has two final events: fulfilled and cancelled", id(1));
        assert_eq!(found(&twice, &views), [expected]);
    }

    /// The report about these orders; order 3 has no rows.
    fn report(promised: Option<&Promised>, history: &StreamHistory) -> Report {
        let views = [(id(1), view(Status::Accepted)), (id(2), view(Status::Accepted))].into();
        let mut verdict = Verdict::new(Report::default(), false);
        let orders = OrderRows { views: &views, unreadable: &HashMap::new() };
        verdict.check_orders(promised, history, &[], &orders);
        verdict.into_report().0
    }

    #[test]
    fn lost_orders_are_looked_for_only_with_a_ledger() {
        let history = history(&[(id(1), created(1, &[5]))]);
        assert_eq!((report(None, &history).lost, report(None, &history).acknowledged), (None, 1));
        let promised = Promised::new([1, 2, 3].map(|number| (id(number), None)));
        let report = report(Some(&promised), &history);
        assert_eq!((report.lost, report.acknowledged, report.has_ledger), (Some(1), 3, true));
        assert_eq!(report.problems[0].subject, id(3).to_string());
    }

    #[test]
    fn the_report_counts_what_could_not_be_compared_with_the_stream() {
        let fulfilled = EventBody::Fulfilled { shipment: "shp".to_owned() };
        let mut history = history(&[(id(1), created(1, &[5])), (id(3), fulfilled)]);
        history.is_complete = false;
        let expected = Compared { with_stream: 1, with_later_events: 1, rows_only: 1 };
        assert_eq!(report(None, &history).compared, expected);
    }

    #[test]
    fn what_came_since_a_backup_is_compared_by_rows_and_its_last_event_is_rebuilt() {
        let fulfilled = EventBody::Fulfilled { shipment: "shp".to_owned() };
        let at = |millis| {
            let at = Timestamp::from_millis(millis);
            let history = vec![StatusChange { status: Status::Fulfilled, at }];
            OrderView { history, body_digest: Some(digest(1)), ..view(Status::Fulfilled) }
        };
        let (before, since) = (at(0), at(1_000_000));
        let views =
            [(id(1), since.clone()), (id(2), since.clone()), (id(3), since), (id(4), before)];
        let views = HashMap::from(views);
        // Order 1 was in flight, orders 2 and 4 are not in the stream, and order 3 is repaired.
        let history = history(&[(id(1), created(1, &[5])), (id(3), fulfilled)]);
        let acknowledged = |millis| Timestamp::from_millis(millis);
        let promised = Promised::new([5, 6].map(|number| (id(number), None)))
            .with_times([(id(5), acknowledged(500_000)), (id(6), acknowledged(499_999))]);
        let restored = Restored::from_backup_at(Timestamp::from_millis(500_000));
        let report = Report { restored: Some(restored.clone()), ..Report::default() };
        let mut verdict = Verdict::new(report, true);
        verdict.note_restore(&views);
        let orders = OrderRows { views: &views, unreadable: &HashMap::new() };
        verdict.check_orders(Some(&promised), &history, &[], &orders);
        let (report, stuck) = verdict.into_report();
        let expected = Restored { by_rows: 2, behind: 2, lost_since: Some(1), ..restored };
        assert_eq!(report.restored, Some(expected));
        let lacks = "is fulfilled, which the restored streams lack: `--repair` rebuilds it";
        let no_event = "has rows in the database but no event in the stream";
        let lost = "was acknowledged and is lost";
        let expected = [(1, lacks), (2, lacks), (4, no_event), (5, REPEATABLE), (6, lost)];
        let mut problems: Vec<_> =
            report.problems.iter().map(|it| (it.subject.clone(), it.detail.as_str())).collect();
        problems.sort_unstable();
        assert_eq!(problems, expected.map(|(number, detail)| (id(number).to_string(), detail)));
        let mut stuck: Vec<OrderId> = stuck.iter().map(|order| order.id).collect();
        stuck.sort_unstable();
        assert_eq!(stuck, [id(1), id(2)]);
    }

    #[test]
    fn another_body_under_the_key_of_a_purged_order_does_not_set_it_back() {
        let mut history = history(&[
            (id(1), created(2, &[5])),
            (id(1), EventBody::Conflicted { digest: digest(2) }),
        ]);
        let placed = OrderView { body_digest: Some(digest(1)), ..view(Status::Fulfilled) };
        let views = [(id(1), placed)].into();
        let expected = format!("{}: database says fulfilled, stream says accepted", id(1));
        assert_eq!(found(&history, &views), [expected]);
        history.is_complete = false;
        assert!(found(&history, &views).is_empty());
    }
}
