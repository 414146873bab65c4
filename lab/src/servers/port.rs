//! Free ports on the loopback address.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use rand::seq::index::sample;

/// Below the range that systems give to outgoing connections: a port from there could be taken by
/// any client while its server is down, and the server could not come back on it.
const RANGE: Range<u16> = 15_000..32_000;

/// Ports that are tried before giving up: far more than anybody asks for or has in use.
const TRIES: usize = 1_000;

/// No free port was found on the loopback address.
#[derive(Debug, thiserror::Error)]
#[error("no free port on 127.0.0.1 from {} to {}", RANGE.start, RANGE.end)]
pub struct NoFreePort;

/// Different ports on 127.0.0.1 that nobody listens on. Another process may take one before it is
/// used, so whoever starts a server there must be ready to try again with others.
pub fn free_ports(count: usize) -> Result<Vec<u16>, NoFreePort> {
    let tried = sample(&mut rand::rng(), RANGE.len(), TRIES).into_iter();
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let ports: Vec<_> =
        tried.map(|index| RANGE.start + index as u16).filter(is_free).take(count).collect();
    if ports.len() == count { Ok(ports) } else { Err(NoFreePort) }
}
