//! Free ports on the loopback address.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use rand::seq::index::sample;

/// Below the ephemeral range of outgoing connections: a client could take a port from there while
/// its server is down, and the server could not restart on it.
const RANGE: Range<u16> = 15_000..32_000;

/// Ports that are tried before giving up: far more than any caller needs or any machine uses.
const MAX_ATTEMPTS: usize = 1_000;

/// No free port was found on the loopback address.
#[derive(Debug, thiserror::Error)]
#[error("no free port on 127.0.0.1 from {} to {}", RANGE.start, RANGE.end)]
pub struct NoFreePort;

/// `count` different ports on 127.0.0.1 that no process listens on. Another process may take one
/// before it is used, so the caller must be able to retry with other ports.
///
/// # Errors
/// Too few of the ports tried were free.
pub fn free_ports(count: usize) -> Result<Vec<u16>, NoFreePort> {
    let candidates = sample(&mut rand::rng(), RANGE.len(), MAX_ATTEMPTS).into_iter();
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let ports: Vec<_> =
        candidates.map(|index| RANGE.start + index as u16).filter(is_free).take(count).collect();
    if ports.len() == count { Ok(ports) } else { Err(NoFreePort) }
}
