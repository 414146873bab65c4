//! What clients were promised: the orders of which they have a 202, the digests in them, and other
//! answers.

use std::collections::HashMap;

use anyhow::Result;
use orders::{BodyDigest, OrderId, Timestamp};

use crate::ledger::{Acknowledged, Answer, AnswerContent};

/// The acknowledged orders, with the digests of the bodies that were acknowledged.
#[derive(Debug, Default)]
pub struct Promised {
    /// Sorted. One order can have several bodies, of which one is processed.
    acknowledged: Vec<(OrderId, Option<BodyDigest>)>,
    /// When the order was first acknowledged, if that is known.
    first_acknowledged_at: HashMap<OrderId, Timestamp>,
    answers: Vec<(OrderId, AnswerContent)>,
}

impl Promised {
    /// The orders in `acknowledged`. A digest may be unknown: an earlier ledger has none.
    pub fn new(acknowledged: impl IntoIterator<Item = (OrderId, Option<BodyDigest>)>) -> Self {
        let mut acknowledged: Vec<_> = acknowledged.into_iter().collect();
        acknowledged.sort_unstable_by_key(|(id, digest)| (*id, digest.map(|it| *it.as_bytes())));
        acknowledged.dedup();
        Self { acknowledged, ..Self::default() }
    }

    /// Adds times at which orders were acknowledged.
    #[must_use]
    pub fn with_times(mut self, times: impl IntoIterator<Item = (OrderId, Timestamp)>) -> Self {
        for (id, at) in times {
            let first = self.first_acknowledged_at.entry(id).or_insert(at);
            *first = at.min(*first);
        }
        self
    }

    /// The orders of these 202s of a ledger.
    pub fn of_ledger(acknowledged: &[Acknowledged]) -> Result<Self> {
        let entry = |entry: &Acknowledged| Ok((entry.id()?, entry.body_digest));
        let times = acknowledged.iter().map(|entry| Ok((entry.id()?, entry.acknowledged_at_ms)));
        Ok(Self::new(acknowledged.iter().map(entry).collect::<Result<Vec<_>>>()?)
            .with_times(times.collect::<Result<Vec<_>>>()?))
    }

    /// Adds the other answers of a ledger.
    pub fn with_answers(mut self, answers: &[Answer]) -> Result<Self> {
        let answer = |answer: &Answer| Ok((answer.id()?, answer.content));
        self.answers = answers.iter().map(answer).collect::<Result<_>>()?;
        Ok(self)
    }

    /// When the order was first acknowledged.
    pub(super) fn first_acknowledged_at(&self, id: OrderId) -> Option<Timestamp> {
        self.first_acknowledged_at.get(&id).copied()
    }

    /// The answers that are not 202s.
    pub(super) fn answers(&self) -> &[(OrderId, AnswerContent)] {
        &self.answers
    }

    /// Every order, once.
    pub(super) fn orders(&self) -> impl Iterator<Item = OrderId> {
        self.acknowledged.chunk_by(|one, next| one.0 == next.0).map(|bodies| bodies[0].0)
    }

    /// Every body of which the digest is known.
    pub(super) fn bodies(&self) -> impl Iterator<Item = (OrderId, BodyDigest)> {
        self.acknowledged.iter().filter_map(|(id, digest)| Some((*id, (*digest)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_with_several_bodies_is_one_order() {
        let (id, other) = (OrderId::from_bytes([1; 16]), OrderId::from_bytes([2; 16]));
        let digest = |number| Some(BodyDigest::from_bytes([number; 16]));
        let promised =
            Promised::new([(other, None), (id, digest(1)), (id, digest(2)), (id, digest(1))]);
        assert_eq!(promised.orders().collect::<Vec<_>>(), [id, other]);
        assert_eq!(promised.bodies().count(), 2);
    }
}
