//! An edge as a process, whose log the test reads.

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use super::test_edge::DEADLINE;

/// It is killed with the test.
pub(crate) struct LoggedEdge {
    pub(crate) address: SocketAddr,
    log: Lines<BufReader<ChildStderr>>,
    process: Child,
}

impl LoggedEdge {
    /// Runs `command`, until it listens.
    pub(crate) async fn start(mut command: Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let listening = line_with(&mut log, "edge listening").await;
        let (_, address) = listening.split_once("address=").unwrap();
        Self { address: address.trim().parse().unwrap(), log, process }
    }

    /// The next line of the log that contains `text`.
    pub(crate) async fn line_with(&mut self, text: &str) -> String {
        line_with(&mut self.log, text).await
    }

    /// The next line of the log.
    pub(crate) async fn next_line(&mut self) -> String {
        line_with(&mut self.log, "").await
    }

    pub(crate) async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }
}

async fn line_with(log: &mut Lines<BufReader<ChildStderr>>, text: &str) -> String {
    let find = async {
        loop {
            let line = log.next_line().await.unwrap().expect("the edge has ended");
            if line.contains(text) {
                return line;
            }
        }
    };
    timeout(DEADLINE, find).await.unwrap_or_else(|_| panic!("the log has no {text:?}"))
}
