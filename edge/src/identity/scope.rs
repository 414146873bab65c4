//! What a token permits.

use hyper::header::HeaderValue;
use strum::{EnumString, IntoStaticStr, VariantArray};

/// A permission. Its text is that in a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
pub enum Scope {
    /// Placing, cancelling and paying orders.
    #[strum(serialize = "orders:write")]
    WriteOrders,
    /// Following orders.
    #[strum(serialize = "orders:read")]
    ReadOrders,
    /// Adding to the prices of the catalogue, and taking off.
    #[strum(serialize = "orders:price")]
    SetPrices,
    /// Acting for other callers.
    #[strum(serialize = "orders:admin")]
    ActForOthers,
    /// Looking stock up.
    #[strum(serialize = "stock:read")]
    ReadStock,
}

impl Scope {
    /// Every scope.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The challenge to a client whose token does not have it (RFC 6750, section 3).
    pub(crate) fn challenge(self) -> HeaderValue {
        let scope = self.as_str();
        let text =
            format!(r#"Bearer realm="millrace", error="insufficient_scope", scope="{scope}""#);
        HeaderValue::try_from(text).expect("a scope is visible ASCII")
    }

    /// The text in a token.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scopes(u8);

impl Scopes {
    pub(crate) const ALL: Self = Self(u8::MAX);

    /// The scopes that these texts name. Tokens have scopes of other services besides, which are ignored.
    pub(crate) fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let scopes = names.into_iter().filter_map(|name| name.parse::<Scope>().ok());
        Self(scopes.fold(0, |scopes, scope| scopes | bit(scope)))
    }

    pub(crate) const fn contains(self, scope: Scope) -> bool {
        self.0 & bit(scope) != 0
    }
}

const fn bit(scope: Scope) -> u8 {
    1 << scope as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_permits_the_scopes_that_it_names_and_no_other() {
        let scopes = Scopes::named(["openid", "orders:read", "stock:read", "ORDERS:WRITE", ""]);
        let contained: Vec<_> = Scope::ALL.iter().filter(|it| scopes.contains(**it)).collect();
        assert_eq!(contained, [&Scope::ReadOrders, &Scope::ReadStock]);
        assert!(Scope::ALL.iter().all(|scope| Scopes::ALL.contains(*scope)));
    }
}
