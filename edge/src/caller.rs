//! Who makes a request, and what they may do.

use std::sync::Arc;
use std::time::SystemTime;

use hyper::header::{HeaderMap, HeaderName};
use orders::{BorrowedOrder, CallerName};

use crate::identity::{Scope, Scopes};
use crate::problem::Problem;

/// Names the caller for whom the holder of a token acts, who must have [`Scope::ActForOthers`].
const ON_BEHALF_OF: HeaderName = HeaderName::from_static("on-behalf-of");

/// Who makes a request, or for whom it is made.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The name under which orders are placed; a part of their ids.
    pub(crate) name: CallerName,
    scopes: Scopes,
    /// When their token is no longer accepted; `None` if they need none.
    valid_until: Option<SystemTime>,
}

impl Caller {
    /// The caller whom a token names that is accepted until then.
    pub(crate) const fn new(name: CallerName, scopes: Scopes, valid_until: SystemTime) -> Self {
        Self { name, scopes, valid_until: Some(valid_until) }
    }

    /// The caller of every request where callers are not authenticated. They may do everything but act for others:
    /// there are none.
    pub(crate) const fn public() -> Self {
        Self { name: CallerName::PUBLIC, scopes: Scopes::ALL, valid_until: None }
    }

    /// Whether their token is accepted at this time.
    pub(crate) fn is_valid_at(&self, now: SystemTime) -> bool {
        self.valid_until.is_none_or(|end| now < end)
    }

    /// Refuses a request that needs this scope if the caller does not have it.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(scope) { Ok(()) } else { Err(Problem::ScopeMissing(scope)) }
    }

    /// Refuses an order that says more than this caller may say.
    pub(crate) fn check(&self, order: &BorrowedOrder<'_>) -> Result<(), Problem> {
        if order.adjustments.is_empty() { Ok(()) } else { self.require(Scope::SetPrices) }
    }

    /// The caller for whom this authenticated one acts: themselves, unless `headers` name another.
    pub(crate) fn acting(self: Arc<Self>, headers: &HeaderMap) -> Result<Arc<Self>, Problem> {
        let mut named = headers.get_all(ON_BEHALF_OF).iter();
        let Some(name) = named.next() else { return Ok(self) };
        self.require(Scope::ActForOthers)?;
        let name = name.to_str().ok().filter(|_| named.next().is_none());
        let name = name.and_then(|name| name.parse().ok()).ok_or(Problem::InvalidCaller)?;
        Ok(Arc::new(Self { name, ..Self::clone(&self) }))
    }
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use hyper::header::HeaderValue;
    use orders::PlaceOrder;

    use super::*;

    fn caller(scopes: &[&str]) -> Arc<Caller> {
        let scopes = Scopes::named(scopes.iter().copied());
        Arc::new(Caller::new("shop".parse().unwrap(), scopes, SystemTime::now()))
    }

    fn for_whom(names: &[&'static str]) -> HeaderMap {
        names.iter().map(|name| (ON_BEHALF_OF, HeaderValue::from_static(name))).collect()
    }

    #[test]
    fn only_who_may_set_prices_sends_adjustments() {
        let adjusted = br#"{"currency":"GBP","lines":[{"sku":"A","quantity":1,"unit_price":5}],
            "payment":{"token":"t"},"adjustments":[{"type":"discount","label":"D","amount":-4}]}"#;
        let adjusted = PlaceOrder::parse_borrowed(adjusted).unwrap();
        let plain = BorrowedOrder { adjustments: Vec::new(), ..adjusted.clone() };
        let buyer = caller(&["orders:write"]);
        assert!(buyer.check(&plain).is_ok());
        assert!(Caller::public().check(&adjusted).is_ok());
        assert_eq!(buyer.check(&adjusted).unwrap_err().status(), StatusCode::FORBIDDEN);
    }

    #[test]
    fn only_who_may_act_for_others_acts_for_a_named_buyer() {
        let (backend, buyer) = (caller(&["orders:admin"]), caller(&["orders:write"]));
        let acting = backend.clone().acting(&for_whom(&["ann"])).unwrap();
        assert_eq!(acting.name.as_str(), "ann");
        assert_eq!(backend.clone().acting(&for_whom(&[])).unwrap().name.as_str(), "shop");
        let refused = buyer.acting(&for_whom(&["ann"])).unwrap_err();
        assert!(matches!(refused, Problem::ScopeMissing(Scope::ActForOthers)));
        for malformed in [&["ann", "bob"][..], &["public"], &["a b"], &[""]] {
            let refused = backend.clone().acting(&for_whom(malformed)).unwrap_err();
            assert!(matches!(refused, Problem::InvalidCaller), "{malformed:?}");
        }
    }
}
