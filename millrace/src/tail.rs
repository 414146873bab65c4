//! `millrace tail`: follows the events of single orders. (`nats sub 'orders.>'` shows batches.)

use anyhow::Result;
use clap::Args;
use orders::{Event, EventKind};
use serde_json::Value;
use streams::{Connection, LanesReplay};

use crate::addresses::BrokersAddress;
use crate::keys::Role;
use crate::shutdown::Shutdown;

/// Options of `millrace tail`.
#[derive(Debug, Clone, Args)]
pub struct TailArgs {
    #[command(flatten)]
    brokers: BrokersAddress,
    /// Only events with this name, such as rejected; may be repeated
    #[arg(long, value_name = "NAME")]
    event: Vec<EventKind>,
}

/// Prints events until SIGINT or SIGTERM.
pub(crate) fn run(args: &TailArgs) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let connection = Connection::open(&args.brokers.access(Role::Viewer)?, "tail").await?;
        let mut replay = LanesReplay::from_now(&connection).await?;
        while let Some(message) = shutdown.run_until_requested(replay.next()).await.transpose()? {
            let is_selected = |kind| args.event.is_empty() || args.event.contains(&kind);
            if message.kind.is_some_and(is_selected) {
                message.lines.iter().for_each(|line| print_event(line));
            }
        }
        Ok(())
    })
}

#[expect(clippy::print_stdout, reason = "the events are the command's output")]
fn print_event(line: &[u8]) {
    match serde_json::from_slice::<Event>(line) {
        Ok(event) => println!(
            "{}  {:<16}  {}  {}",
            event.at,
            event.body.kind(),
            event.order_id,
            detail(line).unwrap_or_default(),
        ),
        Err(err) => println!("invalid event ({err}): {}", String::from_utf8_lossy(line)),
    }
}

/// The body of an event as JSON, without the payment token.
fn detail(line: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_slice(line).ok()?;
    let mut detail = event.get("event")?.as_object()?.values().next()?.clone();
    let order = if detail.get("order").is_some() { detail.get_mut("order")? } else { &mut detail };
    order.as_object_mut()?.remove("payment_token");
    Some(detail.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_token_is_not_shown() {
        let reserved = br#"{"order_id":"x","event":{"reserved":
            {"amount":{"amount":1,"currency":"GBP"},"payment_token":"tok_secret"}}}"#;
        assert_eq!(detail(reserved).unwrap(), r#"{"amount":{"amount":1,"currency":"GBP"}}"#);
        let created =
            br#"{"event":{"created":{"digest":"d","order":{"payment_token":"tok_secret"}}}}"#;
        assert_eq!(detail(created).unwrap(), r#"{"digest":"d","order":{}}"#);
    }
}
