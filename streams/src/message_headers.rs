//! Reads the headers of a stream's messages, without their bodies.

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{Message, stream::Stream};
use futures_util::StreamExt;
use orders::Timestamp;

use crate::limits::HEADER_READER_TTL;
use crate::reader_name::reader_name;
use crate::subjects::RECORDS_HEADER;

/// The metadata of one message.
pub(crate) struct Header {
    pub(crate) sequence: u64,
    pub(crate) subject: String,
    /// The number of records. A message without the header holds one record, as in the stream of
    /// retries.
    pub(crate) records: u64,
    pub(crate) stored_at: Timestamp,
}

/// The headers of up to `messages_max` messages of `stream`, starting at `from`. An empty list of
/// subjects means all subjects.
pub(crate) async fn read(
    stream: &Stream<()>,
    from: DeliverPolicy,
    subjects: &[String],
    messages_max: usize,
) -> Result<Vec<Header>, async_nats::Error> {
    let reader = stream
        .create_consumer(pull::Config {
            name: Some(reader_name()),
            headers_only: true,
            ack_policy: AckPolicy::None,
            deliver_policy: from,
            filter_subjects: subjects.to_vec(),
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: HEADER_READER_TTL,
            ..pull::Config::default()
        })
        .await?;
    let mut messages =
        reader.fetch().max_messages(messages_max).expires(HEADER_READER_TTL).messages().await?;
    let mut headers = Vec::new();
    while let Some(message) = messages.next().await {
        headers.push(header(&message?)?);
    }
    Ok(headers)
}

fn header(message: &Message) -> Result<Header, async_nats::Error> {
    let records = message.headers.as_ref().and_then(|headers| headers.get(RECORDS_HEADER));
    let info = message.info()?;
    let stored_at = info.published.unix_timestamp_nanos() / 1_000_000;
    Ok(Header {
        sequence: info.stream_sequence,
        subject: message.subject.to_string(),
        records: records.and_then(|value| value.as_str().parse().ok()).unwrap_or(1),
        stored_at: Timestamp::from_millis(stored_at as i64),
    })
}
