//! Tokens in the query of an address, with which a web page follows one order: `EventSource` sends no headers.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{ID_BYTES, MAC_BYTES, OrderId, SignedOrderId, SigningKeys};
use crate::Timestamp;
use crate::hex::{from_hex, to_hex};

/// Seconds since 1970, for 34,000 years.
const TIME_BYTES: usize = 5;
const TOKEN_MAC_BYTES: usize = 16;

impl SigningKeys {
    /// A token with which anyone who has it may follow this order until then: the time as 10 hexadecimal digits, and 32
    /// more of a MAC over it and the signed id.
    pub fn events_token(&self, order: &SignedOrderId, expires_at: Timestamp) -> String {
        let time = seconds(expires_at);
        let mac = token_mac(&self.first.events_tokens, order, time).finalize().into_bytes();
        to_hex(&time) + &to_hex(&mac[..TOKEN_MAC_BYTES])
    }

    /// The order with this signed id, if `token` is one for it that has not expired.
    pub fn verify_events_token(
        &self,
        signed_id: &str,
        token: &str,
        now: Timestamp,
    ) -> Option<OrderId> {
        let (id, mac) = signed_id.split_at_checked(2 * ID_BYTES)?;
        let (id, mac) = (OrderId(from_hex(id)?), from_hex::<MAC_BYTES>(mac)?);
        let order = SignedOrderId { id, mac, is_of_public: false };
        let (time, sent) = token.split_at_checked(2 * TIME_BYTES)?;
        let (time, sent) = (from_hex(time)?, from_hex::<TOKEN_MAC_BYTES>(sent)?);
        let is_ours = self.all().any(|key| {
            token_mac(&key.events_tokens, &order, time).verify_truncated_left(&sent).is_ok()
        });
        (is_ours && time > seconds(now)).then_some(id)
    }
}

/// What the MAC covers: the signed id, so that the token is for one order of one caller, and the time.
fn token_mac(key: &Hmac<Sha256>, order: &SignedOrderId, time: [u8; TIME_BYTES]) -> Hmac<Sha256> {
    key.clone().chain_update(order.id.0).chain_update(order.mac).chain_update(time)
}

/// Whole seconds since 1970, of which the bytes have the same sequence.
fn seconds(at: Timestamp) -> [u8; TIME_BYTES] {
    let [_, _, _, bytes @ ..] = (at.as_millis().max(0) / 1_000).to_be_bytes();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CallerName;

    const NOW: Timestamp = Timestamp::from_millis(1_795_856_400_000);
    const LATER: Timestamp = Timestamp::from_millis(1_795_857_000_000);

    fn order(byte: u8) -> OrderId {
        OrderId::from_bytes([byte; 16])
    }

    #[test]
    fn a_token_is_for_one_order_until_it_expires() {
        let keys = SigningKeys::new("secret", []);
        let ann: CallerName = "ann".parse().unwrap();
        let id = keys.sign(order(1), &ann);
        let token = keys.events_token(&id, LATER);
        assert_eq!(token.len(), 42);
        let verify =
            |id: &SignedOrderId, now| keys.verify_events_token(&id.to_string(), &token, now);
        assert_eq!(verify(&id, NOW), Some(order(1)));
        assert_eq!(verify(&id, LATER), None);
        assert_eq!(verify(&keys.sign(order(2), &ann), NOW), None);
        assert_eq!(verify(&keys.sign(order(1), &CallerName::PUBLIC), NOW), None);
    }

    #[test]
    fn a_token_that_was_changed_or_made_with_another_secret_is_none() {
        let keys = SigningKeys::new("secret", []);
        let id = keys.sign(order(1), &CallerName::PUBLIC);
        let token = keys.events_token(&id, LATER);
        let id = id.to_string();
        for at in 0..token.len() {
            let other = if &token[at..=at] == "f" { "e" } else { "f" };
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert_eq!(keys.verify_events_token(&id, &changed, NOW), None, "{changed}");
        }
        let longer = format!("{token}0");
        for text in ["", "0", &id, &token[..41], &longer, &token.to_uppercase()] {
            assert_eq!(keys.verify_events_token(&id, text, NOW), None, "{text}");
        }
        let rotated = SigningKeys::new("newer", ["secret"]);
        assert_eq!(rotated.verify_events_token(&id, &token, NOW), Some(order(1)));
        let others = SigningKeys::new("others", []);
        assert_eq!(others.verify_events_token(&id, &token, NOW), None);
    }
}
