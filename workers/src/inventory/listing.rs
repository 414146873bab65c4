//! Lists the orders of a caller, whom rows name by a keyed hash.
//!
//! A page costs a bounded number of rows, whatever it is asked for: by a status, which no index has, fewer orders may
//! be found than there are behind it.

use std::time::SystemTime;

use deadpool_postgres::Transaction;
use orders::{Currency, ListedOrder, ListingPlace, ListingQuery, Money, OrderId, OrderListing};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::limits::{LISTING_ROWS_MIN, LISTING_ROWS_PER_ORDER, LISTING_STATEMENT_TIMEOUT};
use crate::stage::ReadStatuses;
use crate::step_input::{order_id, row_id};

const COLUMNS: &str = "order_id, placed_at, reference, total, currency";

/// The page that `query` asks for.
pub(super) async fn list(
    database: &Database,
    statuses: ReadStatuses,
    query: &ListingQuery,
) -> Result<OrderListing, DatabaseError> {
    // One more than is shown says whether there are more.
    let shown = i64::from(query.limit);
    let limit = match query.status {
        Some(_) => (shown * LISTING_ROWS_PER_ORDER).max(LISTING_ROWS_MIN),
        None => shown + 1,
    };
    let rows = rows(database, query, limit).await?;
    let ids: Vec<OrderId> = rows.iter().map(|row| row.place.id).collect();
    let statuses = statuses(database, &ids).await?;
    let (count, is_cut) = (rows.len(), rows.len() as i64 == limit);
    let mut listing = OrderListing { orders: Vec::new(), next: None };
    for (index, (row, status)) in rows.into_iter().zip(statuses).enumerate() {
        let PlacedOrder { place, content } = row;
        // A row that a newer version has written is in the listing of that version.
        if let (Some(status), Some((reference, total))) = (status, content)
            && query.status.is_none_or(|wanted| wanted == status)
        {
            listing.orders.push(ListedOrder { place, status, reference, total });
        }
        let is_last = index + 1 == count;
        if listing.orders.len() == usize::from(query.limit) || is_last {
            listing.next = (is_cut || !is_last).then_some(place);
            break;
        }
    }
    Ok(listing)
}

/// What inventory has of an order.
struct PlacedOrder {
    place: ListingPlace,
    /// Its reference and total; `None` if a newer version has written them otherwise.
    content: Option<(Option<String>, Money)>,
}

async fn rows(
    database: &Database,
    query: &ListingQuery,
    limit: i64,
) -> Result<Vec<PlacedOrder>, DatabaseError> {
    let mut connection = database.connection().await?;
    let transaction = connection.transaction().await?;
    let timeout = LISTING_STATEMENT_TIMEOUT.as_millis();
    transaction.batch_execute(&format!("SET LOCAL statement_timeout = {timeout}")).await?;
    let rows = match query.id {
        Some(id) => by_id(&transaction, id).await?,
        None => by_caller(&transaction, query, limit).await?,
    };
    rows.iter().map(read).collect()
}

/// The id was derived from the caller, so the order is theirs.
async fn by_id(transaction: &Transaction<'_>, id: OrderId) -> Result<Vec<Row>, DatabaseError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM inventory.reservations WHERE order_id = $1 AND placed_at IS NOT NULL"
    );
    let select = transaction.prepare_cached(&sql).await?;
    Ok(transaction.query(&select, &[&row_id(id)]).await?)
}

async fn by_caller(
    transaction: &Transaction<'_>,
    query: &ListingQuery,
    limit: i64,
) -> Result<Vec<Row>, DatabaseError> {
    let callers: Vec<&[u8]> = query.callers.iter().map(|it| &it.as_bytes()[..]).collect();
    let after = query.created_after.map(SystemTime::from);
    let behind = query.behind.map(|place| (SystemTime::from(place.at), row_id(place.id)));
    let (at, id): (Option<SystemTime>, Option<Uuid>) = behind.unzip();
    // Only what is asked for is compared, so that a plan that is kept reads the index that has it.
    let mut conditions = Vec::new();
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&callers, &limit];
    if let Some(reference) = &query.reference {
        values.push(reference);
        conditions.push(format!(" AND reference = ${}", values.len()));
    }
    if let Some(after) = &after {
        values.push(after);
        conditions.push(format!(" AND placed_at > ${}", values.len()));
    }
    if let (Some(at), Some(id)) = (&at, &id) {
        values.extend([at as &(dyn ToSql + Sync), id]);
        let count = values.len();
        conditions.push(format!(" AND (placed_at, order_id) < (${}, ${count})", count - 1));
    }
    // A page for each hash, since an index is read in its sequence for one alone.
    let sql = format!(
        "SELECT {COLUMNS} FROM unnest($1::bytea[]) AS callers (hash)
         CROSS JOIN LATERAL (
             SELECT {COLUMNS} FROM inventory.reservations WHERE caller = hash{}
             ORDER BY placed_at DESC, order_id DESC LIMIT $2) AS page
         ORDER BY placed_at DESC, order_id DESC LIMIT $2",
        conditions.concat()
    );
    let select = transaction.prepare_cached(&sql).await?;
    Ok(transaction.query(&select, &values).await?)
}

fn read(row: &Row) -> Result<PlacedOrder, DatabaseError> {
    let at: SystemTime = row.try_get("placed_at")?;
    let place = ListingPlace { at: at.into(), id: order_id(row.try_get("order_id")?) };
    Ok(PlacedOrder { place, content: read_content(row) })
}

fn read_content(row: &Row) -> Option<(Option<String>, Money)> {
    let currency: Currency = row.try_get::<_, &str>("currency").ok()?.parse().ok()?;
    let total = Money { amount: row.try_get("total").ok()?, currency };
    Some((row.try_get("reference").ok()?, total))
}
