//! Inputs of the checks, built in memory.

use orders::{
    BodyDigest, CancelReason, CancelledBy, Created, Event, EventBody, Metadata, Money, OnDecline,
    OrderId, OrderLine, OrderView, PlaceOrder, Quantity, Status, Timestamp,
};
use streams::Origin;
use workers::inventory::decided_orders::StockDecision;

use super::Verdict;
use crate::audit::content::Content;
use crate::audit::decisions::Decision;
use crate::audit::report::Report;
use crate::audit::stream_history::StreamHistory;

/// The id of the order with this number.
pub(crate) fn id(number: u8) -> OrderId {
    OrderId::from_bytes([number; 16])
}

/// The problems that `check` finds on a quiescent cluster, each as `subject: detail`.
pub(crate) fn problems(check: impl FnOnce(&mut Verdict)) -> Vec<String> {
    found(true, check)
}

fn found(is_quiescent: bool, check: impl FnOnce(&mut Verdict)) -> Vec<String> {
    let mut verdict = Verdict::new(Report::default(), is_quiescent);
    check(&mut verdict);
    let (report, _) = verdict.into_report();
    assert_eq!(report.passed, report.problems.is_empty());
    report.problems.iter().map(|it| format!("{}: {}", it.subject, it.detail)).collect()
}

/// The same while orders move.
pub(crate) fn problems_while_orders_move(check: impl FnOnce(&mut Verdict)) -> Vec<String> {
    found(false, check)
}

/// A whole stream with these events, each in a message of its own.
pub(crate) fn history(events: &[(OrderId, EventBody)]) -> StreamHistory {
    let mut history = StreamHistory { is_complete: true, ..StreamHistory::default() };
    for (sequence, (order_id, body)) in (1..).zip(events) {
        let at = Timestamp::from_millis(0);
        let mut line = Vec::new();
        Event { order_id: *order_id, at, body: body.clone(), traceparent: None }
            .write_line(&mut line);
        history.apply(&line, &Origin { stream: "ORDERS_1".to_owned(), sequence });
    }
    history
}

/// The view of an order with this status.
pub(crate) fn view(status: Status) -> OrderView {
    let history = Vec::new();
    OrderView { status, reason: None, history, body_digest: None, next_action: None }
}

pub(crate) fn cancelled() -> EventBody {
    EventBody::Cancelled { reason: CancelReason::Requested { by: CancelledBy::Buyer } }
}

/// The digest of the body with this number.
pub(crate) fn digest(number: u8) -> BodyDigest {
    BodyDigest::from_bytes([number; 16])
}

pub(crate) fn gbp(amount: i64) -> Money {
    Money { amount, currency: "GBP".parse().unwrap() }
}

/// Lines of one unit each, at these prices.
pub(crate) fn lines(prices: &[i64]) -> Vec<OrderLine> {
    let line = |(number, price): (usize, &i64)| OrderLine {
        sku: format!("SKU-{number}").parse().unwrap(),
        quantity: Quantity::new(1).unwrap(),
        unit_price: *price,
    };
    prices.iter().enumerate().map(line).collect()
}

/// The event of the body with this number and these lines.
pub(crate) fn created(body: u8, prices: &[i64]) -> EventBody {
    let order = PlaceOrder {
        customer_id: None,
        total: gbp(prices.iter().sum()),
        lines: lines(prices),
        payment_token: None,
        on_decline: OnDecline::default(),
        reference: None,
        shipping_address: None,
        contact: None,
        adjustments: Vec::new(),
        metadata: Metadata::default(),
    };
    EventBody::Created(Box::new(Created { digest: digest(body), order, caller: None }))
}

pub(crate) fn reserved(amount: i64) -> EventBody {
    EventBody::Reserved {
        amount: gbp(amount),
        payment_token: None,
        on_decline: OnDecline::default(),
    }
}

/// The row of a reserved order with this body and these lines.
pub(crate) fn row(body: u8, total: i64, prices: &[i64]) -> Decision {
    let content = Some(Content::new(digest(body), gbp(total), &lines(prices), &[]));
    Decision { content, ..Decision::of(StockDecision::Reserved) }
}
