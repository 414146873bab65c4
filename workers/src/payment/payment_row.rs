//! The row of a payment.

use std::collections::HashMap;
use std::time::SystemTime;

use deadpool_postgres::Object;
use orders::{Money, NextAction};
use tokio_postgres::Row;
use tokio_postgres::types::{Json, ToSql};
use uuid::Uuid;

use crate::copies::Written;
use crate::database::DatabaseError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum State {
    Pending,
    /// The buyer has to act.
    RequiresAction,
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
    /// What the buyer has to do, in the state [`State::RequiresAction`].
    pub(super) next_action: Option<NextAction>,
    /// When the buyer first had to act.
    pub(super) action_at: Option<SystemTime>,
    /// The ids of the payment methods that the buyer has submitted after the first one.
    pub(super) submissions: Vec<String>,
    /// The version that was read.
    pub(super) version: i32,
    /// When the reservation expires; `None` in rows of an earlier version.
    pub(super) expires_at: Option<SystemTime>,
    pub(super) refunded_at: Option<SystemTime>,
    pub(super) written: Written,
}

pub(super) type Rows = HashMap<Uuid, Payment>;

/// The rows of those orders in `ids` that have one.
pub(super) async fn read(connection: &Object, ids: &[Uuid]) -> Result<Rows, DatabaseError> {
    let select = connection
        .prepare_cached(
            "SELECT order_id, state, amount, currency, intent, decline_code, decided_at,
                 refunded_at, next_action, action_at, submissions, version, expires_at, written_by,
                 now() AS read_at
             FROM payment.payments WHERE order_id = ANY($1)",
        )
        .await?;
    let rows = connection.query(&select, &[&ids]).await?;
    rows.iter().map(|row| Payment::read(row).map(|payment| (payment.id, payment))).collect()
}

/// Inserts rows for orders that have none, each with its intent or already decided, or both. Returns the
/// winning rows: if another worker inserted first, its row.
pub(super) async fn insert(connection: &Object, new: &[Payment]) -> Result<Rows, DatabaseError> {
    if new.is_empty() {
        return Ok(Rows::new());
    }
    let insert = "INSERT INTO payment.payments
             (order_id, state, amount, currency, intent, decline_code, expires_at, next_action,
              written_by, decided_at, action_at)
         SELECT *, CASE WHEN state IN ('paid', 'declined') THEN now() END,
             CASE state WHEN 'requires_action' THEN now() END
         FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                 $7::timestamptz[], $8::jsonb[], $9::text[])
             AS new (id, state, amount, currency, intent, decline_code, expires_at, next_action,
                 written_by)
         ON CONFLICT DO NOTHING RETURNING order_id, decided_at, action_at";
    let insert = connection.prepare_cached(insert).await?;
    let ids = column(new, |row| row.id);
    let states = column(new, |row| row.state.as_str());
    let amounts = column(new, |row| row.amount.map(|money| money.amount));
    let currencies = column(new, |row| row.amount.as_ref().map(|money| money.currency.as_str()));
    let intents = column(new, |row| row.intent.as_deref());
    let decline_codes = column(new, |row| row.decline_code.as_deref());
    let expiries = column(new, |row| row.expires_at);
    let actions = column(new, |row| row.next_action.as_ref().map(Json));
    let writers = column(new, |row| row.written.by.as_deref());
    let values: [&(dyn ToSql + Sync); 9] = [
        &ids,
        &states,
        &amounts,
        &currencies,
        &intents,
        &decline_codes,
        &expiries,
        &actions,
        &writers,
    ];
    let written = connection.query(&insert, &values).await?;
    winning_rows(connection, new, &written).await
}

/// Writes the provider's decisions into rows that are not decided yet and have not changed since they
/// were read. Returns the winning rows.
pub(super) async fn decide(
    connection: &Object,
    decided: &[Payment],
) -> Result<Rows, DatabaseError> {
    if decided.is_empty() {
        return Ok(Rows::new());
    }
    let update = "UPDATE payment.payments AS payments
         SET state = new.state, decline_code = new.decline_code, next_action = new.next_action,
             submissions = new.submissions, version = payments.version + 1,
             written_by = new.written_by,
             action_at = CASE new.state WHEN 'requires_action'
                 THEN coalesce(payments.action_at, now()) ELSE payments.action_at END,
             decided_at = CASE WHEN new.state <> 'requires_action' THEN now() END
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::jsonb[],
                 $6::int[], $7::text[])
             AS new (id, state, decline_code, next_action, submissions, version, written_by)
         WHERE payments.order_id = new.id AND payments.version = new.version
             AND payments.state = ANY($8::text[])
         RETURNING order_id, payments.decided_at, payments.action_at";
    let update = connection.prepare_cached(update).await?;
    let ids = column(decided, |row| row.id);
    let states = column(decided, |row| row.state.as_str());
    let decline_codes = column(decided, |row| row.decline_code.as_deref());
    let actions = column(decided, |row| row.next_action.as_ref().map(Json));
    let submissions = column(decided, |row| Json(&row.submissions));
    let versions = column(decided, |row| row.version);
    let writers = column(decided, |row| row.written.by.as_deref());
    let undecided = State::UNDECIDED.map(State::as_str);
    let values: [&(dyn ToSql + Sync); 8] = [
        &ids,
        &states,
        &decline_codes,
        &actions,
        &submissions,
        &versions,
        &writers,
        &&undecided[..],
    ];
    let written = connection.query(&update, &values).await?;
    winning_rows(connection, decided, &written).await
}

