//! Refunds, in order of creation, and the status that new ones get.

use super::error::ApiError;
use super::model::{Refund, RefundStatus, unix_seconds};
use super::object_ids::ObjectIds;
use super::response::{List, ResponseBody};

/// All refunds: the number in an id is its index.
pub(super) struct Refunds {
    ids: ObjectIds,
    all: Vec<Refund>,
    /// The status of a new refund. Anything but [`RefundStatus::Succeeded`] is a simulated fault.
    new_status: RefundStatus,
}

impl Refunds {
    pub(super) fn new(ids: ObjectIds) -> Refunds {
        Refunds { ids, all: Vec::new(), new_status: RefundStatus::Succeeded }
    }

    pub(super) fn add(&mut self, intent: &str, amount: i64) -> Refund {
        let refund = Refund {
            id: self.ids.id("re_", self.all.len()),
            object: "refund",
            amount,
            created: unix_seconds(),
            payment_intent: intent.to_owned(),
            status: self.new_status,
        };
        self.all.push(refund.clone());
        refund
    }

    /// The amount of an intent that is refunded or being refunded. A failed refund returns its
    /// amount, which can be refunded again.
    pub(super) fn total(&self, intent: &str) -> i64 {
        let is_counted = |refund: &&Refund| {
            refund.payment_intent == intent && refund.status != RefundStatus::Failed
        };
        self.all.iter().filter(is_counted).map(|refund| refund.amount).sum()
    }

    /// Sets the status of new refunds, and of those that are pending.
    pub(super) fn settle(&mut self, status: RefundStatus) {
        self.new_status = status;
        let pending = self.all.iter_mut().filter(|it| it.status == RefundStatus::Pending);
        pending.for_each(|refund| refund.status = status);
    }

    /// A page of the refunds of `intent`, or of all, newest first.
    pub(super) fn page(
        &self,
        intent: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ResponseBody, ApiError> {
        let count = self.all.len();
        let end = after.map_or(Ok(count), |id| self.ids.index("re_", id, count))?;
        let is_wanted =
            |refund: &&Refund| intent.is_none_or(|intent| refund.payment_intent == intent);
        let mut older = self.all[..end].iter().rev().filter(is_wanted);
        let data: Vec<Refund> = older.by_ref().take(limit).cloned().collect();
        let has_more = older.next().is_some();
        Ok(ResponseBody::Refunds(List { object: "list", has_more, data }))
    }
}
