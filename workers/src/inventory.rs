//! Inventory: holds the stock of all lines of an order, or of none, and gives it back. What is held
//! too long without being paid is asked to be cancelled.

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

/// How the tables of inventory come to be.
pub(crate) fn migrations() -> refinery::Runner {
    embedded::migrations::runner()
}
