//! A JSON value that borrows from the body it was parsed from. Unlike a map, it keeps duplicate
//! members.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::field_error::FieldErrors;
use crate::limits::{NAME_BYTES_MAX, QUOTED_LENGTH_MAX};

/// Any JSON value.
#[derive(Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Whole(i64),
    /// A number that does not fit into an `i64`.
    Number(f64),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Vec<(Text<'a>, Json<'a>)>),
}

/// A string, borrowed unless it contains escapes.
#[derive(Debug, PartialEq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'a> Json<'a> {
    /// The members of this object, in the sequence of `names`. Adds an error and returns `None` if
    /// this is not an object. Also adds an error for each duplicate member and each member that is
    /// not in `names`. An explicit null counts as absent.
    pub(crate) fn members<const N: usize>(
        &self,
        pointer: &dyn fmt::Display,
        names: [&str; N],
        errors: &mut FieldErrors,
    ) -> Option<[Option<&Json<'a>>; N]> {
        let mut found = [None; N];
        let Json::Object(members) = self else {
            // The value itself is not repeated: it may be a secret in the wrong place.
            errors.add(pointer.to_string(), format!("{} is not an object", self.type_name()));
            return None;
        };
        for (Text(name), value) in members {
            let at = || format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            match names.iter().position(|known| known == name) {
                None if name.len() > NAME_BYTES_MAX => {
                    let name = Json::Text(Cow::Borrowed(name));
                    let detail = format!("unknown member {name}; known: {}", names.join(", "));
                    errors.add(pointer.to_string(), detail);
                }
                None => errors.add(at(), format!("unknown member; known: {}", names.join(", "))),
                Some(index) if found[index].is_some() => {
                    errors.add(at(), "duplicate member");
                }
                Some(index) => found[index] = Some(value),
            }
        }
        Some(found.map(|value| value.filter(|value| **value != Json::Null)))
    }

    /// The type of this value, without its content.
    const fn type_name(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Whole(_) | Json::Number(_) => "a number",
            Json::Text(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }

    /// The content, if this is a string.
    pub(crate) fn text(&self) -> Result<&str, String> {
        match self {
            Json::Text(text) => Ok(text),
            other => Err(format!("{other} is not a string")),
        }
    }
}

/// The value as error messages quote it: short, whatever was sent.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(value) => write!(f, "{value}"),
            Json::Whole(value) => write!(f, "{value}"),
            Json::Number(value) => write!(f, "{value:?}"),
            Json::Text(text) if text.chars().count() <= QUOTED_LENGTH_MAX => write!(f, "{text:?}"),
            Json::Text(text) => {
                let start: String = text.chars().take(QUOTED_LENGTH_MAX).collect();
                write!(f, "{:?}", start + "…")
            }
            Json::Array(_) => f.write_str("an array"),
            Json::Object(_) => f.write_str("an object"),
        }
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StringVisitor;
        impl<'de> Visitor<'de> for StringVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(StringVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Whole(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(i64::try_from(value).map_or(Json::Number(value as f64), Json::Whole))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json<'de>, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Json::Object(object))
    }
}
