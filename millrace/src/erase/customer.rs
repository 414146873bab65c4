//! What the cluster knows of a customer.

use std::collections::BTreeSet;

use anyhow::Result;
use orders::limits::TEXT_LENGTH_MAX;
use orders::{OrderId, Status};
use streams::dead_letter::{StoredDeadLetter, letters_of};
use workers::database::Database;
use workers::inventory::erasure::{CustomerOrder, Erased, orders_of};
use workers::order_view::order_views;

use crate::limits::{ERASED_BATCH_ORDERS, ERASED_ORDERS_MAX};

/// The id by which a shop names a customer. Its debug form hides it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CustomerId(String);

/// Parses an option.
pub(crate) fn customer_id(text: &str) -> Result<CustomerId, String> {
    if (1..=TEXT_LENGTH_MAX).contains(&text.chars().count()) {
        Ok(CustomerId(text.to_owned()))
    } else {
        Err(format!("a customer id has 1 to {TEXT_LENGTH_MAX} characters"))
    }
}

impl CustomerId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` has the id as a word, in any case.
    pub(crate) fn is_named_in(&self, text: &str) -> bool {
        let (text, id) = (text.to_lowercase(), self.0.to_lowercase());
        let is_apart = |beside: Option<char>| !beside.is_some_and(char::is_alphanumeric);
        text.match_indices(&id).any(|(at, found)| {
            let (before, after) = (&text[..at], &text[at + found.len()..]);
            is_apart(before.chars().next_back()) && is_apart(after.chars().next())
        })
    }
}

impl std::fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CustomerId(…)")
    }
}

/// What is found of a customer, and what of it is left.
pub(crate) struct CustomerData {
    /// The orders whose rows are erased.
    pub(crate) orders: Vec<CustomerOrder>,
    /// The numbers of the dead letters that are erased.
    pub(crate) letters: BTreeSet<u64>,
    /// The orders that are left since they are not final, each with its status if that can be read: what they say is
    /// needed to deliver them.
    pub(crate) left: Vec<(OrderId, Option<Status>)>,
    /// Whether there are more orders than one run erases.
    pub(crate) is_cut: bool,
}

impl CustomerData {
    pub(crate) async fn find(
        database: &Database,
        letters: &[StoredDeadLetter],
        customer: &CustomerId,
    ) -> Result<Self> {
        let mut found =
            Self { orders: Vec::new(), letters: BTreeSet::new(), left: Vec::new(), is_cut: false };
        let mut after = None;
        loop {
            let limit = ERASED_BATCH_ORDERS as i64;
            let page = orders_of(database, customer.as_str(), after, limit).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            if found.orders.len() + found.left.len() + page.len() > ERASED_ORDERS_MAX {
                found.is_cut = true;
                break;
            }
            found.add(database, page).await?;
        }
        let left = found.left.iter().map(|(id, _)| *id);
        let ids: BTreeSet<OrderId> = found.orders.iter().map(|it| it.id).chain(left).collect();
        let letters = letters_of(letters, customer.as_str(), &ids);
        found.letters = letters.into_iter().map(|letter| letter.number).collect();
        Ok(found)
    }

    async fn add(&mut self, database: &Database, page: Vec<CustomerOrder>) -> Result<()> {
        let ids: Vec<OrderId> = page.iter().map(|order| order.id).collect();
        let views = order_views(database, &ids).await?;
        for (order, view) in page.into_iter().zip(views) {
            let status = view.ok().flatten().map(|view| view.status);
            if status.is_some_and(Status::is_final) {
                self.orders.push(order);
            } else {
                self.left.push((order.id, status));
            }
        }
        Ok(())
    }

    /// What is to be erased, and what is left.
    pub(crate) fn to_erase(&self) -> Erased {
        Erased {
            orders: self.orders.len() as u64,
            letters: self.letters.len() as u64,
            left: self.left.len() as u64,
        }
    }

    /// Whether nothing is found that could be erased.
    pub(crate) fn is_erased(&self) -> bool {
        self.orders.is_empty() && self.letters.is_empty()
    }

    /// Whether all that is found can be erased.
    pub(crate) const fn is_whole(&self) -> bool {
        self.left.is_empty() && !self.is_cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_named_by_a_text_that_has_it_as_a_word() {
        let is_named = |id: &str, text| customer_id(id).unwrap().is_named_in(text);
        assert!(is_named("17850", "ticket of 17850."));
        assert!(is_named("ann@example.com", "asked by ANN@EXAMPLE.COM"));
        assert!(is_named("a", "a"));
        for (id, text) in [("1", "ticket 4711"), ("a", "ada"), ("17850", "17851")] {
            assert!(!is_named(id, text), "{id} in {text}");
        }
    }
}
