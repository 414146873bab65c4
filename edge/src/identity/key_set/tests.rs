//! Sets of keys, and the signatures of the RFCs' own examples.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header, crypto};
use serde_json::json;

use super::*;
use crate::identity::signature::install;
use crate::identity::{Scope, TokenSigner};

fn expected() -> Expected {
    Expected { issuer: "i".to_owned(), audience: "a".to_owned() }
}

fn parse(keys: &Value) -> Result<KeySet, InvalidKeySet> {
    KeySet::parse(json!({"keys": keys}).to_string().as_bytes(), &expected())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token that the key with this seed has signed, whose header and claims are these.
fn token(seed: u8, header: &Header, claims: &Value) -> String {
    install();
    jsonwebtoken::encode(header, claims, &EncodingKey::from_ed_der(&[seed; 32])).unwrap()
}

fn header_of(key: &TokenSigner) -> Header {
    let kid = key.public_jwk()["kid"].as_str().map(str::to_owned);
    Header { kid, ..Header::new(Algorithm::EdDSA) }
}

fn good_claims() -> Value {
    json!({"iss": "i", "aud": "a", "sub": "ann", "exp": now() + 60, "scope": "orders:read"})
}

fn fault(set: &KeySet, token: &str) -> Option<TokenFault> {
    set.verify(token).err()
}

/// What an RFC shows of a signature.
#[derive(Deserialize)]
struct Example {
    algorithm: Algorithm,
    key: Value,
    message: String,
    signature: String,
}

/// RFC 7515, appendices A.2 and A.3, and RFC 8037, appendix A.4: what an independent implementation has signed.
#[test]
fn the_signatures_of_the_rfcs_are_valid_for_their_key_and_algorithm_alone() {
    install();
    let examples: Vec<Example> = serde_json::from_str(include_str!("rfc_examples.json")).unwrap();
    let message = |example: &Example| example.message.clone().into_bytes();
    for example in &examples {
        let key = TokenKey::new(example.key.clone(), &expected()).unwrap();
        assert_eq!(key.algorithm, example.algorithm);
        let verify = |signature: &str, message: &[u8], algorithm| {
            crypto::verify(signature, message, &key.key, algorithm).unwrap_or(false)
        };
        let (message, algorithm) = (message(example), example.algorithm);
        assert!(verify(&example.signature, &message, algorithm), "{algorithm:?}");
        assert!(!verify(&example.signature, &message[1..], algorithm), "{algorithm:?}");
        let mut forged = URL_SAFE_NO_PAD.decode(&example.signature).unwrap();
        forged[7] ^= 1;
        assert!(!verify(&URL_SAFE_NO_PAD.encode(forged), &message, algorithm), "{algorithm:?}");
        for other in &examples {
            let is_valid = verify(&example.signature, &message, other.algorithm);
            assert_eq!(is_valid, other.algorithm == algorithm, "{algorithm:?}");
        }
    }
}

#[test]
fn keys_of_other_uses_and_algorithms_are_left_out_and_do_not_spoil_the_set() {
    let good = TokenSigner::new([1; 32]);
    let with = |member: &str, value: &str| {
        let mut key = TokenSigner::new([2; 32]).public_jwk();
        key[member] = value.into();
        key
    };
    let useless = [
        with("use", "enc"),
        with("alg", "ES256"),
        with("crv", "X25519"),
        with("kty", "AKP"),
        json!({"kty": "oct", "k": "c2VjcmV0", "kid": "s"}),
        json!({"kty": "RSA", "alg": "RS512", "n": "AQAB", "e": "AQAB"}),
        json!({"kty": "EC", "crv": "P-384", "x": "AQAB", "y": "AQAB"}),
        json!("text"),
    ];
    for key in &useless {
        assert!(parse(&json!([key])).unwrap().is_empty(), "{key}");
    }
    let mut keys = useless.to_vec();
    keys.push(good.public_jwk());
    let set = parse(&keys.into()).unwrap();
    assert!(set.verify(&token(1, &header_of(&good), &good_claims())).is_ok());
}

#[test]
fn a_text_that_is_not_a_set_or_too_large_a_one_is_an_error() {
    for text in ["", "{}", r#"{"keys":{}}"#, "[]"] {
        let parsed = KeySet::parse(text.as_bytes(), &expected());
        assert!(matches!(parsed, Err(InvalidKeySet::NotASet(_))), "{text}");
    }
    let many = vec![TokenSigner::new([1; 32]).public_jwk(); TOKEN_KEYS_MAX + 1];
    assert!(matches!(parse(&many.into()), Err(InvalidKeySet::TooManyKeys)));
}

#[test]
fn a_token_is_verified_by_the_key_with_its_id() {
    let (first, second) = (TokenSigner::new([1; 32]), TokenSigner::new([2; 32]));
    let set = parse(&json!([first.public_jwk(), second.public_jwk()])).unwrap();
    let claims = good_claims();
    assert!(set.verify(&token(1, &header_of(&first), &claims)).is_ok());
    assert!(set.verify(&token(2, &header_of(&second), &claims)).is_ok());
    let swapped = token(2, &header_of(&first), &claims);
    assert_eq!(fault(&set, &swapped), Some(TokenFault::InvalidSignature));
    let unknown = Header { kid: Some("other".to_owned()), ..Header::new(Algorithm::EdDSA) };
    assert_eq!(fault(&set, &token(1, &unknown, &claims)), Some(TokenFault::UnknownKey));
    // Without an id it could be any of them.
    let without = token(1, &Header::new(Algorithm::EdDSA), &claims);
    assert_eq!(fault(&set, &without), Some(TokenFault::UnknownKey));
    let only = parse(&json!([first.public_jwk()])).unwrap();
    assert!(only.verify(&without).is_ok());
}

#[test]
fn a_token_does_not_choose_its_algorithm() {
    let key = TokenSigner::new([1; 32]);
    let set = parse(&json!([key.public_jwk()])).unwrap();
    let signed = token(1, &header_of(&key), &good_claims());
    let (_, rest) = signed.split_once('.').unwrap();
    for (algorithm, expected) in [
        ("none", TokenFault::Malformed),
        ("HS256", TokenFault::UnknownKey),
        ("RS256", TokenFault::UnknownKey),
        ("eddsa", TokenFault::Malformed),
    ] {
        let header = json!({"alg": algorithm, "kid": key.public_jwk()["kid"]}).to_string();
        let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(fault(&set, &forged), Some(expected), "{algorithm}");
    }
}

#[test]
fn a_token_with_a_critical_header_or_another_form_is_malformed() {
    let key = TokenSigner::new([1; 32]);
    let set = parse(&json!([key.public_jwk()])).unwrap();
    let critical = Header { crit: Some(vec!["b64".to_owned()]), ..header_of(&key) };
    let good = token(1, &header_of(&key), &good_claims());
    for malformed in [
        token(1, &critical, &good_claims()),
        String::new(),
        "a.b".to_owned(),
        format!("{good}.x"),
        good.replace('.', ""),
    ] {
        assert_eq!(fault(&set, &malformed), Some(TokenFault::Malformed), "{malformed}");
    }
    assert!(matches!(fault(&set, "a.b.c"), Some(TokenFault::Malformed)));
}

#[test]
fn each_claim_is_verified() {
    let key = TokenSigner::new([1; 32]);
    let set = parse(&json!([key.public_jwk()])).unwrap();
    let leeway = TOKEN_LEEWAY.as_secs();
    let with = |member: &str, value: Value| {
        let mut claims = good_claims();
        claims[member] = value;
        fault(&set, &token(1, &header_of(&key), &claims))
    };
    for (member, value) in [
        ("exp", json!(now() - leeway + 5)),
        ("exp", json!(1e12)),
        ("nbf", json!(now() + leeway - 5)),
        ("aud", json!(["b", "a"])),
        ("scope", json!([])),
        ("scp", json!("orders:read")),
    ] {
        assert_eq!(with(member, value.clone()), None, "{member} {value}");
    }
    for (member, value, expected) in [
        ("exp", json!(now() - leeway - 5), TokenFault::Expired),
        ("nbf", json!(now() + leeway + 5), TokenFault::NotYetValid),
        ("iss", json!("j"), TokenFault::WrongIssuer),
        ("aud", json!("b"), TokenFault::WrongAudience),
        ("exp", Value::Null, TokenFault::InvalidClaims),
        ("iss", Value::Null, TokenFault::InvalidClaims),
        ("aud", Value::Null, TokenFault::InvalidClaims),
        ("sub", Value::Null, TokenFault::InvalidClaims),
        ("sub", json!(7), TokenFault::InvalidClaims),
        ("scope", json!(7), TokenFault::InvalidClaims),
        ("exp", json!("soon"), TokenFault::InvalidClaims),
        ("nbf", json!("soon"), TokenFault::InvalidClaims),
    ] {
        assert_eq!(with(member, value.clone()), Some(expected), "{member} {value}");
    }
}

#[test]
fn a_caller_is_the_subject_with_the_scopes_of_either_claim() {
    let key = TokenSigner::new([1; 32]);
    let set = parse(&json!([key.public_jwk()])).unwrap();
    let mut claims = good_claims();
    claims["scp"] = json!(["stock:read", "orders:write orders:price"]);
    let verified = set.verify(&token(1, &header_of(&key), &claims)).unwrap();
    let caller = verified.caller().unwrap();
    assert_eq!(caller.name.as_str(), "ann");
    let permitted = [true, true, true, false, true];
    for (scope, is_permitted) in Scope::ALL.iter().zip(permitted) {
        assert_eq!(caller.require(*scope).is_ok(), is_permitted, "{scope:?}");
    }
    claims["sub"] = "public".into();
    let public = set.verify(&token(1, &header_of(&key), &claims)).unwrap();
    assert_eq!(public.caller().unwrap_err(), TokenFault::InvalidSubject);
}
