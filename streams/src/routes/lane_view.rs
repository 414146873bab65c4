//! Keeps what a process knows of the lanes: it asks the brokers, and listens to what other processes say.
//! Nothing is pulled from a lane that is not in use: a pull request that ends empty costs the brokers two
//! log entries, and a look at the consumer none.

use std::collections::BTreeMap;

use async_nats::jetstream::consumer;
use async_nats::jetstream::stream::Info;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use rand::RngExt;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::{Route, Routes};
use crate::lane_states::SeenLane;
use crate::lanes::list;
use crate::limits::{
    ACK_SEND_TIMEOUT, LANE_LOOK_INTERVAL, LANES_REFRESH_INTERVAL, ROUTE_ECHO_INTERVAL,
    ROUTE_UNANSWERED_AFTER,
};
use crate::subjects::LANE_USED;
use crate::topology::is_open;
use crate::{Durable, Lane, Requester, Source};

/// What keeps watch over the connections, until this is dropped.
pub struct RoutesWatch(Vec<AbortOnDropHandle<()>>);

impl Routes {
    /// Asks the brokers for the lanes, if what is known is old: in the background, unless nothing is
    /// known yet.
    pub async fn refresh_lanes(&self) {
        if !self.lanes.must_ask() {
            return;
        }
        let routes = self.clone();
        let refresh = async move { routes.ask_for_lanes().await };
        if self.lanes.all().is_empty() {
            refresh.await;
        } else {
            tokio::spawn(refresh);
        }
    }

    async fn ask_for_lanes(&self) {
        let requester = Requester::new(self.clone());
        let lanes = match list(&requester).await {
            // A cluster has a lane. If all are gone, the brokers say so of each message.
            Ok(lanes) if lanes.is_empty() => self.lanes.all(),
            Ok(lanes) => lanes,
            Err(err) => {
                tracing::debug!(%err, "the lanes could not be listed");
                self.lanes.all()
            }
        };
        let seen = lanes.iter().map(|lane| see(&requester, *lane));
        let seen: BTreeMap<_, _> = lanes.iter().copied().zip(join_all(seen).await).collect();
        self.lanes.observe(&seen);
    }

    /// Says to all processes that fetch that messages are put into `lane`.
    pub(crate) async fn announce_use(&self, lane: Lane, route: usize) {
        if self.lanes.use_lane(lane) {
            let number = Bytes::from(lane.number().to_string());
            let sent = self.get(route).connection.client.publish(LANE_USED, number);
            timeout(ACK_SEND_TIMEOUT, sent).await.ok();
        }
    }

    /// Keeps watch over each connection: whether its broker answers, which lanes there are, and into
    /// which of them other processes put messages.
    /// `sources` are those that the process fetches from: if one has messages in a lane of which no
    /// process has said that it is in use, it is in use.
    pub fn watch(&self, sources: Vec<Source>) -> RoutesWatch {
        let listen = (0..self.all().len()).map(|index| {
            let routes = self.clone();
            AbortOnDropHandle::new(tokio::spawn(async move { listen(&routes, index).await }))
        });
        let routes = self.clone();
        let refresh = async move {
            loop {
                routes.refresh_lanes().await;
                sleep(LANES_REFRESH_INTERVAL / 2).await;
            }
        };
        let routes = self.clone();
        let look = async move { routes.look_for_messages(&sources).await };
        let others = [tokio::spawn(refresh), tokio::spawn(look)].map(AbortOnDropHandle::new);
        let RoutesWatch(echoes) = self.watch_connections();
        RoutesWatch(echoes.into_iter().chain(listen).chain(others).collect())
    }

    /// Keeps watch over each connection alone: whether its broker answers.
    pub fn watch_connections(&self) -> RoutesWatch {
        let echoes = (0..self.all().len()).map(|index| {
            let routes = self.clone();
            let echo = async move { send_echoes(routes.get(index)).await };
            AbortOnDropHandle::new(tokio::spawn(echo))
        });
        RoutesWatch(echoes.collect())
    }

    /// Looks now and then into every lane for messages of `sources`.
    async fn look_for_messages(&self, sources: &[Source]) {
        let requester = &Requester::new(self.clone());
        loop {
            let delay =
                rand::rng().random_range(LANE_LOOK_INTERVAL / 2..=LANE_LOOK_INTERVAL * 3 / 2);
            sleep(delay).await;
            let looks = self.lanes.all().into_iter().map(|lane| async move {
                let durables = sources.iter().filter_map(|source| source.in_lane(lane));
                let looks = durables.map(|durable| has_messages(requester, durable));
                (lane, join_all(looks).await.contains(&true))
            });
            for (lane, has_messages) in join_all(looks).await {
                if has_messages {
                    self.lanes.note_use(lane);
                }
            }
        }
    }
}

/// Whether messages are not acked, as far as is known: while there is no leader, it is not known.
async fn has_messages(requester: &Requester, durable: Durable) -> bool {
    let request = format!("CONSUMER.INFO.{}.{}", durable.stream, durable.name);
    let info: Option<consumer::Info> = requester.api(&request, "").await;
    info.is_none_or(|info| info.num_pending > 0 || info.num_ack_pending > 0)
}

/// What the leader of a lane says of it; `None` if it does not reply.
async fn see(requester: &Requester, lane: Lane) -> Option<SeenLane> {
    let info: Info = requester.api(&format!("STREAM.INFO.{lane}"), "").await?;
    let leader = info.cluster.as_ref().and_then(|cluster| cluster.leader.clone());
    Some(SeenLane { is_open: is_open(lane, &info), leader })
}

/// Sends something to itself over a route, again and again: a broker that hangs does not return it. A request
/// says less, since what answers it may hang behind another broker.
async fn send_echoes(route: &Route) {
    loop {
        sleep(ROUTE_ECHO_INTERVAL).await;
        if !route.connection.is_connected() {
            continue;
        }
        let mut echo = route.connection.replies.register();
        let in_flight = route.wait_for_answer();
        let sent_at = in_flight.sent();
        let round_trip = async {
            if echo.send_to_itself().await.is_ok() {
                echo.next_reply().await;
                in_flight.answered(sent_at);
            }
        };
        timeout(ROUTE_UNANSWERED_AFTER, round_trip).await.ok();
    }
}

async fn listen(routes: &Routes, index: usize) {
    let Ok(mut notices) = routes.get(index).connection.client.subscribe(LANE_USED).await else {
        return;
    };
    while let Some(notice) = notices.next().await {
        if let Some(lane) = Lane::parse(&notice.payload) {
            routes.lanes.note_use(lane);
        }
    }
}
