//! Countries by their codes.

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

/// A two-letter ISO 3166-1 country code, such as `GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Country([u8; 2]);

/// A string that is not a valid [`Country`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a country must be two capital letters as in ISO 3166-1, such as GB")]
pub struct InvalidCountry;

/// The countries that are assigned a code (ISO 3166-1 alpha-2, 2026-01), and XK, which carriers and the
/// European Union use for Kosovo: sorted, each with a space.
const ASSIGNED: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI \
    BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN \
    CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK \
    FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM \
    HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN \
    KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK \
    ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP \
    NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF \
    TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI \
    VN VU WF WS XK YE YT ZA ZM ZW ";

impl Country {
    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a country holds ASCII letters only")
    }

    /// Whether the code is assigned. Only new orders are checked, so that one that is withdrawn stays
    /// readable.
    pub fn is_assigned(&self) -> bool {
        let (codes, _) = ASSIGNED.as_bytes().as_chunks::<3>();
        let [a, b] = self.0;
        codes.binary_search(&[a, b, b' ']).is_ok()
    }
}

impl std::str::FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match *text.as_bytes() {
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([a, b])),
            _ => Err(InvalidCountry),
        }
    }
}

impl TryFrom<String> for Country {
    type Error = InvalidCountry;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_two_capital_letters() {
        assert_eq!("GB".parse::<Country>().unwrap().as_str(), "GB");
        for bad in ["", "gb", "G", "GBR", "G1", "É"] {
            assert_eq!(bad.parse::<Country>(), Err(InvalidCountry), "{bad}");
        }
    }

    #[test]
    fn a_code_that_no_country_has_is_not_assigned() {
        let is_assigned = |code: &str| code.parse::<Country>().unwrap().is_assigned();
        let (codes, rest) = ASSIGNED.as_bytes().as_chunks::<3>();
        assert!(rest.is_empty() && codes.is_sorted());
        assert_eq!(codes.len(), 249 + 1);
        for code in ["AD", "DE", "GB", "JP", "KW", "US", "XK", "ZW"] {
            assert!(is_assigned(code), "{code}");
        }
        for code in ["AA", "UK", "EU", "XX", "ZZ", "AN", "SU"] {
            assert!(!is_assigned(code), "{code}");
        }
    }
}
