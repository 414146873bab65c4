//! Every limit of an order, with the reason for its value. Those of what a client sends are in the document of
//! the API.

/// Lines of an order. More is not a realistic basket, and the order's row and event must stay
/// small.
pub const LINES_MAX: usize = 1_000;
/// The quantity of a line: more than a shop delivers, and the sum over [`LINES_MAX`] lines fits
/// into 32 bits.
pub const QUANTITY_MAX: u32 = 1_000_000;
/// An amount in minor units: twelve digits, which payment providers accept.
pub const AMOUNT_MAX: i64 = 999_999_999_999;

/// Characters in a SKU, a key of rows and of the cache: several times as long as is usual.
pub const SKU_LENGTH_MAX: usize = 64;
/// Characters in the name of a caller: as many as the subject of a token may have (`OpenID` Connect Core, section 2).
pub const CALLER_LENGTH_MAX: usize = 255;
/// Characters in an idempotency key: as many as Stripe accepts; a UUID has 36.
pub const KEY_LENGTH_MAX: usize = 255;
/// Characters in any other text field, such as a reference: enough for an identifier of another
/// system, and the event stays small.
pub const TEXT_LENGTH_MAX: usize = 255;
/// Adjustments of an order: some for each discount, tax and parcel of a large basket.
pub const ADJUSTMENTS_MAX: usize = 100;
/// Characters in the label of an adjustment: a line of a receipt.
pub const LABEL_LENGTH_MAX: usize = 64;
/// Bytes in an e-mail address that mail servers take (RFC 5321, section 4.5.3.1).
pub const EMAIL_BYTES_MAX: usize = 254;
/// The same for its part before the @.
pub(crate) const EMAIL_LOCAL_BYTES_MAX: usize = 64;
/// Digits in a phone number (ITU-T E.164).
pub const PHONE_DIGITS_MAX: usize = 15;
/// Digits in the shortest one with its country's code.
pub const PHONE_DIGITS_MIN: usize = 7;
/// Pairs in an order's metadata: as many as Stripe takes.
pub const METADATA_PAIRS_MAX: usize = 50;
/// Characters in a key of it: as many as Stripe takes.
pub const METADATA_KEY_LENGTH_MAX: usize = 40;
/// Characters in a value of it: as many as Stripe takes.
pub const METADATA_VALUE_LENGTH_MAX: usize = 500;
/// Bytes of all keys and values: an order with the longest lines and texts still fits into a body.
pub const METADATA_BYTES_MAX: usize = 16 * 1024;
/// Characters in a key that signs order ids: 16 random letters and digits hold 95 bits.
pub(crate) const SIGNING_KEY_LENGTH_MIN: usize = 16;

/// Validation errors in one response: a body of 256 KiB can contain tens of thousands.
pub const FIELD_ERRORS_MAX: usize = 100;
/// Bytes in the name of an unknown member that an error points at. A longer name is not a
/// misspelling; its error points at the enclosing object.
pub(crate) const NAME_BYTES_MAX: usize = 64;
/// Characters of a text that an error quotes: enough to find it in what was sent.
pub(crate) const QUOTED_LENGTH_MAX: usize = 40;

/// Bytes of a `created` event besides its order: id, time, digest, caller, trace and the names of members.
pub(crate) const CREATED_HEAD_BYTES_MAX: usize = 320;
/// Bytes of an order as canonical JSON besides its lines and texts, and of a line besides its SKU, with the
/// longest numbers: room for an event is reserved once.
pub(crate) const ORDER_BYTES_MAX: usize = 192;
pub(crate) const LINE_BYTES_MAX: usize = 64;
/// The same of an address and of a contact, with the name of the member and those in it.
pub(crate) const ADDRESS_BYTES_MAX: usize = 128;
pub(crate) const CONTACT_BYTES_MAX: usize = 48;
/// The same of an adjustment, and of the name of their member.
pub(crate) const ADJUSTMENT_BYTES_MAX: usize = 64;
/// The same of a pair of metadata: quotes, a colon and a comma.
pub(crate) const METADATA_PAIR_BYTES: usize = 6;
