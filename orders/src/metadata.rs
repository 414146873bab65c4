//! What a shop keeps with an order. Millrace does not interpret it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::field_error::FieldErrors;
use crate::json::{Json, Name, ReadObject, Skipped};
use crate::limits::{
    METADATA_BYTES_MAX, METADATA_KEY_LENGTH_MAX, METADATA_PAIR_BYTES, METADATA_PAIRS_MAX,
    METADATA_VALUE_LENGTH_MAX,
};
use crate::members::pointer_to;
use crate::text::{is_text, unquoted_text};

/// Up to 50 pairs of texts, sorted by their keys. Its debug form hides them: they may be about a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata<T: AsRef<str> = String>(Vec<(T, T)>);

/// What is read of an order's metadata.
#[derive(Default)]
pub(crate) struct Pairs<'a> {
    valid: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// All of them, valid or not.
    count: usize,
    /// Their pointers begin at the object.
    errors: FieldErrors,
}

/// A value that should be an object of texts.
pub(crate) type PairsOf<'a> = Json<'a, Skipped, Pairs<'a>>;

impl<'de> ReadObject<'de> for Pairs<'de> {
    fn read<M: MapAccess<'de>>(mut members: M) -> Result<Self, M::Error> {
        let mut pairs = Self::default();
        while let Some((Name(key), value)) = members.next_entry::<_, Json<'de>>()? {
            pairs.count += 1;
            // Of pairs that are too many, only the number is reported. An explicit null counts as absent.
            if pairs.count <= METADATA_PAIRS_MAX && value != Json::Null {
                pairs.add(key, &value);
            }
        }
        Ok(pairs)
    }
}

impl<'a> Pairs<'a> {
    fn add(&mut self, key: Cow<'a, str>, value: &Json<'a>) {
        match self.check(&key, value) {
            Ok(value) => self.valid.push((key, value)),
            Err(detail) => self.errors.add(pointer_to(&key).unwrap_or_default(), detail),
        }
    }

    fn check(&self, key: &str, value: &Json<'a>) -> Result<Cow<'a, str>, String> {
        if !is_text(key, METADATA_KEY_LENGTH_MAX) {
            return Err(format!(
                "a key must have 1 to {METADATA_KEY_LENGTH_MAX} characters without control characters"
            ));
        }
        if self.valid.iter().any(|(other, _)| other == key) {
            return Err("duplicate member".to_owned());
        }
        unquoted_text(value, METADATA_VALUE_LENGTH_MAX)
    }
}

/// Returns `None` only after adding at least one error.
pub(crate) fn metadata_of<'a>(
    metadata: PairsOf<'a>,
    errors: &mut FieldErrors,
) -> Option<Metadata<Cow<'a, str>>> {
    let Json::Object(pairs) = metadata else {
        errors.add("", format!("{} is not an object of strings", metadata.type_name()));
        return None;
    };
    let Pairs { mut valid, count, errors: of_pairs } = pairs;
    if count > METADATA_PAIRS_MAX {
        errors.add("", format!("must have at most {METADATA_PAIRS_MAX} members, got {count}"));
        return None;
    }
    if !of_pairs.is_empty() {
        errors.add_below("", of_pairs);
        return None;
    }
    let bytes = valid.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    if bytes > METADATA_BYTES_MAX {
        errors.add(
            "",
            format!(
                "keys and values must have at most {METADATA_BYTES_MAX} bytes together, got {bytes}"
            ),
        );
        return None;
    }
    valid.sort_unstable();
    Some(Metadata(valid))
}

impl Metadata<Cow<'_, str>> {
    pub(crate) fn into_owned(self) -> Metadata {
        let pairs = self.0.into_iter();
        Metadata(pairs.map(|(key, value)| (key.into_owned(), value.into_owned())).collect())
    }
}

impl<T: AsRef<str>> Metadata<T> {
    /// The pairs, sorted by their keys.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// Whether there are none: an order that says nothing is the same as one that says `{}`.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The room that it takes as canonical JSON, unless its texts have quotation marks or backslashes.
    pub(crate) fn canonical_json_bytes(&self) -> usize {
        let pairs = self.pairs().map(|(key, value)| METADATA_PAIR_BYTES + key.len() + value.len());
        if self.is_empty() { 0 } else { METADATA_PAIR_BYTES * 3 + pairs.sum::<usize>() }
    }
}

impl<T: AsRef<str>> Default for Metadata<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: AsRef<str>> fmt::Debug for Metadata<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({} pairs)", self.0.len())
    }
}

impl<T: AsRef<str> + Serialize> Serialize for Metadata<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, T: AsRef<str> + Deserialize<'de>> Deserialize<'de> for Metadata<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

struct PairsVisitor<T>(PhantomData<T>);

impl<'de, T: AsRef<str> + Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
    type Value = Metadata<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Self::Value, M::Error> {
        let mut pairs: Vec<(T, T)> = Vec::new();
        while let Some(pair) = members.next_entry()? {
            pairs.push(pair);
        }
        pairs.sort_unstable_by(|one, other| one.0.as_ref().cmp(other.0.as_ref()));
        Ok(Metadata(pairs))
    }
}
