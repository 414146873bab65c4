//! Why an order was rejected or cancelled. These are business outcomes, not errors.

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::Sku;

/// Why inventory did not reserve an order. Nothing of the order was reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum Rejection {
    /// There was less stock on hand of these SKUs than was ordered.
    OutOfStock {
        /// The SKUs without enough stock, sorted.
        skus: Vec<Sku>,
    },
    /// These SKUs are not in the catalogue.
    UnknownSku {
        /// The unknown SKUs, sorted.
        skus: Vec<Sku>,
    },
    /// The unit price on a line is not one of the catalogue's prices for its SKU.
    PriceChanged {
        /// The SKUs whose price has changed, sorted.
        skus: Vec<Sku>,
    },
    /// The catalogue prices these SKUs in another currency.
    CurrencyMismatch {
        /// The SKUs priced in another currency, sorted.
        skus: Vec<Sku>,
    },
}

/// The origin of a request to cancel an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    /// The buyer.
    Buyer,
    /// The sweep of expired reservations.
    Expiry,
    /// An operator who discarded a dead letter of the order.
    Operator,
}

/// Why an order is withdrawn and finally cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum CancelReason {
    /// The payment provider declined the charge.
    PaymentDeclined {
        /// The provider's decline code, such as `insufficient_funds`.
        decline_code: String,
    },
    /// Cancellation was requested before the order was shipped.
    Requested {
        /// The origin of the request.
        by: CancelledBy,
    },
    /// Fulfilment cannot ship these SKUs.
    Unshippable {
        /// The SKUs that cannot be shipped, sorted.
        skus: Vec<Sku>,
    },
}

impl Rejection {
    /// The reason's name on the wire, such as `out_of_stock`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OutOfStock { .. } => "out_of_stock",
            Self::UnknownSku { .. } => "unknown_sku",
            Self::PriceChanged { .. } => "price_changed",
            Self::CurrencyMismatch { .. } => "currency_mismatch",
        }
    }

    /// The SKUs that the order was rejected for.
    pub fn skus(&self) -> &[Sku] {
        match self {
            Self::OutOfStock { skus }
            | Self::UnknownSku { skus }
            | Self::PriceChanged { skus }
            | Self::CurrencyMismatch { skus } => skus,
        }
    }
}
