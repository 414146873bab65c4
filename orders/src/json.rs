//! A JSON value as it is read from a body, without a tree: a scalar keeps its content, and borrows it if it can;
//! the reader of an array or an object decides what is kept of it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::limits::QUOTED_LENGTH_MAX;

/// Any JSON value.
#[derive(Debug, PartialEq)]
pub(crate) enum Json<'a, A = Skipped, O = Skipped> {
    Null,
    Bool(bool),
    Whole(i64),
    /// A number that does not fit into an `i64`.
    Number(f64),
    Text(Cow<'a, str>),
    Array(A),
    Object(O),
}

/// What is kept of an array.
pub(crate) trait ReadArray<'de>: Sized {
    fn read<S: SeqAccess<'de>>(items: S) -> Result<Self, S::Error>;
}

/// What is kept of an object.
pub(crate) trait ReadObject<'de>: Sized {
    fn read<M: MapAccess<'de>>(members: M) -> Result<Self, M::Error>;
}

/// Nothing is kept. It is read like everything else, so that a body is JSON or not, wherever its faults are.
#[derive(Debug, PartialEq)]
pub(crate) struct Skipped;

/// The name of a member.
#[derive(serde::Deserialize)]
pub(crate) struct Name<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl<'a, A, O> Json<'a, A, O> {
    /// The type of this value, without its content.
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Whole(_) | Json::Number(_) => "a number",
            Json::Text(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }

    /// The same value with what `change` makes of an object.
    pub(crate) fn map_object<P>(self, change: impl FnOnce(O) -> P) -> Json<'a, A, P> {
        match self {
            Json::Null => Json::Null,
            Json::Bool(value) => Json::Bool(value),
            Json::Whole(number) => Json::Whole(number),
            Json::Number(number) => Json::Number(number),
            Json::Text(text) => Json::Text(text),
            Json::Array(array) => Json::Array(array),
            Json::Object(object) => Json::Object(change(object)),
        }
    }

    /// The content, if this is a string.
    pub(crate) fn text(&self) -> Result<&Cow<'a, str>, String> {
        match self {
            Json::Text(text) => Ok(text),
            other => Err(format!("{other} is not a string")),
        }
    }
}

/// The value as error messages quote it: short, whatever was sent.
impl<A, O> fmt::Display for Json<'_, A, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Bool(value) => write!(f, "{value}"),
            Json::Whole(value) => write!(f, "{value}"),
            Json::Number(value) => write!(f, "{value:?}"),
            Json::Text(text) if text.chars().count() <= QUOTED_LENGTH_MAX => write!(f, "{text:?}"),
            Json::Text(text) => {
                let start: String = text.chars().take(QUOTED_LENGTH_MAX).collect();
                write!(f, "{:?}", start + "…")
            }
            Json::Null | Json::Array(_) | Json::Object(_) => f.write_str(self.type_name()),
        }
    }
}

impl<'de> ReadArray<'de> for Skipped {
    fn read<S: SeqAccess<'de>>(mut items: S) -> Result<Self, S::Error> {
        while items.next_element::<Json<'de>>()?.is_some() {}
        Ok(Self)
    }
}

impl<'de> ReadObject<'de> for Skipped {
    fn read<M: MapAccess<'de>>(mut members: M) -> Result<Self, M::Error> {
        while members.next_entry::<Name<'de>, Json<'de>>()?.is_some() {}
        Ok(Self)
    }
}

impl<'de, A: ReadArray<'de>, O: ReadObject<'de>> Deserialize<'de> for Json<'de, A, O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor(PhantomData))
    }
}

struct ValueVisitor<A, O>(PhantomData<(A, O)>);

impl<'de, A: ReadArray<'de>, O: ReadObject<'de>> Visitor<'de> for ValueVisitor<A, O> {
    type Value = Json<'de, A, O>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Json::Whole(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Json::Number(value as f64), Json::Whole))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Json::Number(value))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_seq<S: SeqAccess<'de>>(self, items: S) -> Result<Self::Value, S::Error> {
        A::read(items).map(Json::Array)
    }
    fn visit_map<M: MapAccess<'de>>(self, members: M) -> Result<Self::Value, M::Error> {
        O::read(members).map(Json::Object)
    }
}
