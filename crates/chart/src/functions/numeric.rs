//! Numbers: conversion, integer arithmetic, rounding, sequences.

use std::rc::Rc;

use gotmpl::{
    Type::{Any, Float64, Int, String as Text},
    Value,
    fmt::sprint,
};

use super::{
    Env, Function, Result,
    args::{int, text},
    convert::{to_float, to_int},
    fail, fixed, variadic,
};

/// How many numbers a sequence may have.
const SEQUENCE_MAX: i64 = 10_000_000;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("atoi", &[Text], |_, args| Ok(Value::Int(atoi(&text(&args[0]).to_text())))),
    fixed("int", &[Any], |_, args| Ok(Value::Int(to_int(&args[0])))),
    fixed("int64", &[Any], |_, args| Ok(Value::Int64(to_int(&args[0])))),
    fixed("float64", &[Any], |_, args| Ok(Value::Float64(to_float(&args[0])))),
    fixed("toDecimal", &[Any], to_decimal),
    fixed("add1", &[Any], |_, args| Ok(Value::Int64(to_int(&args[0]).wrapping_add(1)))),
    variadic("add", &[Any], |_, args| Ok(fold(0, args, i64::wrapping_add))),
    fixed("sub", &[Any, Any], |_, args| Ok(fold(to_int(&args[0]), &args[1..], i64::wrapping_sub))),
    variadic("mul", &[Any, Any], |_, args| {
        Ok(fold(to_int(&args[0]), &args[1..], i64::wrapping_mul))
    }),
    fixed("div", &[Any, Any], |_, args| divide(args, i64::wrapping_div)),
    fixed("mod", &[Any, Any], |_, args| divide(args, i64::wrapping_rem)),
    variadic("max", &[Any, Any], |_, args| Ok(fold(to_int(&args[0]), &args[1..], i64::max))),
    variadic("biggest", &[Any, Any], |_, args| Ok(fold(to_int(&args[0]), &args[1..], i64::max))),
    variadic("min", &[Any, Any], |_, args| Ok(fold(to_int(&args[0]), &args[1..], i64::min))),
    variadic("maxf", &[Any, Any], |_, args| Ok(extreme(args, f64::max))),
    variadic("minf", &[Any, Any], |_, args| Ok(extreme(args, f64::min))),
    fixed("floor", &[Any], |_, args| Ok(Value::Float64(to_float(&args[0]).floor()))),
    fixed("ceil", &[Any], |_, args| Ok(Value::Float64(to_float(&args[0]).ceil()))),
    variadic("round", &[Any, Int, Float64], round),
    fixed("until", &[Int], |_, args| {
        let count = int(&args[0]);
        Ok(Value::Ints(steps(0, count, if count < 0 { -1 } else { 1 })?))
    }),
    fixed("untilStep", &[Int, Int, Int], |_, args| {
        Ok(Value::Ints(steps(int(&args[0]), int(&args[1]), int(&args[2]))?))
    }),
    variadic("seq", &[Int], seq),
];

/// `strconv.Atoi` without its error: what is too large becomes the largest number, all else 0.
fn atoi(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    let limit = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    text.parse().unwrap_or(limit)
}

/// Reads the number as octal.
fn to_decimal(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let text = sprint(args)?.to_string();
    Ok(Value::Int64(i64::from_str_radix(&text, 8).unwrap_or(0)))
}

fn fold(first: i64, others: &[Value], operation: fn(i64, i64) -> i64) -> Value {
    Value::Int64(others.iter().fold(first, |number, other| operation(number, to_int(other))))
}

fn divide(args: &[Value], operation: fn(i64, i64) -> i64) -> Result<Value> {
    match to_int(&args[1]) {
        0 => fail("runtime error: integer divide by zero"),
        divisor => Ok(Value::Int64(operation(to_int(&args[0]), divisor))),
    }
}

/// `math.Max` and `math.Min`: not a number wins.
fn extreme(args: &[Value], operation: fn(f64, f64) -> f64) -> Value {
    let numbers = args.iter().map(to_float);
    Value::Float64(
        numbers
            .reduce(
                |one, two| {
                    if one.is_nan() || two.is_nan() { f64::NAN } else { operation(one, two) }
                },
            )
            .unwrap_or_default(),
    )
}

fn round(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let round_on = match args.get(2) {
        Some(Value::Float64(number)) => *number,
        _ => 0.5,
    };
    let places = i32::try_from(int(&args[1])).unwrap_or(i32::MAX);
    let power = 10f64.powi(places);
    let digit = power * to_float(&args[0]);
    let rounded = if digit.fract() >= round_on { digit.ceil() } else { digit.floor() };
    Ok(Value::Float64(rounded / power))
}

/// The numbers from `start` before `stop`; none when the step leads away.
fn steps(start: i64, stop: i64, step: i64) -> Result<Rc<[i64]>> {
    let distance = stop.saturating_sub(start);
    if distance == 0 || step == 0 || (distance < 0) != (step < 0) {
        return Ok(Rc::new([]));
    }
    let count = distance.unsigned_abs().div_ceil(step.unsigned_abs());
    if count > SEQUENCE_MAX.unsigned_abs() {
        return fail(format!("more than {SEQUENCE_MAX} numbers"));
    }
    Ok((0..count as i64).map(|it| start + it * step).collect())
}

fn seq(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let numbers: Vec<i64> = args.iter().map(int).collect();
    let numbers = match numbers.as_slice() {
        [end] => {
            let increment = if *end < 1 { -1 } else { 1 };
            steps(1, end.saturating_add(increment), increment)?
        }
        [start, end] => {
            let step = if end < start { -1 } else { 1 };
            steps(*start, end.saturating_add(step), step)?
        }
        [start, step, end] => {
            let increment = if end < start { -1 } else { 1 };
            if increment < 0 && *step > 0 {
                return Ok("".into());
            }
            steps(*start, end.saturating_add(increment), *step)?
        }
        _ => return Ok("".into()),
    };
    let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    Ok(words.join(" ").into())
}
