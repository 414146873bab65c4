//! The members of an object, each read into its place.

use serde::de::MapAccess;

use crate::field_error::FieldErrors;
use crate::json::{Json, Name, ReadObject, Skipped};
use crate::limits::NAME_BYTES_MAX;

/// A value that should be an object with members `T`.
pub(crate) type ObjectOf<'a, T> = Json<'a, Skipped, Object<T>>;

/// The same, boxed: the room for its members is taken only if there is one.
pub(crate) type BoxedObjectOf<'a, T> = Json<'a, Skipped, Box<Object<T>>>;

/// An object, and the errors of its members' names; their pointers begin at the object.
pub(crate) struct Object<T> {
    members: T,
    errors: FieldErrors,
}

/// The members that an object may have. The macro `members!` implements it.
pub(crate) trait Members<'de>: Default {
    const NAMES: &'static [&'static str];

    /// Reads the value of the member `name`, if that is known and was not read before.
    fn read<M: MapAccess<'de>>(&mut self, name: &str, values: &mut M) -> Result<Read, M::Error>;
}

/// Whether a member was read.
pub(crate) enum Read {
    Yes,
    Duplicate,
    Unknown,
}

/// Declares a struct of an object's members: each is `Some` if the object has it. One whose name in JSON is not an
/// identifier is declared as `kind = "type"`.
macro_rules! members {
    ($(#[$doc:meta])* $vis:vis struct $struct:ident<'a> {
        $($member:ident $(= $name:literal)?: $value:ty,)+
    }) => {
        $(#[$doc])*
        #[derive(Default)]
        $vis struct $struct<'a> {
            $($member: Option<$value>,)+
        }

        impl<'a> $crate::members::Members<'a> for $struct<'a> {
            const NAMES: &'static [&'static str] =
                &[$($crate::members::member_name!($member $($name)?)),+];

            fn read<M: serde::de::MapAccess<'a>>(
                &mut self,
                name: &str,
                values: &mut M,
            ) -> Result<$crate::members::Read, M::Error> {
                use $crate::members::Read;
                match name {
                    $($crate::members::member_name!($member $($name)?)
                        if self.$member.is_none() =>
                    {
                        self.$member = Some(values.next_value()?);
                        Ok(Read::Yes)
                    })+
                    $($crate::members::member_name!($member $($name)?))|+ => Ok(Read::Duplicate),
                    _ => Ok(Read::Unknown),
                }
            }
        }
    };
}
pub(crate) use members;

/// The name of a member in JSON.
macro_rules! member_name {
    ($member:ident) => {
        stringify!($member)
    };
    ($member:ident $name:literal) => {
        $name
    };
}
pub(crate) use member_name;

impl<'de, T: Members<'de>> ReadObject<'de> for Object<T> {
    fn read<M: MapAccess<'de>>(mut values: M) -> Result<Self, M::Error> {
        let mut members = T::default();
        let mut errors = FieldErrors::default();
        while let Some(Name(name)) = values.next_key()? {
            let known = || T::NAMES.join(", ");
            let at = || pointer_to(&name).unwrap_or_default();
            let (pointer, detail) = match members.read(&name, &mut values)? {
                Read::Yes => continue,
                Read::Duplicate => (at(), "duplicate member".to_owned()),
                Read::Unknown if pointer_to(&name).is_none() => {
                    let name: Json<'_> = Json::Text(name);
                    (String::new(), format!("unknown member {name}; known: {}", known()))
                }
                Read::Unknown => (at(), format!("unknown member; known: {}", known())),
            };
            values.next_value::<Json<'de>>()?;
            errors.add(pointer, detail);
        }
        Ok(Self { members, errors })
    }
}

impl<'de, T: ReadObject<'de>> ReadObject<'de> for Box<T> {
    fn read<M: MapAccess<'de>>(values: M) -> Result<Self, M::Error> {
        T::read(values).map(Box::new)
    }
}

/// A pointer to a member. `None` if its name is too long to be repeated.
pub(crate) fn pointer_to(name: &str) -> Option<String> {
    let fits = name.len() <= NAME_BYTES_MAX;
    fits.then(|| format!("/{}", name.replace('~', "~0").replace('/', "~1")))
}

/// The members of `object`, of which the errors are added. Also adds an error and returns `None` if it is not
/// an object.
pub(crate) fn members_of<T>(object: ObjectOf<'_, T>, errors: &mut FieldErrors) -> Option<T> {
    if let Json::Object(Object { members, errors: of_names }) = object {
        errors.add_below("", of_names);
        return Some(members);
    }
    // The value itself is not repeated: it may be a secret in the wrong place.
    errors.add("", format!("{} is not an object", object.type_name()));
    None
}

/// The value of a member, if the object has it. An explicit null counts as absent.
pub(crate) fn present<A, O>(value: Option<Json<'_, A, O>>) -> Option<Json<'_, A, O>> {
    value.filter(|value| !matches!(value, Json::Null))
}

/// The error of a required member that is absent.
pub(crate) fn missing() -> String {
    "missing".to_owned()
}

/// A required member.
pub(crate) fn required<'a, T>(
    value: Option<Json<'a>>,
    pointer: &str,
    errors: &mut FieldErrors,
    check: impl FnOnce(&Json<'a>) -> Result<T, String>,
) -> Option<T> {
    errors.collect(pointer, present(value).ok_or_else(missing).and_then(|value| check(&value)))
}

/// An optional member.
pub(crate) fn optional<'a, T>(
    value: Option<Json<'a>>,
    pointer: &str,
    errors: &mut FieldErrors,
    check: impl FnOnce(&Json<'a>) -> Result<T, String>,
) -> Option<T> {
    errors.collect(pointer, check(&present(value)?))
}
