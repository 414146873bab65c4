//! Creates a bucket of settings, and corrects its stream. It holds no order: without it, every process goes on with
//! the setting that it has.

use async_nats::jetstream::stream::Config;

use super::attempts::with_retries;
use super::difference::{Difference, Impact};
use super::error::TopologyError;
use super::labels::{Labels, unless_labels_alone, with_labels_over};
use super::mode::Mode;
use super::settings::settings_differences;
use crate::Connection;
use crate::inspect::find_stream;

/// Creates the bucket when a role starts, and corrects what differs. While the cluster runs it is not created: an
/// empty one would end every pause without a word.
pub(super) async fn ensure_settings(
    connection: &Connection,
    wanted: &Config,
    mode: Mode,
) -> Result<Vec<Difference>, TopologyError> {
    let name = &wanted.name;
    let ensured = if mode == Mode::New {
        with_retries(name, async || ensure(connection, wanted, mode).await).await?
    } else {
        // Orders do not wait for it: the next look is in a minute.
        let ensured = ensure(connection, wanted, mode).await;
        ensured
            .map_err(|source| TopologyError::Rejected { name: name.clone(), source })?
            .unwrap_or_default()
    };
    ensured.ok_or_else(|| TopologyError::NoSettings { name: name.clone() })
}

/// What was corrected; the inner result is `None` if the stream is missing and not created.
async fn ensure(
    connection: &Connection,
    wanted: &Config,
    mode: Mode,
) -> Result<Option<Option<Vec<Difference>>>, async_nats::Error> {
    let found = match find_stream(connection, &wanted.name).await? {
        Some(info) => info.config,
        None if mode == Mode::Running => return Ok(Some(None)),
        None => {
            let created = connection.jetstream.get_or_create_stream(wanted.clone()).await?;
            if mode == Mode::Resumed {
                return Ok(Some(Some(vec![Difference::missing_bucket(&wanted.name)])));
            }
            created.cached_info().config.clone()
        }
    };
    let mut corrected = settings_differences(&found, wanted);
    corrected.retain(|difference| difference.impact != Impact::Allowed);
    if !corrected.is_empty() || Labels::of_config(&found).are_due() {
        let updated = Config {
            max_bytes: found.max_bytes,
            // They cannot be undone.
            deny_purge: found.deny_purge,
            deny_delete: found.deny_delete,
            ..with_labels_over(&found, wanted.clone())
        };
        let updated = connection.jetstream.update_stream(&updated).await;
        unless_labels_alone(&found.name, &corrected, updated)?;
    }
    Ok(Some(Some(corrected)))
}
