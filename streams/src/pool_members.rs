//! Which workers of a pool there are. Each asks for all services of the pool's name, which answer with their ids.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::Pool;
use crate::limits::{
    ACK_SEND_TIMEOUT, MEMBER_GONE_AFTER, MEMBERS_PING_INTERVAL, MEMBERS_SETTLE, MEMBERS_SILENT_MAX,
    MEMBERS_START_TIMEOUT,
};
use crate::routes::Routes;
use crate::rpc::service_name;

/// The workers of a pool, as one of them sees them.
pub(crate) struct PoolMembers {
    routes: Routes,
    subject: String,
    counts: fn(&Ping) -> bool,
    answers: Arc<Mutex<Answers>>,
    /// Where the answers come in, by the index of the route over which they were asked for.
    inboxes: HashMap<usize, Inbox>,
}

struct Inbox {
    subject: String,
    listening: AbortOnDropHandle<()>,
}

#[derive(Deserialize)]
struct Ping {
    id: String,
    metadata: Option<HashMap<String, String>>,
}

impl Ping {
    /// Whether its worker knows what only the first of a pool does. One of an earlier version does not say what its
    /// pool is.
    fn can_be_first(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.contains_key(POOL_METADATA))
    }
}

impl PoolMembers {
    /// Nothing is known yet about those that the worker with the id `own` shares `pool` with.
    pub(crate) fn new(routes: Routes, pool: Pool, own: String) -> Self {
        Self::that(|_| true, routes, pool, own)
    }

    /// The same for those alone whose answer is such.
    fn that(counts: fn(&Ping) -> bool, routes: Routes, pool: Pool, own: String) -> Self {
        let subject = format!("$SRV.PING.{}", service_name(pool));
        let answers = Arc::new(Mutex::new(Answers::new(own)));
        Self { routes, subject, counts, answers, inboxes: HashMap::new() }
    }

    /// Asks who is there. Does not wait for the answers.
    pub(crate) async fn ask(&mut self) {
        lock(&self.answers).asked(Instant::now());
        let route = self.routes.any_good();
        let client = self.routes.get(route).connection.client.clone();
        self.inboxes.retain(|_, inbox| !inbox.listening.is_finished());
        if !self.inboxes.contains_key(&route) {
            let subject = client.new_inbox();
            let subscribed = timeout(ACK_SEND_TIMEOUT, client.subscribe(subject.clone())).await;
            let Ok(Ok(mut replies)) = subscribed else { return };
            let (counts, answers) = (self.counts, self.answers.clone());
            let listening = tokio::spawn(async move {
                while let Some(reply) = replies.next().await {
                    if let Ok(ping) = serde_json::from_slice(&reply.payload)
                        && counts(&ping)
                    {
                        lock(&answers).answered(ping.id, Instant::now());
                    }
                }
            });
            let listening = AbortOnDropHandle::new(listening);
            self.inboxes.insert(route, Inbox { subject, listening });
        }
        let inbox = self.inboxes[&route].subject.clone();
        let asked = client.publish_with_reply(self.subject.clone(), inbox, "".into());
        timeout(ACK_SEND_TIMEOUT, asked).await.ok();
    }

    /// Forgets who is there, because nothing depends on it.
    pub(crate) fn forget(&mut self) {
        self.inboxes.clear();
        lock(&self.answers).forget();
    }

    /// The ids of the workers; `None` while they are not known.
    pub(crate) fn ids(&self) -> Option<BTreeSet<String>> {
        lock(&self.answers).ids(Instant::now())
    }
}

/// Keeps `is_first` up to date: whether the worker with the id `own` is the first of those of `pool` that answer, but
/// for those of earlier versions. Of what only one of them may do, that one does it. Does not return.
pub async fn follow_first_member(
    routes: impl Into<Routes>,
    pool: Pool,
    own: String,
    is_first: &watch::Sender<bool>,
) {
    let mut members = PoolMembers::that(Ping::can_be_first, routes.into(), pool, own.clone());
    loop {
        members.ask().await;
        let first = members.ids().and_then(|ids| ids.into_iter().next());
        is_first.send_if_modified(|it| std::mem::replace(it, first.as_ref() == Some(&own)) != *it);
        sleep(MEMBERS_PING_INTERVAL).await;
    }
}

/// What a worker says of itself since there is something that only the first of a pool does.
const POOL_METADATA: &str = "pool";

