//! `time.Time`: an instant and the zone that it is seen from.

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    civil::{Civil, date, days},
    duration::{Duration, SECOND},
};

/// Seconds from 0001-01-01, Go's zero time, to 1970.
const ZERO_SECONDS: i64 = -62_135_596_800;

/// A `time.Time`.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    /// Since 1970.
    seconds: i64,
    nanoseconds: i32,
    zone: Zone,
}

/// Where a time is seen from.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    Utc,
    Local(TimeZone),
    Named(TimeZone),
    /// An offset in seconds that a text gave, with the zone's name if that was there too.
    Fixed {
        offset: i64,
        name: Option<Arc<str>>,
    },
}

impl Zone {
    /// The offset from UTC in seconds, and the name.
    pub(super) fn at(&self, seconds: i64) -> (i64, Option<Arc<str>>) {
        match self {
            Self::Utc => (0, Some("UTC".into())),
            Self::Fixed { offset, name } => (*offset, name.clone()),
            Self::Local(zone) | Self::Named(zone) => {
                let instant = Timestamp::from_second(seconds).unwrap_or(if seconds < 0 {
                    Timestamp::MIN
                } else {
                    Timestamp::MAX
                });
                let info = zone.to_offset_info(instant);
                let name = info.abbreviation();
                (info.offset().seconds().into(), (!name.is_empty()).then(|| name.into()))
            }
        }
    }
}

impl Time {
    pub(super) fn new(seconds: i64, nanoseconds: i32, zone: Zone) -> Self {
        let carry = i64::from(nanoseconds.div_euclid(SECOND as i32));
        Self {
            seconds: seconds.saturating_add(carry),
            nanoseconds: nanoseconds.rem_euclid(SECOND as i32),
            zone,
        }
    }

    /// Go's zero time.
    pub(super) fn zero() -> Self {
        Self::new(ZERO_SECONDS, 0, Zone::Utc)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.seconds == ZERO_SECONDS && self.nanoseconds == 0
    }

    /// The time at which a zone's clocks show this; a day out of range counts on.
    pub(super) fn from_civil(day: Civil, second: i64, nanoseconds: i32, zone: Zone) -> Self {
        let local = days(day) * 86_400 + second;
        // Go first takes the offset that holds around then, and corrects it once.
        let mut offset = zone.at(local).0;
        if offset != 0 {
            offset = zone.at(local - offset).0;
        }
        Self::new(local - offset, nanoseconds, zone)
    }

    /// The same instant, seen from another zone.
    pub(super) fn within(&self, zone: Zone) -> Self {
        Self { zone, ..self.clone() }
    }

    pub(super) fn zone(&self) -> &Zone {
        &self.zone
    }

    pub(super) fn plus(&self, nanoseconds: i64) -> Self {
        let nanos = i64::from(self.nanoseconds) + nanoseconds % SECOND;
        Self {
            seconds: self.seconds + nanoseconds / SECOND + nanos.div_euclid(SECOND),
            nanoseconds: nanos.rem_euclid(SECOND) as i32,
            zone: self.zone.clone(),
        }
    }

    pub(super) fn since(&self, earlier: &Self) -> Duration {
        let seconds = i128::from(self.seconds) - i128::from(earlier.seconds);
        let nanos = i128::from(self.nanoseconds) - i128::from(earlier.nanoseconds);
        let total = seconds * i128::from(SECOND) + nanos;
        Duration(total.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    pub(super) fn seconds(&self) -> i64 {
        self.seconds
    }

    pub(super) fn nanosecond(&self) -> i32 {
        self.nanoseconds
    }

    /// For comparing instants.
    pub(super) fn instant(&self) -> (i64, i32) {
        (self.seconds, self.nanoseconds)
    }

    pub(super) fn offset(&self) -> i64 {
        self.zone.at(self.seconds).0
    }

    pub(super) fn zone_name(&self) -> Option<Arc<str>> {
        self.zone.at(self.seconds).1
    }

    fn local_seconds(&self) -> i64 {
        self.seconds + self.offset()
    }

    pub(super) fn date(&self) -> Civil {
        date(self.local_seconds().div_euclid(86_400))
    }

    /// Hour, minute and second.
    pub(super) fn clock(&self) -> (i64, i64, i64) {
        let seconds = self.local_seconds().rem_euclid(86_400);
        (seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }

    /// 0 for Sunday.
    pub(super) fn week_day(&self) -> i64 {
        (self.local_seconds().div_euclid(86_400) + 4).rem_euclid(7)
    }
}
