//! `GET /v1/orders/{id}`: where an order stands, from whichever worker answers.

use std::time::SystemTime;

use orders::{OrderId, OrderView, Reason, Status, StatusChange};
use serde::Serialize;
use streams::names::STATUS_GET;
use streams::{Connection, GroupLimits, GroupReceiver, GroupSender, group_commit};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::core::Core;
use crate::limits::{PAYMENT_SOON, QUESTIONS_MAX, QUESTIONS_WAITING_MAX, STATUS_PATIENCE};
use crate::problem::Problem;
use crate::question;
use crate::response::{Answer, json};

/// Asks for orders, many in one question: while one is on its way, the next one fills.
#[derive(Clone)]
pub(crate) struct StatusDesk(GroupSender<Wanted>);

struct Wanted {
    id: OrderId,
    /// Dropped where nobody answers.
    view: oneshot::Sender<Option<OrderView>>,
}

/// An order, as a buyer is shown it.
#[derive(Serialize)]
struct Shown<'a> {
    order_id: &'a str,
    status: Status,
    reason: Option<Reason>,
    history: Vec<ShownStep>,
    /// Whether the database was heard.
    current: bool,
    /// Whether the order waits longer than usual to be paid, for whatever reason.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    payment_delayed: bool,
}

#[derive(Serialize)]
struct ShownStep {
    status: Status,
    at: String,
}

/// Shows the order whose proven id is `text`.
pub(crate) async fn status(core: &Core, text: &str) -> Result<Answer, Problem> {
    let proven = core.secrets.verify(text).ok_or(Problem::NoSuchOrder)?;
    let heard = core.statuses.ask(proven.id()).await;
    let current = heard.is_some();
    // An order that inventory has not seen yet is accepted: its id proves that an edge said so.
    let view = heard.flatten().unwrap_or_else(|| OrderView {
        status: Status::Accepted,
        reason: None,
        history: Vec::new(),
    });
    let payment_delayed = is_payment_delayed(&view, SystemTime::now());
    let OrderView { status, reason, history } = view;
    let history = history.into_iter().map(ShownStep::from).collect();
    Ok(json(&Shown { order_id: text, status, reason, history, current, payment_delayed }))
}

/// Money is taken within moments of the reservation, unless the provider or its workers are away.
fn is_payment_delayed(view: &OrderView, now: SystemTime) -> bool {
    let Some(reached) = view.history.last().filter(|it| it.status == Status::Reserved) else {
        return false;
    };
    now.duration_since(reached.at.into()).is_ok_and(|waited| waited > PAYMENT_SOON)
}

impl StatusDesk {
    /// A desk that asks over `broker`, for as long as somebody can ask it.
    pub(crate) fn open(broker: Connection) -> Self {
        let (sender, wanted) = group_commit(GroupLimits {
            items: QUESTIONS_MAX,
            bytes: usize::MAX,
            waiting: QUESTIONS_WAITING_MAX,
        });
        tokio::spawn(answer(wanted, broker));
        Self(sender)
    }

    /// What the database knows of an order; `None` where it is not heard in time.
    pub(crate) async fn ask(&self, id: OrderId) -> Option<Option<OrderView>> {
        let (view, heard) = oneshot::channel();
        self.0.join(Wanted { id, view }, 0).ok()?;
        timeout(STATUS_PATIENCE, heard).await.ok()?.ok()
    }
}

async fn answer(mut wanted: GroupReceiver<Wanted>, broker: Connection) {
    while let Some(mut wanted) = wanted.next().await {
        wanted.retain(|wanted| !wanted.view.is_closed());
        let ids: Vec<_> = wanted.iter().map(|wanted| wanted.id).collect();
        let views = question::ask(&broker, STATUS_GET, &ids, STATUS_PATIENCE).await;
        for (Wanted { view, .. }, found) in wanted.into_iter().zip(views.into_iter().flatten()) {
            // Who has gone needs no answer.
            view.send(found).ok();
        }
    }
}

impl From<StatusChange> for ShownStep {
    fn from(reached: StatusChange) -> Self {
        Self { status: reached.status, at: reached.at.to_string() }
    }
}
