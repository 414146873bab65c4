//! The connections over which a process sends what is answered: one to any broker, and one to each. A
//! broker that is silent or lost is passed over. What is known of the lanes is shared by all of them.

mod lane_gates;
mod lane_view;
mod route;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{sleep, timeout};

use crate::lane_states::LaneStates;
use crate::limits::{ACK_SEND_TIMEOUT, ROUTES_PER_MESSAGE_MAX, ROUTES_POLL_INTERVAL};
use crate::{BrokerAccess, ConnectError, Connection, Lane};
pub use lane_view::RoutesWatch;
pub(crate) use route::Route;

/// Connections to the brokers. Cheap to clone; clones share what is known of the brokers.
#[derive(Clone)]
pub struct Routes {
    /// The first one connects to any broker, the others to one each.
    all: Arc<[Route]>,
    /// The index of the route that answered last.
    preferred: Arc<AtomicUsize>,
    /// How often a route was taken in turn.
    turn: Arc<AtomicUsize>,
    pub(crate) lanes: LaneStates,
}

/// One connection alone: no broker is passed over.
impl From<Connection> for Routes {
    fn from(connection: Connection) -> Self {
        Self::of(vec![connection])
    }
}

impl Routes {
    /// `connection`, and one to each of the brokers if there are several: a broker that is silent or lost is
    /// passed over. `name` is what operators see in the brokers' list of connections.
    ///
    /// # Errors
    /// A connection is closed while it is opened.
    pub async fn to_each_broker(
        connection: Connection,
        access: &BrokerAccess,
        name: &str,
    ) -> Result<Self, ConnectError> {
        let mut connections = vec![connection];
        let urls: Vec<&str> = access.urls.split(',').collect();
        if urls.len() > 1 {
            for url in urls {
                connections.push(Connection::to_one_broker(&access.to_one(url), name).await?);
            }
        }
        Ok(Self::of(connections))
    }

    fn of(connections: Vec<Connection>) -> Self {
        let all = connections.into_iter().map(Route::new).collect();
        Self { all, preferred: Arc::default(), turn: Arc::default(), lanes: LaneStates::default() }
    }

    /// The same connections, with what `other` knows of the lanes.
    #[must_use]
    pub fn sharing_lanes_with(self, other: &Self) -> Self {
        Self { lanes: other.lanes.clone(), ..self }
    }

    /// The connection to any broker.
    pub(crate) fn connection(&self) -> &Connection {
        &self.all[0].connection
    }

    /// Whether any broker, and any lane, answers, as far as is known.
    pub(crate) fn are_answered(&self) -> bool {
        self.all.iter().any(Route::is_answered) && self.lanes.are_answered()
    }

    /// The index of a route to the broker of this name; `None` if no route is to a broker of that name.
    pub(crate) fn to_broker(&self, name: &str) -> Option<usize> {
        // The first one is to any broker: it may end at this one, and at another one later.
        let is_there = |route: &Route| route.connection.client.server_info().server_name == name;
        Some(1 + self.all.get(1..)?.iter().position(is_there)?)
    }

    /// The index of the route to the broker that leads `lane`, as far as both are known and the route is
    /// good.
    pub(crate) fn to_leader_of(&self, lane: Lane) -> Option<usize> {
        let leader = self.lanes.leader(lane).and_then(|leader| self.to_broker(&leader));
        leader.filter(|index| self.get(*index).is_good())
    }

    /// The index of a good route to any broker, the one that answered last if it is good.
    pub(crate) fn any_good(&self) -> usize {
        let preferred = self.preferred.load(Ordering::Relaxed);
        if self.all[preferred].is_good() {
            return preferred;
        }
        self.all.iter().position(Route::is_good).unwrap_or(preferred)
    }

    /// Sends `payload` over a good connection, the one with index `first` if that is good; if none is, over
    /// one that is up. Does not wait for a broker that takes nothing. Returns whether it was sent.
    pub(crate) async fn send(&self, first: usize, subject: &str, payload: Bytes) -> bool {
        let others = (0..self.all.len()).filter(|index| *index != first);
        let all: Vec<&Route> =
            std::iter::once(first).chain(others).map(|index| &self.all[index]).collect();
        let good = all.iter().filter(|route| route.is_good());
        let slow = all.iter().filter(|route| !route.is_good() && route.connection.is_connected());
        for route in good.chain(slow) {
            let sent = route.connection.client.publish(subject.to_owned(), payload.clone());
            if matches!(timeout(ACK_SEND_TIMEOUT, sent).await, Ok(Ok(()))) {
                return true;
            }
        }
        false
    }

    /// All routes.
    pub(crate) fn all(&self) -> &[Route] {
        &self.all
    }

    /// The route with this index.
    pub(crate) fn get(&self, index: usize) -> &Route {
        &self.all[index]
    }

    /// The next message is sent over this route first.
    pub(crate) fn prefer(&self, index: usize) {
        self.preferred.store(index, Ordering::Relaxed);
    }

    /// The index of a good route, another one each time; `None` if no other is good than the one that answered last.
    pub(crate) fn good_in_turn(&self) -> Option<usize> {
        let preferred = self.any_good();
        let is_other = |index: &usize| *index != preferred && self.all[*index].is_good();
        let others: Vec<usize> = (0..self.all.len()).filter(is_other).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        others.get(turn.checked_rem(others.len())?).copied()
    }

    /// Has `send` send over the route that answered last. If nothing at all comes back over it, or it is
    /// lost, over another one as well, and so on. The first result counts.
    pub(crate) async fn first_result<F: Future>(&self, send: impl Fn(usize) -> F) -> F::Output {
        let mut used = vec![self.any_good()];
        let mut pending = FuturesUnordered::new();
        pending.push(send(used[0]));
        loop {
            tokio::select! {
                biased;
                Some(result) = pending.next() => return result,
                next = self.another(&used) => {
                    tracing::debug!("nothing comes back, trying another broker");
                    used.push(next);
                    pending.push(send(next));
                }
            }
        }
    }

    /// The index of a good route to another broker than those in `used`, once none of these is good.
    /// Does not return if there is none, or if a message has been sent over enough of them.
    async fn another(&self, used: &[usize]) -> usize {
        if self.all.len() == 1 || used.len() == ROUTES_PER_MESSAGE_MAX {
            return std::future::pending().await;
        }
        loop {
            sleep(ROUTES_POLL_INTERVAL).await;
            if used.iter().any(|index| self.all[*index].is_good()) {
                continue;
            }
            let is_other =
                |route: &Route| used.iter().all(|index| !route.has_broker_of(&self.all[*index]));
            let mut routes = self.all.iter();
            if let Some(next) = routes.position(|route| route.is_good() && is_other(route)) {
                return next;
            }
        }
    }
}
