//! One connection, and whether anything comes back over it.

use crate::Connection;
use crate::silence::{InFlight, Silence};

/// A connection over which messages are sent that are answered.
pub(crate) struct Route {
    pub(crate) connection: Connection,
    silence: Silence,
}

impl Route {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, silence: Silence::default() }
    }

    /// Begins to wait for the answer to a message.
    pub(crate) fn wait_for_answer(&self) -> InFlight {
        self.silence.wait_for_answer()
    }

    /// Whether a message that is sent over this route can be expected to be answered soon.
    pub(crate) fn is_good(&self) -> bool {
        self.connection.is_connected() && !self.silence.is_overdue()
    }

    /// Whether messages over this route are answered at all.
    pub(crate) fn is_answered(&self) -> bool {
        self.connection.is_connected() && self.silence.is_answered()
    }

    /// Whether both end at the same broker.
    pub(crate) fn has_broker_of(&self, other: &Self) -> bool {
        let broker = |route: &Self| route.connection.client.server_info().server_id;
        broker(self) == broker(other)
    }
}
