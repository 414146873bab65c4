//! Inventory: reserves the stock of all lines of an order, or of none, and releases it. Its sweep
//! requests the cancellation of orders whose reservation is not paid in time.

pub mod balance;
mod decide;
mod release;
mod reservation;
mod reserve;
pub mod stock;
mod sweep;

pub use release::release;
pub use reserve::reserve;
pub(crate) use sweep::Sweep;

mod embedded {
    refinery::embed_migrations!("src/inventory/migrations");
}

/// The migrations of inventory's tables.
pub(crate) fn migrations() -> refinery::Runner {
    embedded::migrations::runner()
}
