//! What a broker must accept from its clients, whatever its streams say.

use super::difference::{Difference, Impact};
use crate::Connection;
use crate::limits::MESSAGE_BYTES_MAX;

/// What differs at the broker to which `connection` is connected. A message that it does not take is refused by
/// the client, so that an order is not accepted, and what a worker has decided is not published.
pub(super) fn broker_differences(connection: &Connection) -> Option<Difference> {
    let info = connection.client.server_info();
    let is_known = !info.server_name.is_empty();
    let is_too_small = is_known && info.max_payload < MESSAGE_BYTES_MAX;
    is_too_small.then(|| {
        let found_and_expected = (info.max_payload, format!("at least {MESSAGE_BYTES_MAX}"));
        Difference::new(&info.server_name, "max_payload", found_and_expected, Impact::BreaksPromise)
    })
}
