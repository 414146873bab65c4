//! A broker whose disk is full, and is restarted when it has space again. Where this process may not mount
//! a disk, the test shows nothing.

use std::fs;
use std::path::Path;

use lab::servers::try_mount_disk;
use millrace::keys::Role;
use streams::{Connection, Lane, Profile, Topology, ensure_topology};
use workers::stages;

use super::startup::get;
use crate::test_servers::{TestServers, wait_until};

const IS_DISABLED: &str = "\"disabled\": true";

#[tokio::test]
async fn a_broker_disables_jetstream_on_a_full_disk_and_has_its_streams_again_after_a_restart() {
    if try_mount_disk().is_err() {
        return;
    }
    let mut servers =
        TestServers::start_with(Profile::Durable, |start| start.store_disks = true).await;
    let folder = servers.folder.path().to_path_buf();
    let brokers = &mut servers.processes.brokers;
    let connection = Connection::open(&brokers.access(Role::Lab), "test").await.unwrap();
    let topology = Topology::new(Profile::Durable);
    ensure_topology(&connection, &topology, &stages::steps()).await.unwrap();
    let monitors = brokers.monitor_urls();
    let stats = async |broker: usize| get(&format!("{}/jsz", monitors[broker])).await;

    wait_until("a broker writes to its full disk", async || {
        assert!(brokers.fill_disk(0).unwrap());
        // Each write of the streams' settings reaches every broker.
        streams::set_lane_limit(&connection, Lane::FIRST, topology.orders_bytes_max).await.ok();
        stats(0).await.contains(IS_DISABLED)
    })
    .await;
    assert!(!stats(1).await.contains(IS_DISABLED), "the others have disks of their own");

    brokers.free_disk(0).unwrap();
    for broker in &mut brokers.servers {
        broker.kill().await.unwrap();
    }
    brokers.start().await.unwrap();
    let has_streams = format!("\"streams\": {}", topology.stream_count());
    for broker in 0..monitors.len() {
        wait_until("a broker has its streams", async || stats(broker).await.contains(&has_streams))
            .await;
    }
    servers.processes.stop().await.unwrap();
    wait_until("the disks are unmounted", async || !is_mounted_from(&folder)).await;
}

/// Whether a block device is a file in this folder.
fn is_mounted_from(folder: &Path) -> bool {
    let devices = fs::read_dir("/sys/block").unwrap().flatten();
    let mut files = devices
        .filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok());
    files.any(|file| Path::new(file.trim()).starts_with(folder))
}
