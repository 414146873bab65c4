//! How many requests an address may make before anyone knows who makes them: a bound for the work that forged tokens
//! cost one shard.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::gcra::{ArrivalTime, Policy};
use crate::generations::Generations;
use crate::limits::QUOTA_CALLERS_MAX;
use crate::problem::Problem;

/// The quota of every address, at one shard.
pub(crate) struct AddressQuota {
    policy: Policy,
    addresses: Mutex<Generations<IpAddr, ArrivalTime>>,
}

impl AddressQuota {
    pub(crate) fn new(requests: NonZeroU32) -> Self {
        let policy = Policy { name: "address", requests: requests.get() };
        Self { policy, addresses: Mutex::new(Generations::new(QUOTA_CALLERS_MAX)) }
    }

    /// Counts a request.
    pub(crate) fn take(&self, address: IpAddr) -> Result<(), Problem> {
        let now = Instant::now();
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let arrival = addresses.get_or_insert(network(address), ArrivalTime::new(now));
        let verdict = arrival.take(self.policy, now);
        match verdict.refused_for {
            None => Ok(()),
            Some(_) => Err(Problem::QuotaExceeded(verdict)),
        }
    }
}

/// What one client has: an address of IPv4, or a network of IPv6 with 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_a_quota_of_its_own_and_a_network_of_ipv6_has_one() {
        let quota = AddressQuota::new(NonZeroU32::MIN);
        let take = |address: &str| quota.take(address.parse().unwrap()).is_ok();
        for (address, is_permitted) in [
            ("192.0.2.1", true),
            ("192.0.2.1", false),
            ("::ffff:192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
            ("2001:db8:0:1::1", true),
        ] {
            assert_eq!(take(address), is_permitted, "{address}");
        }
    }
}
