//! A point in time as the database keeps it and as the API shows it.

use jiff::Timestamp;
use serde::{Serialize, Serializer, ser};

/// Milliseconds since 1970 in the database, RFC 3339 in UTC on the wire.
///
/// ```
/// use card_service::moment::Moment;
///
/// let moment = Moment::from("2026-11-01T09:30:00.250Z".parse::<jiff::Timestamp>()?);
/// assert_eq!(moment.unix_millis(), 1_793_525_400_250);
/// assert_eq!(serde_json::to_string(&moment)?, r#""2026-11-01T09:30:00.25Z""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Moment(i64);

impl Moment {
    /// From milliseconds since 1970, UTC.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970, UTC.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_millisecond())
    }
}

impl Serialize for Moment {
    /// # Errors
    /// The number in the database lies outside the years −9999 to 9999.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let timestamp = Timestamp::from_millisecond(self.0).map_err(ser::Error::custom)?;
        serializer.collect_str(&timestamp)
    }
}
