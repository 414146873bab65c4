//! Payment in the model checker: its row, its runs and the provider's intents, in a form that is small to
//! store. The stage's own functions decide.

mod calls;
mod decisions;
pub(crate) mod mutants;
mod payments;
mod provider;
mod row;
mod run;
mod runs;
mod table;

pub(crate) use decisions::{DECISIONS, Decisions, IsCopy, PaymentBounds, with_copies};
pub(crate) use payments::Payments;
pub(crate) use provider::Intent;
pub(crate) use run::{Ended, Happened, PaymentStep};
pub(crate) use table::{Number, Table};
