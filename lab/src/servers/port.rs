//! Ports on the loopback address, each reserved for one server for as long as it may be restarted.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
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

/// A TCP port on 127.0.0.1 that no other [`ReservedPort`] of this machine has until it is dropped, also
/// while no server listens on it.
#[derive(Debug)]
pub struct ReservedPort {
    number: u16,
    /// UDP has port numbers of its own, so the server can still listen on this one. The system releases
    /// the socket however this process ends.
    _reservation: UdpSocket,
}

impl ReservedPort {
    /// The number of the port.
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// `None` if the port is reserved, or a process listens on it.
    fn reserve(number: u16) -> Option<Self> {
        let reservation = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _reservation: reservation })
    }
}

/// A free port. A process that reserves none may still take it before it is used.
///
/// # Errors
/// None of the ports tried was free.
pub fn reserve_port() -> Result<ReservedPort, NoFreePort> {
    let candidates = sample(&mut rand::rng(), RANGE.len(), MAX_ATTEMPTS).into_iter();
    let mut numbers = candidates.map(|index| RANGE.start + index as u16);
    numbers.find_map(ReservedPort::reserve).ok_or(NoFreePort)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_reserved_until_it_is_dropped_also_while_nothing_listens_on_it() {
        let port = reserve_port().unwrap();
        let number = port.number();
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok());
        assert!(ReservedPort::reserve(number).is_none());
        drop(port);
        assert!(ReservedPort::reserve(number).is_some());
    }

    #[test]
    fn a_port_on_which_a_process_listens_is_not_reserved() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(ReservedPort::reserve(listener.local_addr().unwrap().port()).is_none());
    }
}
