//! A payment as its row keeps it.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use deadpool_postgres::Object;
use orders::Money;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::database::DatabaseError;
use crate::task::now;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Paid,
    Declined,
    Refunded,
    Barred,
}

/// The row of one order.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) id: Uuid,
    pub(super) state: State,
    /// What the order costs; `None` where it never came here.
    pub(super) amount: Option<Money>,
    /// The one payment intent that may be confirmed for the order.
    pub(super) intent: Option<String>,
    pub(super) decline_code: Option<String>,
    pub(super) decided_at: Option<SystemTime>,
    pub(super) refunded_at: Option<SystemTime>,
}

pub(super) type Rows = HashMap<Uuid, Payment>;

/// The rows of the orders `ids`, where there are any.
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

/// Writes rows for orders that have none, each with its intent or already declined. Gives the rows that
/// stand: where another worker was faster, its own.
pub(super) async fn add(connection: &Object, new: &[Payment]) -> Result<Rows, DatabaseError> {
    if new.is_empty() {
        return Ok(Rows::new());
    }
    let insert = "INSERT INTO payment.payments
             (order_id, state, amount, currency, intent, decline_code, decided_at)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[],
             $7::timestamptz[])
         ON CONFLICT DO NOTHING RETURNING order_id";
    let insert = connection.prepare_cached(insert).await?;
    let ids = column(new, |row| row.id);
    let states = column(new, |row| row.state.as_str());
    let amounts = column(new, |row| row.amount.map(|it| it.amount));
    let currencies = column(new, |row| row.amount.as_ref().map(|it| it.currency.as_str()));
    let intents = column(new, |row| row.intent.as_deref());
    let decline_codes = column(new, |row| row.decline_code.as_deref());
    let decided_at = column(new, |row| row.decided_at);
    let written = connection
        .query(
            &insert,
            &[&ids, &states, &amounts, &currencies, &intents, &decline_codes, &decided_at],
        )
        .await?;
    standing(connection, new, &written).await
}

/// Writes what the provider decided about pending rows. Gives the rows that stand.
pub(super) async fn decide(
    connection: &Object,
    decided: &[Payment],
) -> Result<Rows, DatabaseError> {
    if decided.is_empty() {
        return Ok(Rows::new());
    }
    let update = "UPDATE payment.payments AS payments
         SET state = new.state, decline_code = new.decline_code, decided_at = new.decided_at
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[])
             AS new (id, state, decline_code, decided_at)
         WHERE payments.order_id = new.id AND payments.state = 'pending' RETURNING order_id";
    let update = connection.prepare_cached(update).await?;
    let ids = column(decided, |row| row.id);
    let states = column(decided, |row| row.state.as_str());
    let decline_codes = column(decided, |row| row.decline_code.as_deref());
    let decided_at = column(decided, |row| row.decided_at);
    let written = connection.query(&update, &[&ids, &states, &decline_codes, &decided_at]).await?;
    standing(connection, decided, &written).await
}

fn column<'r, T>(rows: &'r [Payment], value: impl Fn(&'r Payment) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Of the rows that were to be written: those that were, and what stands instead of the others.
async fn standing(
    connection: &Object,
    wanted: &[Payment],
    written: &[Row],
) -> Result<Rows, DatabaseError> {
    let written: HashSet<Uuid> =
        written.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let (mine, others): (Vec<&Payment>, Vec<&Payment>) =
        wanted.iter().partition(|row| written.contains(&row.id));
    let others: Vec<Uuid> = others.iter().map(|row| row.id).collect();
    let mut rows = if others.is_empty() { Rows::new() } else { read(connection, &others).await? };
    rows.extend(mine.into_iter().map(|row| (row.id, row.clone())));
    Ok(rows)
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Declined => "declined",
            Self::Refunded => "refunded",
            Self::Barred => "barred",
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

    /// The same, charged now.
    pub(super) fn paid(self) -> Self {
        Self { state: State::Paid, decided_at: Some(now()), ..self }
    }

    /// The same, declined now.
    pub(super) fn declined(self, code: String) -> Self {
        Self { state: State::Declined, decline_code: Some(code), decided_at: Some(now()), ..self }
    }

    fn read(row: &Row) -> Result<Self, DatabaseError> {
        let state = match row.try_get("state")? {
            "pending" => State::Pending,
            "paid" => State::Paid,
            "declined" => State::Declined,
            "refunded" => State::Refunded,
            _ => State::Barred,
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
