//! What templates see of a `time.Time`, and of its months and week days.

use std::any::Any;

use gotmpl::{CallError, Kind, Object, Signature, Type, Value};

use super::{
    super::args::{int, text},
    civil::{Civil, day_of_year},
    format::{MONTHS, WEEK_DAYS},
    time::{Time, Zone},
};

const TIME: Type = Type::Named("time.Time");

const fn method(name: &'static str, params: &'static [Type]) -> Signature {
    Signature { name, params, is_variadic: false }
}

const METHODS: &[Signature] = &[
    method("Add", &[Type::Named("time.Duration")]),
    method("AddDate", &[Type::Int, Type::Int, Type::Int]),
    method("After", &[TIME]),
    method("Before", &[TIME]),
    method("Compare", &[TIME]),
    method("Day", &[]),
    method("Equal", &[TIME]),
    method("Format", &[Type::String]),
    method("Hour", &[]),
    method("IsZero", &[]),
    method("Local", &[]),
    method("Minute", &[]),
    method("Month", &[]),
    method("Nanosecond", &[]),
    method("Second", &[]),
    method("String", &[]),
    method("Sub", &[TIME]),
    method("UTC", &[]),
    method("Unix", &[]),
    method("UnixMicro", &[]),
    method("UnixMilli", &[]),
    method("UnixNano", &[]),
    method("Weekday", &[]),
    method("Year", &[]),
    method("YearDay", &[]),
];

impl Time {
    fn text(&self) -> String {
        self.format("2006-01-02 15:04:05.999999999 -0700 MST")
    }

    /// Years, months and days later, by the calendar.
    fn later(&self, args: &[Value]) -> Self {
        let date = self.date();
        let day = Civil {
            year: date.year.saturating_add(int(&args[0])),
            month: date.month.saturating_add(int(&args[1])),
            day: date.day.saturating_add(int(&args[2])),
        };
        let (hour, minute, second) = self.clock();
        let second = hour * 3_600 + minute * 60 + second;
        Self::from_civil(day, second, self.nanosecond(), self.zone().clone())
    }

    fn units(&self, per_second: i64) -> Value {
        let nanos = i64::from(self.nanosecond());
        let fraction = nanos / (1_000_000_000 / per_second);
        Value::Int64(self.seconds().wrapping_mul(per_second).wrapping_add(fraction))
    }
}

impl Object for Time {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn methods(&self) -> &'static [Signature] {
        METHODS
    }

    fn call(&self, method: usize, args: &[Value]) -> Result<Value, CallError> {
        let other = || args[0].downcast::<Self>().expect("the signature wants a time");
        let date = self.date();
        let (hour, minute, second) = self.clock();
        Ok(match METHODS[method].name {
            "Add" => {
                let duration = args[0].downcast::<super::Duration>();
                Value::object(self.plus(duration.map_or(0, |it| it.0)))
            }
            "AddDate" => Value::object(self.later(args)),
            "After" => Value::Bool(self.instant() > other().instant()),
            "Before" => Value::Bool(self.instant() < other().instant()),
            "Compare" => Value::Int(self.instant().cmp(&other().instant()) as i64),
            "Day" => Value::Int(date.day),
            "Equal" => Value::Bool(self.instant() == other().instant()),
            "Format" => self.format(&text(&args[0]).to_text()).into(),
            "Hour" => Value::Int(hour),
            "IsZero" => Value::Bool(self.is_zero()),
            "Local" => Value::object(self.clone()),
            "Minute" => Value::Int(minute),
            "Month" => Value::object(Named { number: date.month, is_month: true }),
            "Nanosecond" => Value::Int(self.nanosecond().into()),
            "Second" => Value::Int(second),
            "Sub" => Value::object(self.since(other())),
            "UTC" => Value::object(self.within(Zone::Utc)),
            "Unix" => Value::Int64(self.seconds()),
            "UnixMicro" => self.units(1_000_000),
            "UnixMilli" => self.units(1_000),
            "UnixNano" => self.units(1_000_000_000),
            "Weekday" => Value::object(Named { number: self.week_day(), is_month: false }),
            "Year" => Value::Int(date.year),
            "YearDay" => Value::Int(day_of_year(date)),
            _ => self.text().into(),
        })
    }

    fn to_text(&self) -> Option<String> {
        Some(self.text())
    }

    fn is_equal(&self, other: &dyn Object) -> Option<bool> {
        let other = other.as_any().downcast_ref::<Self>()?;
        Some(self.instant() == other.instant() && self.zone_name() == other.zone_name())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A `time.Month` or `time.Weekday`: a number that prints as a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::functions) struct Named {
    pub(in crate::functions) number: i64,
    is_month: bool,
}

const NAMED_METHODS: &[Signature] = &[method("String", &[])];

impl Named {
    fn name(self) -> &'static str {
        if self.is_month {
            MONTHS[self.number as usize - 1]
        } else {
            WEEK_DAYS[self.number as usize]
        }
    }
}

impl Object for Named {
    fn type_name(&self) -> &'static str {
        if self.is_month { "time.Month" } else { "time.Weekday" }
    }

    fn kind(&self) -> Kind {
        Kind::Int
    }

    fn methods(&self) -> &'static [Signature] {
        NAMED_METHODS
    }

    fn call(&self, _: usize, _: &[Value]) -> Result<Value, CallError> {
        Ok(self.name().into())
    }

    fn to_text(&self) -> Option<String> {
        Some(self.name().to_owned())
    }

    fn is_equal(&self, other: &dyn Object) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>() == Some(self))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
