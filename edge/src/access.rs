//! Who may make a request: it comes from an address within its quota, its caller is authenticated and permitted, and
//! within theirs.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::header::HeaderMap;
use redis::RedisResult;
use tokio::task::JoinSet;

use crate::cache::Cache;
use crate::caller::Caller;
use crate::client_address::Balancers;
use crate::config::Config;
use crate::identity::{Identity, Issuer, Scope};
use crate::problem::Problem;
use crate::quota::{AddressQuota, CallerQuota, EdgeCount, Verdict};

/// What a shard checks of each request.
pub(crate) struct Access {
    identity: Identity,
    /// `None` where callers are not authenticated, or may make any number of requests.
    addresses: Option<AddressQuota>,
    callers: Option<CallerQuota>,
    balancers: Option<Balancers>,
}

/// A request that may be made.
pub(crate) struct Admitted {
    pub(crate) caller: Arc<Caller>,
    /// What is left of the caller's quota.
    pub(crate) quota: Option<Verdict>,
}

impl Access {
    /// Starts among `tasks` what counts the requests of callers. It finishes after this is dropped.
    pub(crate) fn start(
        issuer: Issuer,
        config: &Config,
        edges: EdgeCount,
        tasks: &mut JoinSet<()>,
    ) -> RedisResult<Self> {
        let is_authenticated = issuer.knows_callers();
        let caller_rate = config.quota.caller_rate().filter(|_| is_authenticated);
        let start = |rate| {
            // A connection of its own: what fails for quotas must not pause the cache of orders.
            let cache = Cache::open(&config.redis)?;
            let (quota, task) = CallerQuota::new(rate, config.secrets.clone(), cache, edges);
            tasks.spawn(task.run());
            RedisResult::Ok(quota)
        };
        let callers = caller_rate.map(start).transpose()?;
        let address_rate = config.quota.address_rate().filter(|_| is_authenticated);
        Ok(Self {
            identity: Identity::new(issuer),
            addresses: address_rate.map(AddressQuota::new),
            callers,
            balancers: config.quota.balancers.clone(),
        })
    }

    /// Admits a request over a connection from `peer` to a route that needs this scope, or none.
    pub(crate) async fn admit(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        scope: Option<Scope>,
    ) -> Result<Admitted, Problem> {
        let Some(scope) = scope else {
            return Ok(Admitted { caller: self.identity.public(), quota: None });
        };
        self.admit_address(peer, headers)?;
        let caller = self.identity.authorize(headers, scope).await?;
        let quota = match &self.callers {
            Some(callers) => Some(callers.take(&caller).await?),
            None => None,
        };
        Ok(Admitted { caller, quota })
    }

    /// Counts a request over a connection from `peer` among those of its client's address.
    pub(crate) fn admit_address(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(addresses) = &self.addresses else { return Ok(()) };
        let balancers = self.balancers.as_ref();
        addresses.take(balancers.map_or(peer, |it| it.client(peer, headers)))?;
        Ok(())
    }

    /// Whether callers are authenticated.
    pub(crate) const fn knows_callers(&self) -> bool {
        self.identity.knows_callers()
    }

    /// Whether callers can be authenticated.
    pub(crate) fn is_ready(&self) -> bool {
        self.identity.is_ready()
    }
}
