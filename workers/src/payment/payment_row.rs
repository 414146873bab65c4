//! The row of a payment.

use std::collections::HashMap;
use std::time::SystemTime;

use deadpool_postgres::Object;
use orders::Money;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::database::DatabaseError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Paid,
    Declined,
    Refunded,
    /// A tombstone, stored as 'barred': withdrawn before any money was captured.
    Voided,
}

/// The row of one order.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) id: Uuid,
    pub(super) state: State,
    /// The order's total; `None` for an order that payment never processed.
    pub(super) amount: Option<Money>,
    /// The one payment intent that may be confirmed for the order.
    pub(super) intent: Option<String>,
    pub(super) decline_code: Option<String>,
    pub(super) decided_at: Option<SystemTime>,
    pub(super) refunded_at: Option<SystemTime>,
}

pub(super) type Rows = HashMap<Uuid, Payment>;

/// The rows of those orders in `ids` that have one.
pub(super) async fn read(connection: &Object, ids: &[Uuid]) -> Result<Rows, DatabaseError> {
    let select = connection
        .prepare_cached(
            "SELECT order_id, state, amount, currency, intent, decline_code, decided_at,
                 refunded_at
             FROM payment.payments WHERE order_id = ANY($1)",
        )
        .await?;
    let rows = connection.query(&select, &[&ids]).await?;
    rows.iter().map(|row| Payment::read(row).map(|payment| (payment.id, payment))).collect()
}

/// Inserts rows for orders that have none, each with its intent or already declined. Returns the
/// winning rows: if another worker inserted first, its row.
pub(super) async fn insert(connection: &Object, new: &[Payment]) -> Result<Rows, DatabaseError> {
    if new.is_empty() {
        return Ok(Rows::new());
    }
    let insert = "INSERT INTO payment.payments
             (order_id, state, amount, currency, intent, decline_code, decided_at)
         SELECT *, CASE WHEN state <> 'pending' THEN now() END
         FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[])
             AS new (id, state, amount, currency, intent, decline_code)
         ON CONFLICT DO NOTHING RETURNING order_id, decided_at";
    let insert = connection.prepare_cached(insert).await?;
    let ids = column(new, |row| row.id);
    let states = column(new, |row| row.state.as_str());
    let amounts = column(new, |row| row.amount.map(|money| money.amount));
    let currencies = column(new, |row| row.amount.as_ref().map(|money| money.currency.as_str()));
    let intents = column(new, |row| row.intent.as_deref());
    let decline_codes = column(new, |row| row.decline_code.as_deref());
    let written = connection
        .query(&insert, &[&ids, &states, &amounts, &currencies, &intents, &decline_codes])
        .await?;
    winning_rows(connection, new, &written).await
}

/// Writes the provider's decisions into pending rows. Returns the winning rows.
pub(super) async fn decide(
    connection: &Object,
    decided: &[Payment],
) -> Result<Rows, DatabaseError> {
    if decided.is_empty() {
        return Ok(Rows::new());
    }
    let update = "UPDATE payment.payments AS payments
         SET state = new.state, decline_code = new.decline_code, decided_at = now()
         FROM unnest($1::uuid[], $2::text[], $3::text[]) AS new (id, state, decline_code)
         WHERE payments.order_id = new.id AND payments.state = 'pending'
         RETURNING order_id, payments.decided_at";
    let update = connection.prepare_cached(update).await?;
    let ids = column(decided, |row| row.id);
    let states = column(decided, |row| row.state.as_str());
    let decline_codes = column(decided, |row| row.decline_code.as_deref());
    let written = connection.query(&update, &[&ids, &states, &decline_codes]).await?;
    winning_rows(connection, decided, &written).await
}

fn column<'r, T>(rows: &'r [Payment], value: impl Fn(&'r Payment) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// The rows of `candidates` that were written, and the stored rows of the other orders.
async fn winning_rows(
    connection: &Object,
    candidates: &[Payment],
    written: &[Row],
) -> Result<Rows, DatabaseError> {
    let written: HashMap<Uuid, Option<SystemTime>> = written
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<Result<_, DatabaseError>>()?;
    let (won, lost): (Vec<&Payment>, Vec<&Payment>) =
        candidates.iter().partition(|row| written.contains_key(&row.id));
    let lost: Vec<Uuid> = lost.iter().map(|row| row.id).collect();
    let mut rows = if lost.is_empty() { Rows::new() } else { read(connection, &lost).await? };
    let stored = |row: &Payment| Payment { decided_at: written[&row.id], ..row.clone() };
    rows.extend(won.into_iter().map(|row| (row.id, stored(row))));
    Ok(rows)
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Declined => "declined",
            Self::Refunded => "refunded",
            Self::Voided => "barred",
        }
    }
}

impl Payment {
    /// A charge that is not decided yet.
    pub(super) fn pending(id: Uuid, amount: Money) -> Self {
        Self {
            id,
            state: State::Pending,
            amount: Some(amount),
            intent: None,
            decline_code: None,
            decided_at: None,
            refunded_at: None,
        }
    }

    /// The same payment, charged. Its time is that of the row.
    pub(super) fn paid(self) -> Self {
        Self { state: State::Paid, ..self }
    }

    /// The same payment, declined. Its time is that of the row.
    pub(super) fn declined(self, code: String) -> Self {
        Self { state: State::Declined, decline_code: Some(code), ..self }
    }

    fn read(row: &Row) -> Result<Self, DatabaseError> {
        let state = match row.try_get("state")? {
            "pending" => State::Pending,
            "paid" => State::Paid,
            "declined" => State::Declined,
            "refunded" => State::Refunded,
            "barred" => State::Voided,
            unknown => return Err(DatabaseError::unknown_state("payment.payments", unknown)),
        };
        let currency: Option<&str> = row.try_get("currency")?;
        let currency = currency.and_then(|currency| currency.parse().ok());
        let amount: Option<i64> = row.try_get("amount")?;
        Ok(Self {
            amount: amount.zip(currency).map(|(amount, currency)| Money { amount, currency }),
            id: row.try_get("order_id")?,
            state,
            intent: row.try_get("intent")?,
            decline_code: row.try_get("decline_code")?,
            decided_at: row.try_get("decided_at")?,
            refunded_at: row.try_get("refunded_at")?,
        })
    }
}
