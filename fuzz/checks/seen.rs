//! JSON as a client meant it, to look up what a pointer points at. Of a member that stands twice,
//! the first counts.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Any JSON value; of numbers and the like, nothing is kept.
#[derive(Debug)]
pub(crate) enum Seen {
    Plain,
    Text(String),
    Array(Vec<Seen>),
    Object(Vec<(String, Seen)>),
}

impl Seen {
    /// What a JSON pointer (RFC 6901) points at.
    pub(crate) fn at(&self, pointer: &str) -> Option<&Seen> {
        if pointer.is_empty() {
            return Some(self);
        }
        let segments = pointer.strip_prefix('/')?.split('/');
        segments
            .map(|name| name.replace("~1", "/").replace("~0", "~"))
            .try_fold(self, |at, name| at.child(&name))
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn child(&self, name: &str) -> Option<&Seen> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(its_name, _)| its_name == name).map(|(_, value)| value)
            }
            Self::Array(items) => items.get(name.parse::<usize>().ok()?),
            Self::Plain | Self::Text(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::Plain)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Seen, E> {
        Ok(Seen::Plain)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok(Seen::Plain)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Seen, E> {
        Ok(Seen::Plain)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Seen, E> {
        Ok(Seen::Plain)
    }
    fn visit_str<E>(self, text: &str) -> Result<Seen, E> {
        Ok(Seen::Text(text.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Seen::Array(array))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Seen, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Seen::Object(object))
    }
}
