//! Currencies by their codes.

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

/// A three-letter ISO 4217 currency code, such as `GBP`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Currency([u8; 3]);

/// A string that is not a valid [`Currency`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a currency must be three capital letters as in ISO 4217, such as GBP")]
pub struct InvalidCurrency;

/// The currencies in use (ISO 4217, list one, 2026-01), without precious metals, units of account
/// and test codes: sorted, each with a space.
const IN_USE: &str = "\
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND \
    BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE \
    CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD \
    GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY \
    KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD \
    MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO \
    NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF \
    SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB \
    TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND \
    VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ";

impl Currency {
    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency holds ASCII letters only")
    }

    /// Whether it is legal tender. Only new orders are checked, so that a currency that is
    /// withdrawn stays readable.
    pub fn is_in_use(&self) -> bool {
        let (codes, _) = IN_USE.as_bytes().as_chunks::<4>();
        let [a, b, c] = self.0;
        codes.binary_search(&[a, b, c, b' ']).is_ok()
    }
}

impl std::str::FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match *text.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(InvalidCurrency),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!("GBP".parse::<Currency>().unwrap().as_str(), "GBP");
        for bad in ["", "gbp", "GB", "GBPP", "G1P", "£££"] {
            assert_eq!(bad.parse::<Currency>(), Err(InvalidCurrency), "{bad}");
        }
    }

    #[test]
    fn a_code_without_money_is_no_currency_in_use() {
        let in_use = |code: &str| code.parse::<Currency>().unwrap().is_in_use();
        for code in ["AED", "EUR", "GBP", "JPY", "KWD", "USD", "XOF", "ZWG"] {
            assert!(in_use(code), "{code}");
        }
        for code in ["XXX", "XTS", "XAU", "XDR", "DEM", "AAA"] {
            assert!(!in_use(code), "{code}");
        }
    }
}
