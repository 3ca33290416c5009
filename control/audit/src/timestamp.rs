// SPDX-License-Identifier: MIT OR Apache-2.0
//! Points in time, as text of one width.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The end of the year 9999, the last that RFC 3339 can write.
const LATEST: u64 = 253_402_300_799_999_999;

/// Microseconds since 1970 in UTC; written as RFC 3339 with six digits after the second, "2026-01-02T03:04:05.000006Z".
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From microseconds since 1970; what RFC 3339 cannot write becomes the end of the year 9999.
    pub const fn from_unix_micros(micros: u64) -> Self {
        Self(if micros > LATEST { LATEST } else { micros })
    }

    /// Microseconds since 1970.
    pub const fn unix_micros(self) -> u64 {
        self.0
    }
}

/// Times before 1970 become 1970.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let micros = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Self::from_unix_micros(u64::try_from(micros).unwrap_or(LATEST))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_micros(UNIX_EPOCH + Duration::from_micros(self.0)).fmt(formatter)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text).map(Self::from).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_width_and_come_back() {
        for (micros, text) in [
            (0, "\"1970-01-01T00:00:00.000000Z\""),
            (1_700_000_000_000_001, "\"2023-11-14T22:13:20.000001Z\""),
            (u64::MAX, "\"9999-12-31T23:59:59.999999Z\""),
        ] {
            let time = Timestamp::from_unix_micros(micros);
            assert_eq!(serde_json::to_string(&time).unwrap(), text);
            assert_eq!(serde_json::from_str::<Timestamp>(text).unwrap(), time);
        }
        assert_eq!(Timestamp::from(UNIX_EPOCH - Duration::from_secs(1)).unix_micros(), 0);
        assert!(serde_json::from_str::<Timestamp>("\"yesterday\"").is_err());
    }
}
