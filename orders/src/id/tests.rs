//! What order ids and their proofs promise.

use super::*;

fn id(caller: &str, key: &str) -> OrderId {
    OrderId::derive(caller, &key.parse().unwrap())
}

#[test]
fn the_same_caller_and_key_give_the_same_id() {
    assert_eq!(id("public", "k-1"), id("public", "k-1"));
    assert_ne!(id("public", "k-1"), id("public", "k-2"));
    assert_ne!(id("ab", "c"), id("a", "bc"));
}

#[test]
fn an_id_reads_back_from_its_text() {
    let id = id("public", "k-1");
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!(id.to_string(), "ec0f10635d39e2d12c1c493127d799e9");
}

#[test]
fn a_proof_is_verified_by_the_secret_that_made_it_also_after_rotation() {
    let old = SigningKeys::new("old", []);
    let text = old.sign(id("public", "k-1")).to_string();
    assert_eq!(old.verify(&text).unwrap().id(), id("public", "k-1"));
    assert!(SigningKeys::new("new", ["old"]).verify(&text).is_some());
    assert!(SigningKeys::new("new", []).verify(&text).is_none());
}

#[test]
fn a_text_that_no_edge_made_is_no_proof() {
    let secrets = SigningKeys::new("secret", []);
    let text = secrets.sign(id("public", "k-1")).to_string();
    let mut forged = text.clone();
    forged.replace_range(47..48, if text.ends_with('0') { "1" } else { "0" });
    for text in
        ["", "x", &text[..32], &text[..47], &text.to_uppercase(), &forged, "é".repeat(24).as_str()]
    {
        assert!(secrets.verify(text).is_none(), "{text}");
    }
}

#[test]
fn secrets_do_not_print_themselves() {
    assert_eq!(format!("{:?}", SigningKeys::new("hush", ["hushed"])), "Secrets(2)");
}

#[test]
fn secrets_are_read_from_a_list_and_each_is_long_enough() {
    let secrets: SigningKeys = "the-first-secret,a-secret-before-it".parse().unwrap();
    let old = SigningKeys::new("a-secret-before-it", []).sign(id("public", "k-1")).to_string();
    let new = secrets.sign(id("public", "k-1")).to_string();
    assert!(secrets.verify(&old).is_some());
    assert!(SigningKeys::new("the-first-secret", []).verify(&new).is_some());
    for text in ["", "fifteen-letters", "the-first-secret,", ",the-first-secret"] {
        assert!(text.parse::<SigningKeys>().is_err(), "{text}");
    }
}
