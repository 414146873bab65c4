//! Which programs are found or downloaded, and the errors if there is none.

use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use lab::servers::{RunFolder, SearchPaths, Servers, ServersError, Tracer};
use streams::Profile;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::run_folders::run_folders;
use crate::test_servers::{reaper, start_servers};

/// A world-readable folder with a program that claims to be an old nats-server.
fn old_nats_server() -> (TempDir, PathBuf) {
    let folder = world_readable_folder();
    let file = folder.path().join("nats-server");
    fs::write(&file, "#!/bin/sh\necho nats-server: v2.10.4\n").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
    (folder, file)
}

fn world_readable_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The error with all of its causes, as it is printed.
fn message(error: &ServersError) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        message = format!("{message}: {error}");
        source = error.source();
    }
    message
}

#[tokio::test]
async fn a_configured_program_that_is_too_old_is_refused() {
    let (_old, file) = old_nats_server();
    let reaper = reaper();
    let folder = RunFolder::create(run_folders(), &reaper).unwrap();
    let mut start = start_servers(Profile::Single, &folder, reaper);
    start.search_paths.overrides.insert("MILLRACE_NATS_SERVER", file.clone());
    let error = Servers::start(start).await.unwrap_err();
    assert_eq!(
        message(&error),
        format!(
            "MILLRACE_NATS_SERVER names nats-server 2.10 ({}), but 2.15 or newer is needed",
            file.display()
        )
    );
}

#[tokio::test]
async fn a_configured_program_that_does_not_exist_is_refused() {
    let reaper = reaper();
    let folder = RunFolder::create(run_folders(), &reaper).unwrap();
    let mut start = start_servers(Profile::Single, &folder, reaper);
    start.search_paths.overrides.insert("MILLRACE_POSTGRES_BIN", "/no/such/folder".into());
    let error = Servers::start(start).await.unwrap_err();
    assert_eq!(
        message(&error),
        "MILLRACE_POSTGRES_BIN is set to /no/such/folder, which is not a usable PostgreSQL"
    );
}

#[tokio::test]
async fn without_a_program_and_a_cache_the_error_says_what_to_install() {
    let (old, _file) = old_nats_server();
    let reaper = reaper();
    let folder = RunFolder::create(run_folders(), &reaper).unwrap();
    let mut start = start_servers(Profile::Single, &folder, reaper);
    start.search_paths.overrides.clear();
    start.search_paths.folders = vec![old.path().to_path_buf()];
    start.search_paths.cache = None;
    let error = Servers::start(start).await.unwrap_err();
    assert_eq!(
        message(&error),
        "no nats-server 2.15 or newer was found, and the download failed: install it, or set \
         MILLRACE_NATS_SERVER: neither the cache folder nor the folder for temporary files \
         can be written"
    );
}

#[tokio::test]
#[ignore = "downloads 100 MB"]
async fn two_concurrent_starts_download_every_program_into_an_empty_cache() {
    let cache = world_readable_folder();
    let reaper = reaper();
    let folders = [
        RunFolder::create(run_folders(), &reaper).unwrap(),
        RunFolder::create(run_folders(), &reaper).unwrap(),
    ];
    let starts = folders.each_ref().map(|folder| {
        let mut start = start_servers(Profile::Single, folder, reaper.clone());
        start.search_paths.overrides.clear();
        // apt does not download what the distribution has installed already.
        start.search_paths.folders.retain(|folder| folder.join("postgres").exists());
        start.search_paths.cache = Some(cache.path().to_path_buf());
        start
    });
    let [one, two] = starts.map(Servers::start);
    let (one, two) = tokio::join!(one, two);
    one.unwrap().stop().await.unwrap();
    two.unwrap().stop().await.unwrap();
    let names = fs::read_dir(cache.path()).unwrap();
    let names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.starts_with("unfinished")), "{names:?}");
}

#[tokio::test]
#[ignore = "downloads 2 MB"]
async fn strace_is_downloaded_into_an_empty_cache() {
    let cache = world_readable_folder();
    let mut search_paths = SearchPaths::from_environment();
    search_paths.overrides.clear();
    search_paths.folders.clear();
    search_paths.cache = Some(cache.path().to_path_buf());
    let found = spawn_blocking(move || Tracer::find_or_download(&search_paths, &|_| {}).map(drop))
        .await
        .unwrap();
    found.unwrap();
    assert!(cache.path().join("strace/usr/bin/strace").is_file());
}
