//! The version that a program prints.

/// The major and minor number of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl Version {
    /// Parses the first version in a line such as `postgres (PostgreSQL) 15.13 (Debian 15.13-0)`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let version = &line[line.find(|char: char| char.is_ascii_digit())?..];
        let mut numbers = version.split(|char: char| !char.is_ascii_digit());
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        Some(Self(major, minor))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_parsed_from_the_output_of_every_program() {
        for (line, version) in [
            ("nats-server: v2.15.1\n", Some(Version(2, 15))),
            (
                "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64",
                Some(Version(7, 0)),
            ),
            ("Valkey server v=8.1.1 sha=00000000:0", Some(Version(8, 1))),
            ("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)", Some(Version(15, 13))),
            ("postgres (PostgreSQL) 18beta1", Some(Version(18, 0))),
            ("strace -- version 6.1\n", Some(Version(6, 1))),
            ("no such thing", None),
        ] {
            assert_eq!(Version::parse(line), version, "{line}");
        }
    }
}