fn lock(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who has answered, and when: pure.
struct Answers {
    own: String,
    asked_since: Option<Instant>,
    own_first_at: Option<Instant>,
    last_at: BTreeMap<String, Instant>,
}

impl Answers {
    const fn new(own: String) -> Self {
        Self { own, asked_since: None, own_first_at: None, last_at: BTreeMap::new() }
    }

    fn asked(&mut self, now: Instant) {
        self.asked_since.get_or_insert(now);
    }

    fn answered(&mut self, id: String, now: Instant) {
        if id == self.own {
            self.own_first_at.get_or_insert(now);
            // Those that have left are forgotten.
            self.last_at.retain(|_, last| now.duration_since(*last) <= 2 * MEMBER_GONE_AFTER);
        }
        self.last_at.insert(id, now);
    }

    fn forget(&mut self) {
        *self = Self::new(std::mem::take(&mut self.own));
    }

    /// Those whose last answer is not much older than the last one of all: if no answer comes, nothing is known to
    /// have changed. After a while this worker is the only one that it can rely on.
    fn ids(&self, now: Instant) -> Option<BTreeSet<String>> {
        let asked_since = self.asked_since?;
        let last = self.last_at.values().max();
        if last.is_some_and(|last| now.duration_since(*last) > MEMBERS_SILENT_MAX) {
            return Some(BTreeSet::from([self.own.clone()]));
        }
        let Some((first, last)) = self.own_first_at.zip(last) else {
            let is_alone = now.duration_since(asked_since) > MEMBERS_START_TIMEOUT;
            return is_alone.then(|| BTreeSet::from([self.own.clone()]));
        };
        if now.duration_since(first) < MEMBERS_SETTLE {
            return None;
        }
        let is_there = |at: &Instant| last.saturating_duration_since(*at) <= MEMBER_GONE_AFTER;
        let there = self.last_at.iter().filter(|(_, at)| is_there(at));
        Some(there.map(|(id, _)| id.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ids(answers: &Answers, now: Instant) -> Option<Vec<String>> {
        answers.ids(now).map(|ids| ids.into_iter().collect())
    }

    #[test]
    fn the_others_are_known_shortly_after_the_own_answer_is_back() {
        let (mut answers, start) = (Answers::new("b".to_owned()), Instant::now());
        assert_eq!(ids(&answers, start), None);
        answers.asked(start);
        answers.answered("a".to_owned(), start);
        answers.answered("b".to_owned(), start);
        assert_eq!(ids(&answers, start), None, "others may be slower");
        assert_eq!(ids(&answers, start + SECOND).unwrap(), ["a", "b"]);
    }

    #[test]
    fn who_does_not_answer_any_more_is_gone_unless_the_own_answers_are_missing_too() {
        let (mut answers, start) = (Answers::new("b".to_owned()), Instant::now());
        answers.asked(start);
        answers.answered("a".to_owned(), start);
        answers.answered("b".to_owned(), start);
        assert_eq!(ids(&answers, start + 20 * SECOND).unwrap(), ["a", "b"], "cut off");
        assert_eq!(ids(&answers, start + 31 * SECOND).unwrap(), ["b"], "cut off for long");
        answers.answered("b".to_owned(), start + 3 * SECOND);
        assert_eq!(ids(&answers, start + 3 * SECOND).unwrap(), ["a", "b"], "it missed a question");
        answers.answered("b".to_owned(), start + 4 * SECOND);
        assert_eq!(ids(&answers, start + 4 * SECOND).unwrap(), ["b"]);
    }

    #[test]
    fn only_a_worker_that_says_its_pool_can_be_the_first() {
        for (metadata, expected) in [
            (r#","metadata":{"pool":"inventory"}"#, true),
            (r#","metadata":null"#, false),
            ("", false),
        ] {
            let reply = format!(r#"{{"name":"millrace-inventory","id":"a"{metadata}}}"#);
            let ping: Ping = serde_json::from_str(&reply).unwrap();
            assert_eq!(ping.can_be_first(), expected, "{reply}");
        }
    }

    #[test]
    fn without_any_answer_a_worker_takes_itself_for_the_only_one() {
        let (mut answers, start) = (Answers::new("b".to_owned()), Instant::now());
        answers.asked(start);
        assert_eq!(ids(&answers, start + 2 * SECOND), None);
        assert_eq!(ids(&answers, start + 4 * SECOND).unwrap(), ["b"]);
    }
}
