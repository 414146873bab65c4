//! How the buyer of an order is reached.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Personal;
use crate::field_error::FieldErrors;
use crate::json::Json;
use crate::limits::{
    CONTACT_BYTES_MAX, EMAIL_BYTES_MAX, EMAIL_LOCAL_BYTES_MAX, PHONE_DIGITS_MAX, PHONE_DIGITS_MIN,
};
use crate::members::{ObjectOf, members, members_of, optional};

/// How the buyer of an order is reached: by one of these, or by both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub struct Contact<T: AsRef<str> = String> {
    /// An e-mail address of up to 254 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Personal<T>>,
    /// A phone number as in E.164: `+` and 7 to 15 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Personal<T>>,
}

members! {
    /// The members of a contact.
    pub(crate) struct ContactMembers<'a> {
        email: Json<'a>,
        phone: Json<'a>,
    }
}

/// Returns `None` only after adding at least one error.
pub(crate) fn contact_of<'a>(
    contact: ObjectOf<'a, ContactMembers<'a>>,
    errors: &mut FieldErrors,
) -> Option<Contact<Cow<'a, str>>> {
    let ContactMembers { email, phone } = members_of(contact, errors)?;
    let email = optional(email, "/email", errors, email_of);
    let phone = optional(phone, "/phone", errors, phone_of);
    if email.is_none() && phone.is_none() && errors.is_empty() {
        errors.add("", "must have an email, a phone or both");
    }
    (email.is_some() || phone.is_some()).then_some(Contact { email, phone })
}

// Neither value is repeated in its error: it says who the buyer is.

fn email_of<'a>(value: &Json<'a>) -> Result<Personal<Cow<'a, str>>, String> {
    let email = value.text().ok().filter(|text| is_email(text));
    let email = email.ok_or_else(|| {
        format!(
            "must be an e-mail address of at most {EMAIL_BYTES_MAX} bytes, such as name@example.com"
        )
    });
    Ok(Personal::new(email?.clone()))
}

fn phone_of<'a>(value: &Json<'a>) -> Result<Personal<Cow<'a, str>>, String> {
    let phone = value.text().ok().filter(|text| is_phone(text));
    let phone = phone.ok_or_else(|| {
        format!(
            "must be a phone number as in E.164, + and {PHONE_DIGITS_MIN} to {PHONE_DIGITS_MAX} digits, \
             such as +442079460000"
        )
    });
    Ok(Personal::new(phone?.clone()))
}

/// Whether a mail server could take it: only that server knows whether anybody reads it.
fn is_email(text: &str) -> bool {
    let is_printable = |text: &str| !text.chars().any(|it| it.is_whitespace() || it.is_control());
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_label = |label: &str| !label.is_empty() && !label.starts_with('-');
    text.len() <= EMAIL_BYTES_MAX
        && (1..=EMAIL_LOCAL_BYTES_MAX).contains(&local.len())
        && !local.contains('@')
        && domain.split('.').all(is_label)
        && is_printable(text)
}

fn is_phone(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else { return false };
    (PHONE_DIGITS_MIN..=PHONE_DIGITS_MAX).contains(&digits.len())
        && digits.bytes().all(|it| it.is_ascii_digit())
        && !digits.starts_with('0')
}

impl Contact<Cow<'_, str>> {
    pub(crate) fn into_owned(self) -> Contact {
        Contact {
            email: self.email.map(Personal::into_owned),
            phone: self.phone.map(Personal::into_owned),
        }
    }
}

impl<T: AsRef<str>> Contact<T> {
    /// The room that it takes as canonical JSON, unless its texts have quotation marks or backslashes.
    pub(crate) fn canonical_json_bytes(&self) -> usize {
        let texts = [&self.email, &self.phone].into_iter().flatten();
        CONTACT_BYTES_MAX + texts.map(|text| text.expose().len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_has_one_at_and_no_white_space() {
        let longest = format!("{}@{}.example", "l".repeat(64), "d".repeat(181));
        for good in ["a@b", "name+tag@shop.example", "ü@münchen.example", "o'neil@x.ie", &longest]
        {
            assert!(is_email(good), "{good}");
        }
        let too_long = format!("l{longest}");
        for bad in [
            "",
            "@",
            "a",
            "a@",
            "@b",
            "a b@c",
            "a@b c",
            "a@b@c",
            "a@.b",
            "a@b..c",
            "a@-b",
            "a@b\n",
            &too_long,
            &too_long[1..].replace('@', "l@"),
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn a_phone_number_is_written_as_in_e_164() {
        for good in ["+442079460000", "+1234567", "+123456789012345"] {
            assert!(is_phone(good), "{good}");
        }
        for bad in [
            "",
            "+",
            "02079460000",
            "+44 20 7946 0000",
            "+123456",
            "+1234567890123456",
            "+0123456789",
        ] {
            assert!(!is_phone(bad), "{bad}");
        }
    }
}
