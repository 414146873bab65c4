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
/// and test codes: sorted, each with its exponent and a space.
const IN_USE: &str = "\
    AED2 AFN2 ALL2 AMD2 AOA2 ARS2 AUD2 AWG2 AZN2 BAM2 BBD2 BDT2 BHD3 BIF0 BMD2 BND2 \
    BOB2 BRL2 BSD2 BTN2 BWP2 BYN2 BZD2 CAD2 CDF2 CHF2 CLP0 CNY2 COP2 CRC2 CUP2 CVE2 \
    CZK2 DJF0 DKK2 DOP2 DZD2 EGP2 ERN2 ETB2 EUR2 FJD2 FKP2 GBP2 GEL2 GHS2 GIP2 GMD2 \
    GNF0 GTQ2 GYD2 HKD2 HNL2 HTG2 HUF2 IDR2 ILS2 INR2 IQD3 IRR2 ISK0 JMD2 JOD3 JPY0 \
    KES2 KGS2 KHR2 KMF0 KPW2 KRW0 KWD3 KYD2 KZT2 LAK2 LBP2 LKR2 LRD2 LSL2 LYD3 MAD2 \
    MDL2 MGA2 MKD2 MMK2 MNT2 MOP2 MRU2 MUR2 MVR2 MWK2 MXN2 MYR2 MZN2 NAD2 NGN2 NIO2 \
    NOK2 NPR2 NZD2 OMR3 PAB2 PEN2 PGK2 PHP2 PKR2 PLN2 PYG0 QAR2 RON2 RSD2 RUB2 RWF0 \
    SAR2 SBD2 SCR2 SDG2 SEK2 SGD2 SHP2 SLE2 SOS2 SRD2 SSP2 STN2 SVC2 SYP2 SZL2 THB2 \
    TJS2 TMT2 TND3 TOP2 TRY2 TTD2 TWD2 TZS2 UAH2 UGX0 USD2 UYU2 UZS2 VED2 VES2 VND0 \
    VUV0 WST2 XAF0 XCD2 XCG2 XOF0 XPF0 YER2 ZAR2 ZMW2 ZWG2 ";

impl Currency {
    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency holds ASCII letters only")
    }

    /// Whether it is legal tender. Only new orders are checked, so that a currency that is
    /// withdrawn stays readable.
    pub fn is_in_use(&self) -> bool {
        self.exponent().is_some()
    }

    /// How many decimals its minor unit has: of `1234`, `JPY` with 0 makes 1234, `GBP` with 2 makes 12.34, and
    /// `KWD` with 3 makes 1.234. `None` if it is not in use.
    pub fn exponent(&self) -> Option<u8> {
        let (codes, _) = IN_USE.as_bytes().as_chunks::<5>();
        let found = codes.binary_search_by(|[a, b, c, ..]| [*a, *b, *c].cmp(&self.0)).ok()?;
        Some(codes[found][3] - b'0')
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
    fn a_currency_in_use_has_an_exponent_and_a_code_without_money_is_none() {
        let in_use = |code: &str| code.parse::<Currency>().unwrap().is_in_use();
        for code in ["AED", "EUR", "GBP", "JPY", "KWD", "USD", "XOF", "ZWG"] {
            assert!(in_use(code), "{code}");
        }
        for (code, exponent) in
            [("GBP", 2), ("JPY", 0), ("KWD", 3), ("ISK", 0), ("MGA", 2), ("TND", 3)]
        {
            assert_eq!(code.parse::<Currency>().unwrap().exponent(), Some(exponent), "{code}");
        }
        let (codes, rest) = IN_USE.as_bytes().as_chunks::<5>();
        assert!(rest.is_empty() && codes.is_sorted());
        assert!(codes.iter().all(|code| matches!(code[3..], [b'0' | b'2' | b'3', b' '])));
        for code in ["XXX", "XTS", "XAU", "XDR", "DEM", "AAA"] {
            assert!(!in_use(code), "{code}");
        }
    }
}
