//! `millrace lanes`: changes how many lanes a running cluster has.

use anyhow::Result;
use clap::Args;
use streams::{Connection, LANES_MAX, Lane, Topology, set_lane_count};
use workers::stages;

use crate::addresses::{BrokersAddress, ProfileOption};
use crate::keys::Role;
use crate::runtime::runtime;

/// Options of `millrace lanes`.
#[derive(Debug, Clone, Args)]
pub struct LanesArgs {
    #[command(flatten)]
    brokers: BrokersAddress,
    #[command(flatten)]
    profile: ProfileOption,
    /// Number of lanes, from 1 to 9: one for each broker, so that each leads one
    #[arg(value_name = "N", value_parser = parse_count)]
    count: usize,
}

/// Adds or removes lanes. A lane that is removed takes no orders from then on, and is deleted once all
/// of its orders are processed.
pub(crate) fn run(args: &LanesArgs) -> Result<()> {
    runtime()?.block_on(async {
        let connection = Connection::open(&args.brokers.access(Role::Admin)?, "lanes").await?;
        let topology = Topology::new(args.profile.get_or_default()?);
        let removed = set_lane_count(&connection, &topology, &stages::steps(), args.count).await?;
        report(args.count, &removed);
        Ok(())
    })
}

fn parse_count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=LANES_MAX).contains(count));
    count.ok_or_else(|| format!("give a number from 1 to {LANES_MAX}"))
}

#[expect(clippy::print_stdout, reason = "what was changed is the command's output")]
fn report(count: usize, removed: &[Lane]) {
    for lane in removed {
        println!("{lane} removed");
    }
    println!("the cluster has {count} lanes");
}
