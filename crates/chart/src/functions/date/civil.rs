//! Days and dates of the proleptic Gregorian calendar.

/// A day as people count it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Civil {
    pub(super) year: i64,
    /// 1 to 12.
    pub(super) month: i64,
    /// 1 to 31.
    pub(super) day: i64,
}

/// Days since 1970-01-01; a month or day out of range counts on into its neighbours.
pub(super) fn days(date: Civil) -> i64 {
    let month0 = date.month - 1;
    let (year, month) = (date.year + month0.div_euclid(12), month0.rem_euclid(12) + 1);
    // Years begin in March here, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468 + date.day - 1
}

pub(super) fn date(days: i64) -> Civil {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month0 = (5 * day_of_year + 2) / 153;
    let month = if month0 < 10 { month0 + 3 } else { month0 - 9 };
    Civil {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month,
        day: day_of_year - (153 * month0 + 2) / 5 + 1,
    }
}

/// 1 for the first of January.
pub(super) fn day_of_year(date: Civil) -> i64 {
    days(date) - days(Civil { year: date.year, month: 1, day: 1 }) + 1
}

pub(super) fn days_in_month(year: i64, month: i64) -> i64 {
    days(Civil { year, month: month + 1, day: 1 }) - days(Civil { year, month, day: 1 })
}
