//! Where a request comes from: the address of its connection, unless that is one of our balancers, which then says
//! for whom it sends.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use hyper::header::{HeaderMap, HeaderName};
use thiserror::Error;

/// What balancers append the address of their client to.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks of the balancers in front of an edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balancers(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    /// The bits that all of its addresses have in common.
    prefix: u32,
}

/// A text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a network: give an address, or one with a prefix such as 10.0.0.0/8")]
pub struct InvalidNetwork(String);

impl Balancers {
    /// The client of a request over a connection from `peer`: the last address that no balancer of ours has. Those
    /// before it are what that client says.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let values = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let mut forwarded =
            values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')).map(address);
        while self.contains(client) {
            // Without one, the balancer itself is the client, as when it asks whether the edge is ready.
            let Some(Some(next)) = forwarded.next() else { break };
            client = next.to_canonical();
        }
        client
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

/// The address that a balancer has appended, of which some write the port besides.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let with_port = || text.parse().ok().map(|it: SocketAddr| it.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(with_port).or_else(bracketed)
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

impl FromStr for Balancers {
    type Err = InvalidNetwork;

    /// Parses networks that are separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(|network| network.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidNetwork(text.to_owned());
        let (address, prefix) = text.split_once('/').map_or((text, None), |(it, p)| (it, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(bits), str::parse).map_err(|_| invalid())?;
        if prefix <= bits { Ok(Self { address, prefix }) } else { Err(invalid()) }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &[&'static str]) -> String {
        let balancers: Balancers = "10.0.0.0/8, 2001:db8::/32,192.0.2.7".parse().unwrap();
        let headers = forwarded.iter();
        let headers = headers
            .map(|it| (X_FORWARDED_FOR, HeaderValue::from_bytes(it.as_bytes()).unwrap()))
            .collect();
        balancers.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_client_is_the_last_address_that_no_balancer_has() {
        assert_eq!(client("203.0.113.9", &[]), "203.0.113.9");
        assert_eq!(client("10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.1.2.3", &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.1.2.3", &["1.1.1.1", "203.0.113.9,10.9.9.9"]), "203.0.113.9");
        assert_eq!(client("192.0.2.7", &["::ffff:203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("2001:db8::5", &["2001:db9::1"]), "2001:db9::1");
        for with_port in
            ["203.0.113.9:51234", "[2001:db9::1]:443", "[2001:db9::1]", "\u{e9}, 203.0.113.9"]
        {
            let client = client("10.1.2.3", &[with_port]);
            assert!(["203.0.113.9", "2001:db9::1"].contains(&&*client), "{with_port}: {client}");
        }
    }

    #[test]
    fn what_a_client_says_about_itself_is_not_believed() {
        assert_eq!(client("203.0.113.9", &["1.1.1.1"]), "203.0.113.9");
        assert_eq!(client("192.0.2.8", &["1.1.1.1"]), "192.0.2.8");
    }

    #[test]
    fn a_balancer_that_names_no_client_is_the_client() {
        for forwarded in [&[][..], &["unknown"], &["1.1.1.1, unknown"], &[""]] {
            assert_eq!(client("10.1.2.3", forwarded), "10.1.2.3", "{forwarded:?}");
        }
    }

    #[test]
    fn a_text_that_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129", "10.0.0.1,x", "a/8"] {
            assert!(text.parse::<Balancers>().is_err(), "{text}");
        }
        assert!("0.0.0.0/0,::/0".parse::<Balancers>().is_ok());
    }
}
