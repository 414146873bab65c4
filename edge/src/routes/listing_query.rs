//! Which of their orders a caller asks for.

use std::borrow::Cow;

use orders::limits::TEXT_LENGTH_MAX;
use orders::{
    CallerHash, CallerName, IdempotencyKey, ListingPlace, ListingQuery, OrderId, Timestamp,
    from_hex, to_hex,
};

use crate::limits::{LISTED_DEFAULT, LISTED_MAX};
use crate::problem::Problem;

/// A place in a listing, as clients have it. It is not signed: it opens nothing, since every page is of the
/// caller's own orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor(pub(super) ListingPlace);

const CURSOR_BYTES: usize = 8 + 16;

/// Parses a query string. A misspelt parameter must not list other orders than are asked for, so each is known and
/// sent once.
pub(super) fn parse(
    query: &str,
    caller: &CallerName,
    callers: Vec<CallerHash>,
) -> Result<ListingQuery, Problem> {
    let mut parsed = ListingQuery {
        callers,
        id: None,
        reference: None,
        status: None,
        created_after: None,
        behind: None,
        limit: LISTED_DEFAULT,
    };
    let mut names: Vec<Cow<'_, str>> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if names.contains(&name) {
            return Err(Problem::InvalidListing("A parameter is sent twice"));
        }
        match &*name {
            "idempotency_key" => {
                let key: IdempotencyKey = value_of(&value, "Invalid `idempotency_key`")?;
                parsed.id = Some(OrderId::derive(caller, &key));
            }
            "reference" if (1..=TEXT_LENGTH_MAX).contains(&value.chars().count()) => {
                parsed.reference = Some(value.into_owned());
            }
            "reference" => return Err(Problem::InvalidListing("Invalid `reference`")),
            "status" => parsed.status = Some(value_of(&value, "Invalid `status`")?),
            "created_after" => {
                parsed.created_after = Some(time_of(&value)?);
            }
            "limit" => {
                let limit: u8 = value_of(&value, "Invalid `limit`")?;
                if !(1..=LISTED_MAX).contains(&limit) {
                    return Err(Problem::InvalidListing("Invalid `limit`"));
                }
                parsed.limit = limit;
            }
            "cursor" => {
                let Cursor(place) = value_of(&value, "Invalid `cursor`")?;
                parsed.behind = Some(place);
            }
            _ => return Err(Problem::InvalidListing("Unknown parameter")),
        }
        names.push(name);
    }
    if parsed.id.is_some() && names.len() > 1 {
        return Err(Problem::InvalidListing("`idempotency_key` is sent alone"));
    }
    Ok(parsed)
}

fn value_of<T: std::str::FromStr>(value: &str, fault: &'static str) -> Result<T, Problem> {
    value.parse().map_err(|_| Problem::InvalidListing(fault))
}

/// A time that rows can have.
fn time_of(value: &str) -> Result<Timestamp, Problem> {
    let time: Timestamp = value_of(value, "Invalid `created_after`")?;
    Ok(time.max(Timestamp::from_millis(0)))
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(ListingPlace { at, id }) = self;
        let bytes = [&at.as_millis().to_be_bytes()[..], id.as_bytes()].concat();
        f.write_str(&to_hex(&bytes))
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes: [u8; CURSOR_BYTES] = from_hex(text).ok_or(())?;
        let (at, id) = bytes.split_first_chunk().ok_or(())?;
        let at = i64::from_be_bytes(*at);
        // Of a time that no row can have, PostgreSQL would say that it is out of range.
        if !(0..=LATEST_MILLIS).contains(&at) {
            return Err(());
        }
        let id = OrderId::from_bytes(id.try_into().map_err(drop)?);
        Ok(Self(ListingPlace { at: Timestamp::from_millis(at), id }))
    }
}

/// The end of the year 9999, which RFC 3339 can write.
const LATEST_MILLIS: i64 = 253_402_300_799_999;

#[cfg(test)]
mod tests {
    use orders::Status;

    use super::*;

    fn parsed(query: &str) -> Result<ListingQuery, Problem> {
        parse(query, &"ann".parse().unwrap(), Vec::new())
    }

    #[test]
    fn a_query_names_what_is_listed() {
        let all = parsed("").unwrap();
        assert_eq!((all.limit, all.reference, all.behind), (LISTED_DEFAULT, None, None));
        let place =
            ListingPlace { at: Timestamp::from_millis(7), id: OrderId::from_bytes([9; 16]) };
        let some = parsed(&format!(
            "reference=a%20b&status=paid&created_after=2026-11-28T10:00:00%2B01:00&limit=100&cursor={}",
            Cursor(place)
        ))
        .unwrap();
        assert_eq!(some.reference.as_deref(), Some("a b"));
        assert_eq!((some.status, some.limit, some.behind), (Some(Status::Paid), 100, Some(place)));
        assert_eq!(some.created_after, Some("2026-11-28T09:00:00Z".parse().unwrap()));
        let key = "k-1".parse().unwrap();
        let by_key = parsed("idempotency_key=k-1").unwrap();
        assert_eq!(by_key.id, Some(OrderId::derive(&"ann".parse().unwrap(), &key)));
    }

    #[test]
    fn what_would_list_something_else_is_refused() {
        let digits = |byte: &str| byte.repeat(CURSOR_BYTES);
        for query in [
            "refrence=a",
            "reference=",
            "status=eaten",
            "created_after=yesterday",
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=1&limit=2",
            "cursor=",
            "idempotency_key=",
            "idempotency_key=a&status=paid",
            &format!("reference={}", "r".repeat(256)),
            &format!("cursor={}", digits("ff")),
            &format!("cursor={}", digits("7f")),
            &format!("cursor={}", &digits("00")[1..]),
        ] {
            let refused = parsed(query);
            assert!(matches!(refused, Err(Problem::InvalidListing(_))), "{query}");
        }
        assert!(parsed(&format!("cursor={}", digits("00"))).is_ok());
    }
}
