//! A lane: one of the equal streams of orders. Any event may be stored in any lane, once or several
//! times, because the row of a step decides what has happened.

use std::fmt;

use orders::EventKind;

use crate::limits::LANES_MAX;

/// The streams of the lanes, by number. The first one is the stream of versions without lanes.
const STREAMS: [&str; LANES_MAX + 1] = [
    "ORDERS", "ORDERS_1", "ORDERS_2", "ORDERS_3", "ORDERS_4", "ORDERS_5", "ORDERS_6", "ORDERS_7",
    "ORDERS_8", "ORDERS_9",
];

/// A lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(usize);

impl Lane {
    /// The lane that every cluster has.
    pub const FIRST: Self = Self(1);
    /// The stream of versions without lanes. What is in it is processed; it takes new messages only while
    /// there are no lanes.
    pub(crate) const LEGACY: Self = Self(0);

    /// The lanes of a cluster that has `count` of them.
    pub(crate) fn numbered(count: usize) -> impl Iterator<Item = Self> {
        (1..=count.min(LANES_MAX)).map(Self)
    }

    /// All lanes that a cluster may have, and the stream of versions without lanes.
    pub(crate) fn all_possible() -> impl Iterator<Item = Self> {
        (0..=LANES_MAX).map(Self)
    }

    /// The lane of this stream; `None` if it is another stream.
    pub fn of_stream(name: &str) -> Option<Self> {
        STREAMS.iter().position(|stream| *stream == name).map(Self)
    }

    /// The lane of this number, as a [`notice`](crate::subjects::LANE_USED) names it.
    pub(crate) fn parse(number: &[u8]) -> Option<Self> {
        let number: usize = std::str::from_utf8(number).ok()?.parse().ok()?;
        (1..=LANES_MAX).contains(&number).then_some(Self(number))
    }

    /// Whether it is the stream of versions without lanes.
    pub fn is_legacy(self) -> bool {
        self == Self::LEGACY
    }

    pub(crate) const fn number(self) -> usize {
        self.0
    }

    /// The name of its stream.
    pub const fn stream(self) -> &'static str {
        STREAMS[self.0]
    }

    /// The subjects of its stream while it takes messages: `orders.1.*`.
    pub(crate) fn open_subjects(self) -> String {
        self.subject("*")
    }

    /// The subject of its stream while it takes no messages: a publisher is answered that there are no
    /// responders.
    pub(crate) fn closed_subject(self) -> String {
        format!("closed.{}", self.subject("orders"))
    }

    /// The subject for batches of events of this kind.
    pub fn event_subject(self, kind: EventKind) -> String {
        self.subject(kind.as_str())
    }

    fn subject(self, last: &str) -> String {
        if self.is_legacy() {
            format!("orders.{last}")
        } else {
            format!("orders.{}.{last}", self.0)
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.stream())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subjects::event_kind;

    #[test]
    fn a_lane_is_known_by_its_stream_and_an_event_by_its_subject() {
        for number in 0..=LANES_MAX {
            let lane = Lane(number);
            assert_eq!(Lane::of_stream(lane.stream()), Some(lane));
            for kind in EventKind::ALL {
                assert_eq!(event_kind(&lane.event_subject(*kind)), Some(*kind));
            }
            assert_eq!(event_kind(&lane.closed_subject()), None);
        }
        assert_eq!(Lane::of_stream("RETRIES"), None);
        assert_eq!(Lane::FIRST.event_subject(EventKind::Paid), "orders.1.paid");
    }

    #[test]
    fn only_the_number_of_a_lane_that_takes_messages_is_in_a_notice() {
        assert_eq!(Lane::parse(b"2"), Some(Lane(2)));
        for other in [&b"0"[..], b"10", b"-1", b"x", b"", b"\xff"] {
            assert_eq!(Lane::parse(other), None, "{other:?}");
        }
    }
}
