//! Derivation and text form of order ids, and verification of their MACs.

use super::*;

const PUBLIC: &CallerName = &CallerName::PUBLIC;

fn caller(name: &str) -> CallerName {
    name.parse().unwrap()
}

fn id(caller: &CallerName, key: &str) -> OrderId {
    OrderId::derive(caller, &key.parse().unwrap())
}

#[test]
fn an_id_depends_on_the_caller_and_the_key_alone() {
    assert_eq!(id(PUBLIC, "k-1"), id(PUBLIC, "k-1"));
    assert_ne!(id(PUBLIC, "k-1"), id(PUBLIC, "k-2"));
    assert_ne!(id(&caller("ab"), "c"), id(&caller("a"), "bc"));
}

#[test]
fn an_id_parses_back_from_its_text() {
    let id = id(PUBLIC, "k-1");
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!(id.to_string(), "ec0f10635d39e2d12c1c493127d799e9");
}

#[test]
fn a_signed_id_is_verified_by_the_key_that_signed_it_even_after_rotation() {
    let old = SigningKeys::new("old", []);
    let text = old.sign(id(PUBLIC, "k-1"), PUBLIC).to_string();
    assert_eq!(old.verify(&text, PUBLIC).unwrap().id(), id(PUBLIC, "k-1"));
    assert!(SigningKeys::new("new", ["old"]).verify(&text, PUBLIC).is_some());
    assert!(SigningKeys::new("new", []).verify(&text, PUBLIC).is_none());
}

#[test]
fn the_id_of_an_order_is_verified_for_its_own_caller_alone() {
    let (ann, bob) = (&caller("ann"), &caller("bob"));
    let old = SigningKeys::new("old", []);
    let text = old.sign(id(ann, "k-1"), ann).to_string();
    let rotated = SigningKeys::new("new", ["old"]);
    assert_eq!(rotated.verify(&text, ann).unwrap().id(), id(ann, "k-1"));
    for stranger in [bob, PUBLIC, &caller("an"), &caller("annn")] {
        assert!(rotated.verify(&text, stranger).is_none(), "{}", stranger.as_str());
    }
}

#[test]
fn an_id_that_was_issued_to_the_public_is_that_of_everyone_who_has_it() {
    let keys = SigningKeys::new("secret", []);
    let text = keys.sign(id(PUBLIC, "k-1"), PUBLIC).to_string();
    assert_eq!(text, "ec0f10635d39e2d12c1c493127d799e9cd2ca497d0dbced0");
    assert!(keys.verify(&text, &caller("ann")).unwrap().is_of_public());
    let of_ann = keys.sign(id(PUBLIC, "k-1"), &caller("ann")).to_string();
    assert!(!keys.verify(&of_ann, &caller("ann")).unwrap().is_of_public());
}

#[test]
fn a_pseudonym_is_that_of_a_caller_and_of_a_key() {
    let (keys, other) = (SigningKeys::new("secret", ["other"]), SigningKeys::new("other", []));
    let ann = keys.pseudonym(&caller("ann"));
    assert_eq!(ann, SigningKeys::new("secret", []).pseudonym(&caller("ann")));
    assert_ne!(ann, keys.pseudonym(&caller("bob")));
    assert_ne!(ann, other.pseudonym(&caller("ann")));
}

#[test]
fn a_malformed_or_forged_signed_id_is_not_verified() {
    let keys = SigningKeys::new("secret", []);
    let text = keys.sign(id(PUBLIC, "k-1"), PUBLIC).to_string();
    let mut forged = text.clone();
    forged.replace_range(47..48, if text.ends_with('0') { "1" } else { "0" });
    for text in
        ["", "x", &text[..32], &text[..47], &text.to_uppercase(), &forged, "é".repeat(24).as_str()]
    {
        assert!(keys.verify(text, PUBLIC).is_none(), "{text}");
    }
}

#[test]
fn an_id_that_a_person_has_copied_may_have_a_mac_and_either_case() {
    let id = id(PUBLIC, "k-1");
    let signed = SigningKeys::new("secret", []).sign(id, PUBLIC).to_string();
    for text in [&id.to_string(), &signed] {
        assert_eq!(OrderId::parse_copied(text), Ok(id));
        assert_eq!(OrderId::parse_copied(&text.to_uppercase()), Ok(id));
    }
    for text in
        ["", &signed[..31], &signed[..47], &format!("{signed}0"), &"é".repeat(16), &"x".repeat(32)]
    {
        assert_eq!(OrderId::parse_copied(text), Err(InvalidCopiedId), "{text}");
    }
}

#[test]
fn the_debug_form_of_signing_keys_contains_no_key() {
    assert_eq!(format!("{:?}", SigningKeys::new("hush", ["hushed"])), "SigningKeys(2)");
}

#[test]
fn signing_keys_are_parsed_from_a_list_and_a_short_one_is_rejected() {
    let keys: SigningKeys = "the-first-secret,a-secret-before-it".parse().unwrap();
    let old =
        SigningKeys::new("a-secret-before-it", []).sign(id(PUBLIC, "k-1"), PUBLIC).to_string();
    let new = keys.sign(id(PUBLIC, "k-1"), PUBLIC).to_string();
    assert!(keys.verify(&old, PUBLIC).is_some());
    assert!(SigningKeys::new("the-first-secret", []).verify(&new, PUBLIC).is_some());
    for text in ["", "fifteen-letters", "the-first-secret,", ",the-first-secret"] {
        assert!(text.parse::<SigningKeys>().is_err(), "{text}");
    }
}
