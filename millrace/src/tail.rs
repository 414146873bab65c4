//! `millrace tail`: follows the events of single orders. (`nats sub 'orders.>'` shows batches.)

use anyhow::Result;
use clap::Args;
use orders::{Event, EventKind, OrderId};
use serde_json::Value;
use streams::{Connection, LanesReplay};

use crate::addresses::BrokersAddress;
use crate::keys::Role;
use crate::private_members::remove_private_members;
use crate::shutdown::Shutdown;

/// Options of `millrace tail`.
#[derive(Debug, Clone, Args)]
pub struct TailArgs {
    #[command(flatten)]
    brokers: BrokersAddress,
    /// Only events with this name, such as rejected; may be repeated
    #[arg(long, value_name = "NAME")]
    event: Vec<EventKind>,
    /// Only events of this order, with the digits that an edge answered or those in events; may be repeated
    #[arg(long, value_name = "ID", value_parser = OrderId::parse_copied)]
    order: Vec<OrderId>,
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
                let lines = message.lines.iter().filter(|line| is_of(&args.order, line));
                lines.for_each(|line| print_event(line));
            }
        }
        Ok(())
    })
}

/// Whether a line is of one of `orders`, or any if there are none.
fn is_of(orders: &[OrderId], line: &[u8]) -> bool {
    let order = || serde_json::from_slice::<Event>(line).ok().map(|event| event.order_id);
    orders.is_empty() || order().is_some_and(|order| orders.contains(&order))
}

#[expect(clippy::print_stdout, reason = "the events are the command's output")]
fn print_event(line: &[u8]) {
    // An error of serde's would repeat what the line has.
    match Event::parse(line) {
        Ok(event) => println!(
            "{}  {:<16}  {}  {}",
            event.at,
            event.body.kind(),
            event.order_id,
            detail(line).unwrap_or_default(),
        ),
        Err(err) => println!("invalid event ({err}): {}", shown(line)),
    }
}

/// The body of an event as JSON, without its private members.
fn detail(line: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_slice(line).ok()?;
    let mut detail = event.get("event")?.as_object()?.values().next()?.clone();
    remove_private_members(&mut detail);
    Some(detail.to_string())
}

/// What may be shown of a line that this version cannot read: a newer one may have written it.
fn shown(line: &[u8]) -> String {
    match serde_json::from_slice::<Value>(line) {
        Ok(mut record) => {
            remove_private_members(&mut record);
            record.to_string()
        }
        Err(_) => format!("{} bytes that are not JSON", line.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_selected_by_either_form_of_its_id() {
        let id = "ec0f10635d39e2d12c1c493127d799e9";
        let event = format!(
            r#"{{"order_id":"{id}","at_ms":1,"event":{{"cancel_requested":{{"by":"buyer"}}}}}}"#
        );
        let is_shown = |orders: &[&str]| {
            let orders: Vec<_> =
                orders.iter().map(|id| OrderId::parse_copied(id).unwrap()).collect();
            is_of(&orders, event.as_bytes())
        };
        assert!(
            is_shown(&[]) && is_shown(&[id]) && is_shown(&["00112233445566778899aabbccddeeff", id])
        );
        assert!(is_shown(&[&format!("{}0123456789ABCDEF", id.to_uppercase())]));
        assert!(!is_shown(&["00112233445566778899aabbccddeeff"]));
    }

    #[test]
    fn a_payment_token_is_not_shown() {
        let reserved = br#"{"order_id":"x","event":{"reserved":
            {"amount":{"amount":1,"currency":"GBP"},"payment_token":"tok_secret"}}}"#;
        assert_eq!(detail(reserved).unwrap(), r#"{"amount":{"amount":1,"currency":"GBP"}}"#);
        let created =
            br#"{"event":{"created":{"digest":"d","order":{"payment_token":"tok_secret"}}}}"#;
        assert_eq!(detail(created).unwrap(), r#"{"digest":"d","order":{}}"#);
        assert_eq!(detail(br#"{"event":"requires_action"}"#), None);
    }

    #[test]
    fn of_a_line_that_cannot_be_read_nothing_private_is_shown() {
        let newer = br#"{"event":{"created_v9":{"order":{"payment_token":"tok_secret"}}}}"#;
        assert_eq!(shown(newer), r#"{"event":{"created_v9":{"order":{}}}}"#);
        assert_eq!(shown(b"tok_secret"), "10 bytes that are not JSON");
    }
}
