//! What is left of a customer after an erasure, and until when. No line names the customer.

use std::time::SystemTime;

use anyhow::Result;
use orders::{Status, Timestamp};
use streams::{Connection, Retention, find_progress, find_stream_state, own_time, subjects};
use workers::stages::FIRST_STEP;

use super::customer::CustomerData;
use crate::limits::{ERASED_LISTED_MAX, ERASED_ORDERS_MAX, ERASURE_PURGE_MARGIN};

/// Lists the orders that are left.
pub(super) fn print_left(found: &CustomerData) {
    for (id, status) in found.left.iter().take(ERASED_LISTED_MAX) {
        let status = status.map_or("in a state that cannot be read", Status::as_str);
        print(&format!("order {id} is left: it is {status}; erase again once it is final"));
    }
    if found.left.len() > ERASED_LISTED_MAX {
        print(&format!("{} more orders are left", found.left.len() - ERASED_LISTED_MAX));
    }
    if found.is_cut {
        print(&format!("one run erases {ERASED_ORDERS_MAX} orders: erase again"));
    }
}

/// Says what the streams still have, and until when.
pub(super) async fn print_still_stored(
    connection: &Connection,
    found: &CustomerData,
) -> Result<()> {
    let (now, kept) = (own_time(), Retention::default().normal + ERASURE_PURGE_MARGIN);
    let since = SystemTime::from(now) - kept;
    let is_recent = |at: Option<SystemTime>| at.is_none_or(|at| at > since);
    let recent = found.orders.iter().filter(|order| is_recent(order.placed_at)).count();
    let until = Timestamp::from(SystemTime::from(now) + kept);
    print(&format!(
        "{recent} of these orders were placed within the last day: what the lanes have of the customer goes by \
         {until}, or later while a pool does not process its messages"
    ));
    let waiting = find_progress(connection, &FIRST_STEP.events()).await?.unwrap_or_default();
    let waiting = waiting.messages_waiting + waiting.messages_held;
    let retries = find_stream_state(connection, subjects::RETRIES).await?;
    let retries = retries.map_or(0, |state| state.messages);
    if waiting + retries > 0 {
        print(&format!(
            "{waiting} messages wait for inventory, and {retries} records to be tried again: an order of the customer \
             in one of them is not found; erase again once they are processed"
        ));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what was done is the command's output")]
pub(super) fn print(line: &str) {
    println!("{line}");
}