fn column<'r, T>(rows: &'r [Payment], value: impl Fn(&'r Payment) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// When a row was decided, and when the buyer first had to act.
type Times = (Option<SystemTime>, Option<SystemTime>);

/// The rows of `candidates` that were written, and the stored rows of the other orders.
async fn winning_rows(
    connection: &Object,
    candidates: &[Payment],
    written: &[Row],
) -> Result<Rows, DatabaseError> {
    let written: HashMap<Uuid, Times> = written
        .iter()
        .map(|row| Ok((row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?))))
        .collect::<Result<_, DatabaseError>>()?;
    let (won, lost): (Vec<&Payment>, Vec<&Payment>) =
        candidates.iter().partition(|row| written.contains_key(&row.id));
    let lost: Vec<Uuid> = lost.iter().map(|row| row.id).collect();
    let mut rows = if lost.is_empty() { Rows::new() } else { read(connection, &lost).await? };
    let stored = |row: &Payment| {
        let (decided_at, action_at) = written[&row.id];
        Payment { decided_at, action_at, ..row.clone() }
    };
    rows.extend(won.into_iter().map(|row| (row.id, stored(row))));
    Ok(rows)
}

impl State {
    /// The states over which the provider's decision is written.
    pub(super) const UNDECIDED: [Self; 2] = [Self::Pending, Self::RequiresAction];
    /// The states over which a refund is written.
    pub(super) const MAY_HOLD_MONEY: [Self; 3] = [Self::Pending, Self::RequiresAction, Self::Paid];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::RequiresAction => "requires_action",
            Self::Paid => "paid",
            Self::Declined => "declined",
            Self::Refunded => "refunded",
            Self::Voided => "barred",
        }
    }
}

impl Payment {
    /// A charge that is not decided yet.
    pub(super) fn pending(id: Uuid, amount: Money, expires_at: SystemTime) -> Self {
        Self {
            id,
            state: State::Pending,
            amount: Some(amount),
            expires_at: Some(expires_at),
            next_action: None,
            action_at: None,
            submissions: Vec::new(),
            version: 0,
            intent: None,
            decline_code: None,
            decided_at: None,
            refunded_at: None,
            written: Written::default(),
        }
    }

    /// Whether there is nothing to pay, and so no intent.
    pub(super) fn is_free(&self) -> bool {
        self.amount.is_some_and(|amount| amount.amount == 0)
    }

    /// By which message the outcome that the row records was written; `None` while it records none.
    pub(super) fn outcome_written(&self) -> Option<&Written> {
        (self.state != State::Pending).then_some(&self.written)
    }

    /// The same for the outcome by which a payment ends.
    pub(super) fn end_written(&self) -> Option<&Written> {
        (!State::UNDECIDED.contains(&self.state)).then_some(&self.written)
    }

    /// A row for unit tests, to which the buyer has submitted this many payment methods.
    #[cfg(test)]
    pub(super) fn with_submissions(count: usize) -> Self {
        let amount = Money { amount: 5, currency: "EUR".parse().unwrap() };
        let submissions = (0..count).map(|number| number.to_string()).collect();
        Self { submissions, ..Self::pending(Uuid::nil(), amount, SystemTime::UNIX_EPOCH) }
    }

    /// The same payment, charged. Its time is that of the row.
    pub(super) fn paid(self) -> Self {
        Self { state: State::Paid, next_action: None, ..self }
    }

    /// The same payment, declined. Its time is that of the row.
    pub(super) fn declined(self, code: String) -> Self {
        Self { state: State::Declined, decline_code: Some(code), next_action: None, ..self }
    }

    /// The same payment, which waits for the buyer. Its time is that of the row.
    pub(super) fn requires(self, action: NextAction) -> Self {
        Self { state: State::RequiresAction, next_action: Some(action), ..self }
    }

    fn read(row: &Row) -> Result<Self, DatabaseError> {
        let state = match row.try_get("state")? {
            "pending" => State::Pending,
            "requires_action" => State::RequiresAction,
            "paid" => State::Paid,
            "declined" => State::Declined,
            "refunded" => State::Refunded,
            "barred" => State::Voided,
            unknown => return Err(DatabaseError::unknown_state("payment.payments", unknown)),
        };
        let currency: Option<&str> = row.try_get("currency")?;
        let currency = currency.and_then(|currency| currency.parse().ok());
        let amount: Option<i64> = row.try_get("amount")?;
        let next_action: Option<Json<NextAction>> = row.try_get("next_action")?;
        let Json(submissions) = row.try_get("submissions")?;
        let [action_at, decided_at, refunded_at]: [Option<SystemTime>; 3] =
            [row.try_get("action_at")?, row.try_get("decided_at")?, row.try_get("refunded_at")?];
        let written_at = [action_at, decided_at, refunded_at].into_iter().max().flatten();
        let read_at = row.try_get("read_at")?;
        let written_at = written_at.unwrap_or(read_at);
        Ok(Self {
            next_action: next_action.map(|Json(action)| action),
            action_at,
            submissions,
            version: row.try_get("version")?,
            expires_at: row.try_get("expires_at")?,
            amount: amount.zip(currency).map(|(amount, currency)| Money { amount, currency }),
            id: row.try_get("order_id")?,
            state,
            intent: row.try_get("intent")?,
            decline_code: row.try_get("decline_code")?,
            decided_at,
            refunded_at,
            written: Written::read(row.try_get("written_by")?, written_at, read_at),
        })
    }
}
