//! Why an order did not go through: outcomes of the business, never errors.

use serde::{Deserialize, Serialize};

use crate::Sku;

/// Why inventory did not reserve an order. Nothing of the order was reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum Rejection {
    /// There was less stock on hand of these SKUs than the order asks for.
    OutOfStock {
        /// The SKUs that fell short, in order.
        skus: Vec<Sku>,
    },
    /// The catalogue does not know these SKUs.
    UnknownSku {
        /// The unknown SKUs, in order.
        skus: Vec<Sku>,
    },
    /// The price on a line is none of the catalogue's for its SKU.
    PriceChanged {
        /// The SKUs whose price is another now, in order.
        skus: Vec<Sku>,
    },
    /// The catalogue prices these SKUs in another currency.
    CurrencyMismatch {
        /// The SKUs priced in another currency, in order.
        skus: Vec<Sku>,
    },
}

/// Who asked for an order to be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    /// The buyer.
    Buyer,
    /// The sweep of reservations whose time is over.
    Expiry,
    /// Somebody who gave up a dead letter of the order.
    Operator,
}

/// Why an order is withdrawn, and ends as cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum CancelReason {
    /// The payment provider declined the charge.
    PaymentDeclined {
        /// The provider's decline code, such as `insufficient_funds`.
        decline_code: String,
    },
    /// Somebody asked for it before it was shipped.
    Requested {
        /// Who.
        by: CancelledBy,
    },
    /// Fulfilment cannot ship these SKUs.
    Unshippable {
        /// The SKUs that cannot be shipped, in order.
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
