//! Dates and durations, with Go's layouts.

use gotmpl::{
    Type::{Any, Named, String as Text},
    Value,
    strconv::parse_int,
};

use super::{Env, Function, Result, args::text, fail, fixed};

mod civil;
mod duration;
mod format;
mod layout;
mod methods;
mod parse;
mod time;

use duration::{Duration, SECOND};
pub(crate) use time::Time;
use time::Zone;

const TIME: gotmpl::Type = Named("time.Time");

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("now", &[], |env, _| Ok(Value::object(env.now()))),
    fixed("date", &[Text, Any], |env, args| {
        let zone = env.local();
        Ok(env.time(&args[1]).within(zone).format(&text(&args[0]).to_text()).into())
    }),
    fixed("dateInZone", &[Text, Any, Text], date_in_zone),
    fixed("date_in_zone", &[Text, Any, Text], date_in_zone),
    fixed("htmlDate", &[Any], |env, args| {
        let zone = env.local();
        Ok(env.time(&args[0]).within(zone).format("2006-01-02").into())
    }),
    fixed("htmlDateInZone", &[Any, Text], |env, args| {
        let zone = env.zone(&text(&args[1]).to_text());
        Ok(env.time(&args[0]).within(zone).format("2006-01-02").into())
    }),
    fixed("dateModify", &[Text, TIME], date_modify),
    fixed("date_modify", &[Text, TIME], date_modify),
    fixed("mustDateModify", &[Text, TIME], must_date_modify),
    fixed("must_date_modify", &[Text, TIME], must_date_modify),
    fixed("toDate", &[Text, Text], |env, args| {
        Ok(Value::object(env.parse_time(args).unwrap_or_else(|_| Time::zero())))
    }),
    fixed("mustToDate", &[Text, Text], |env, args| match env.parse_time(args) {
        Ok(time) => Ok(Value::object(time)),
        Err(error) => fail(error),
    }),
    fixed("unixEpoch", &[TIME], |_, args| Ok(time_of(&args[0]).seconds().to_string().into())),
    fixed("ago", &[Any], ago),
    fixed("duration", &[Any], duration),
    fixed("durationRound", &[Any], duration_round),
];

fn time_of(value: &Value) -> &Time {
    value.downcast().expect("a time was promised")
}

impl Env<'_, '_> {
    fn now(&self) -> Time {
        let now = self.host.source.now();
        Time::new(now.as_second(), now.subsec_nanosecond(), self.local())
    }

    fn local(&self) -> Zone {
        Zone::Local(self.host.source.local_zone())
    }

    /// A zone by name; one that is not known is UTC.
    fn zone(&self, name: &str) -> Zone {
        match name {
            "" | "UTC" => Zone::Utc,
            "Local" => self.local(),
            _ => self.host.source.zone(name).map_or(Zone::Utc, Zone::Named),
        }
    }

    /// A time, or seconds since 1970; anything else is now.
    fn time(&self, value: &Value) -> Time {
        match value {
            Value::Int(seconds) | Value::Int64(seconds) => Time::new(*seconds, 0, self.local()),
            value => value.downcast::<Time>().cloned().unwrap_or_else(|| self.now()),
        }
    }

    fn parse_time(&self, args: &[Value]) -> std::result::Result<Time, String> {
        let (layout, value) = (text(&args[0]).to_text(), text(&args[1]).to_text());
        parse::parse(&layout, &value, &self.local())
    }
}

fn date_in_zone(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let zone = env.zone(&text(&args[2]).to_text());
    Ok(env.time(&args[1]).within(zone).format(&text(&args[0]).to_text()).into())
}

fn date_modify(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(match Duration::parse(&text(&args[0]).to_text()) {
        Ok(duration) => Value::object(time_of(&args[1]).plus(duration.0)),
        Err(_) => args[1].clone(),
    })
}

fn must_date_modify(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    match Duration::parse(&text(&args[0]).to_text()) {
        Ok(duration) => Ok(Value::object(time_of(&args[1]).plus(duration.0))),
        Err(error) => fail(error),
    }
}

fn ago(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let since = env.now().since(&env.time(&args[0]));
    Ok(since.rounded(SECOND).to_string().into())
}

fn duration(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let seconds = match &args[0] {
        Value::String(text) => {
            let text = text.to_text();
            // Base 10 only, so neither prefixes nor leading zeros mean anything.
            let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
            let is_decimal = digits.bytes().all(|byte| byte.is_ascii_digit());
            if is_decimal { text.parse().ok().or_else(|| parse_int(&text)).unwrap_or(0) } else { 0 }
        }
        Value::Int64(seconds) => *seconds,
        _ => 0,
    };
    Ok(Duration(seconds.wrapping_mul(SECOND)).to_string().into())
}

fn duration_round(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let duration = match &args[0] {
        Value::String(text) => Duration::parse(&text.to_text()).map_or(0, |it| it.0),
        Value::Int64(nanoseconds) => *nanoseconds,
        value => value.downcast::<Time>().map_or(0, |time| env.now().since(time).0),
    };
    let size = duration.unsigned_abs();
    let hour = 3_600 * SECOND.unsigned_abs();
    let units = [
        (hour * 24 * 365, "y"),
        (hour * 24 * 30, "mo"),
        (hour * 24, "d"),
        (hour, "h"),
        (hour / 60, "m"),
        (hour / 3_600, "s"),
    ];
    Ok(match units.into_iter().find(|(unit, _)| size > *unit) {
        Some((unit, name)) => format!("{}{name}", size / unit).into(),
        None => "0s".into(),
    })
}

/// Seconds since 1970 by a layout, in UTC.
pub(super) fn utc_text(seconds: i64, layout: &str) -> String {
    Time::new(seconds, 0, Zone::Utc).format(layout)
}

/// A time as TOML writes it, which may lack the date, the clock or the zone.
pub(super) fn read_rfc3339(text: &str) -> Value {
    let layouts = ["2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02", "15:04:05"];
    let read = |layout| parse::parse(layout, &text.replacen(' ', "T", 1), &Zone::Utc).ok();
    layouts.into_iter().find_map(read).map_or_else(|| text.into(), Value::object)
}
