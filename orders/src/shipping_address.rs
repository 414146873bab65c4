//! Where an order is shipped to.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::field_error::FieldErrors;
use crate::json::Json;
use crate::limits::ADDRESS_BYTES_MAX;
use crate::members::{ObjectOf, members, members_of, optional, required};
use crate::text::personal_text;
use crate::{Country, Personal};

/// Where an order is shipped to. Texts have up to 255 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub struct ShippingAddress<T: AsRef<str> = String> {
    /// Who receives it.
    pub name: Personal<T>,
    /// Street and number, or a box.
    pub line1: Personal<T>,
    /// Apartment, building, or company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<Personal<T>>,
    /// City, town or village. Some addresses have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<Personal<T>>,
    /// State, province, county or prefecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Personal<T>>,
    /// As the country writes it. Some countries have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Personal<T>>,
    /// The country, which alone says nothing about a person.
    pub country: Country,
}

members! {
    /// The members of an address.
    pub(crate) struct AddressMembers<'a> {
        name: Json<'a>,
        line1: Json<'a>,
        line2: Json<'a>,
        city: Json<'a>,
        state: Json<'a>,
        postal_code: Json<'a>,
        country: Json<'a>,
    }
}

/// Returns `None` only after adding at least one error.
pub(crate) fn address_of<'a>(
    address: ObjectOf<'a, AddressMembers<'a>>,
    errors: &mut FieldErrors,
) -> Option<ShippingAddress<Cow<'a, str>>> {
    let members = members_of(address, errors)?;
    let name = required(members.name, "/name", errors, personal_text);
    let line1 = required(members.line1, "/line1", errors, personal_text);
    let line2 = optional(members.line2, "/line2", errors, personal_text);
    let city = optional(members.city, "/city", errors, personal_text);
    let state = optional(members.state, "/state", errors, personal_text);
    let postal_code = optional(members.postal_code, "/postal_code", errors, personal_text);
    let country = required(members.country, "/country", errors, country_of);
    let (name, line1, country) = (name?, line1?, country?);
    Some(ShippingAddress { name, line1, line2, city, state, postal_code, country })
}

fn country_of(value: &Json<'_>) -> Result<Country, String> {
    // The value is not repeated: it may be another line of the address.
    let country = value.text().ok().and_then(|text| text.parse().ok());
    let country = country.filter(Country::is_assigned);
    country
        .ok_or_else(|| "must be the code of a country (ISO 3166-1 alpha-2), such as GB".to_owned())
}

impl ShippingAddress<Cow<'_, str>> {
    pub(crate) fn into_owned(self) -> ShippingAddress {
        ShippingAddress {
            name: self.name.into_owned(),
            line1: self.line1.into_owned(),
            line2: self.line2.map(Personal::into_owned),
            city: self.city.map(Personal::into_owned),
            state: self.state.map(Personal::into_owned),
            postal_code: self.postal_code.map(Personal::into_owned),
            country: self.country,
        }
    }
}

impl<T: AsRef<str>> ShippingAddress<T> {
    /// The room that it takes as canonical JSON, unless its texts have quotation marks or backslashes.
    pub(crate) fn canonical_json_bytes(&self) -> usize {
        let Self { name, line1, line2, city, state, postal_code, country: _ } = self;
        let optional = [line2, city, state, postal_code].into_iter().flatten();
        let texts = [name, line1].into_iter().chain(optional);
        ADDRESS_BYTES_MAX + texts.map(|text| text.expose().len()).sum::<usize>()
    }
}
