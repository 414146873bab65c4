//! `millrace health`: the health check of a container that contains only this binary.

mod unverified_tls;

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};

use crate::limits::HEALTH_TIMEOUT;
use unverified_tls::encrypt;

/// The kernel's code for an established connection (`include/net/tcp_states.h`).
const TCP_ESTABLISHED: &str = "01";

const STATUS_BYTES: usize = "HTTP/1.0 200".len();

/// Options of `millrace health`: the role that runs in this container.
#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    #[command(subcommand)]
    role: RoleArgs,
}

#[derive(Debug, Clone, Subcommand)]
enum RoleArgs {
    /// Check that the edge answers `/readyz` with 200
    Edge {
        /// Address that the edge listens on
        #[arg(
            long,
            env = "MILLRACE_LISTEN",
            value_name = "ADDRESS",
            default_value = edge::LISTEN_DEFAULT
        )]
        listen: SocketAddr,
        /// The certificate of the edge, if its connections have TLS
        #[arg(long, env = "MILLRACE_TLS_CERTIFICATE", value_name = "FILE")]
        tls_certificate: Option<PathBuf>,
    },
    /// Check that the worker has a connection to a broker, which closes it if the worker hangs
    Worker {
        /// URLs of the brokers, separated by commas
        #[arg(long, env = "NATS_URL", hide_env_values = true, value_parser = streams::parse_nats_url)]
        nats_url: String,
    },
    /// Check that the process that serves repairs has a connection to a broker, in the same way
    Admin {
        /// URLs of the brokers, separated by commas
        #[arg(long, env = "NATS_URL", hide_env_values = true, value_parser = streams::parse_nats_url)]
        nats_url: String,
    },
}

/// Succeeds if the role is healthy.
pub(crate) fn run(args: &HealthArgs) -> Result<ExitCode> {
    match &args.role {
        RoleArgs::Edge { listen, tls_certificate } => {
            check_edge(*listen, tls_certificate.is_some())?;
        }
        RoleArgs::Worker { nats_url } | RoleArgs::Admin { nats_url } => check_worker(nats_url)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check_edge(listen: SocketAddr, has_tls: bool) -> Result<()> {
    let host = if listen.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { listen.ip() };
    let address = SocketAddr::new(host, listen.port());
    let request = || {
        let stream = TcpStream::connect_timeout(&address, HEALTH_TIMEOUT)?;
        stream.set_read_timeout(Some(HEALTH_TIMEOUT))?;
        anyhow::Ok(if has_tls { ask(encrypt(stream)?)? } else { ask(stream)? })
    };
    let status = request().with_context(|| format!("no response from {address}"))?;
    ensure!(status.ends_with(b"200"), "not ready: {}", String::from_utf8_lossy(&status));
    Ok(())
}

/// The beginning of the response, with the status.
fn ask(mut stream: impl Read + Write) -> io::Result<[u8; STATUS_BYTES]> {
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n")?;
    let mut status = [0; STATUS_BYTES];
    stream.read_exact(&mut status)?;
    Ok(status)
}

fn check_worker(nats_url: &str) -> Result<()> {
    let ports = streams::parse_broker_ports(nats_url)?;
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let mut lines = tables.iter().flatten().flat_map(|table| table.lines());
    let is_connected = lines.any(|line| is_established(line, &ports));
    ensure!(is_connected, "no connection to a broker");
    Ok(())
}

/// Whether a line of `/proc/net/tcp` is an established connection to one of `ports`. Its fields are
/// number, local address, remote address, state, and more; addresses end with the port in
/// hexadecimal.
fn is_established(line: &str, ports: &[u16]) -> bool {
    let mut fields = line.split_whitespace().skip(2);
    let remote_port = fields.next().and_then(|address| address.rsplit_once(':'));
    let remote_port = remote_port.and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
    remote_port.is_some_and(|port| ports.contains(&port)) && fields.next() == Some(TCP_ESTABLISHED)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, TcpListener};

    use super::*;

    #[test]
    fn a_worker_is_healthy_while_it_is_connected_to_a_broker() {
        let broker = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("nats://{}", broker.local_addr().unwrap());
        assert!(check_worker(&url).is_err());
        let _connection = TcpStream::connect(broker.local_addr().unwrap()).unwrap();
        check_worker(&format!("nats://127.0.0.1:1,{url}")).unwrap();
    }

    #[test]
    fn an_edge_that_does_not_listen_is_unhealthy() {
        let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(check_edge(unused, false).is_err());
        assert!(
            check_edge(SocketAddr::new(IpAddr::from([0, 0, 0, 0]), unused.port()), true).is_err()
        );
    }
}
