//! Arithmetic on decimals, as shopspring/decimal does it: 0.1 and 0.2 make 0.3.

use gotmpl::{Type::Any, Value, strconv::format_float};
use num_bigint::{BigInt, Sign};

use super::{Function, Result, convert::to_float, fail, variadic};

/// Digits behind the point that a division gives.
const DIVISION_DIGITS: i32 = 16;

pub(super) const FUNCTIONS: &[Function] = &[
    super::fixed("add1f", &[Any], |_, args| {
        calculate(&args[0], &[Value::Int(1)], |one, two| Ok(one.add(&two)))
    }),
    variadic("addf", &[Any], |_, args| {
        calculate(&Value::Float64(0.0), args, |one, two| Ok(one.add(&two)))
    }),
    variadic("subf", &[Any, Any], |_, args| {
        calculate(&args[0], &args[1..], |one, two| Ok(one.add(&two.negated())))
    }),
    variadic("mulf", &[Any, Any], |_, args| {
        calculate(&args[0], &args[1..], |one, two| Ok(one.multiply(&two)))
    }),
    variadic("divf", &[Any, Any], |_, args| {
        calculate(&args[0], &args[1..], |one, two| one.divide(&two))
    }),
];

/// `coefficient * 10 ^ exponent`
struct Decimal {
    coefficient: BigInt,
    exponent: i32,
}

fn calculate(
    first: &Value,
    others: &[Value],
    operation: fn(Decimal, Decimal) -> Result<Decimal>,
) -> Result<Value> {
    let mut number = Decimal::new(to_float(first))?;
    for other in others {
        number = operation(number, Decimal::new(to_float(other))?)?;
    }
    Ok(Value::Float64(number.to_float()))
}

fn power(digits: u32) -> BigInt {
    BigInt::from(10).pow(digits)
}

impl Decimal {
    /// The shortest decimal that reads back as the float.
    fn new(number: f64) -> Result<Self> {
        if !number.is_finite() {
            return fail(format!(
                "Cannot create a Decimal from {}",
                format_float(number, b'g', None).trim_start_matches('+')
            ));
        }
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e').expect("an exponent is printed");
        let exponent: i32 = exponent.parse().expect("the exponent is a number");
        let n_decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let coefficient = mantissa.replace('.', "").parse().expect("digits make a number");
        Ok(Self { coefficient, exponent: exponent - n_decimals as i32 })
    }

    fn to_float(&self) -> f64 {
        let text = format!("{}e{}", self.coefficient, self.exponent);
        text.parse().expect("digits and an exponent make a float")
    }

    fn negated(self) -> Self {
        Self { coefficient: -self.coefficient, exponent: self.exponent }
    }

    /// Both coefficients at the smaller exponent.
    fn aligned(&self, other: &Self) -> (BigInt, BigInt, i32) {
        let exponent = self.exponent.min(other.exponent);
        let at = |number: &Self| &number.coefficient * power(number.exponent.abs_diff(exponent));
        (at(self), at(other), exponent)
    }

    fn add(&self, other: &Self) -> Self {
        let (one, two, exponent) = self.aligned(other);
        Self { coefficient: one + two, exponent }
    }

    fn multiply(&self, other: &Self) -> Self {
        Self {
            coefficient: &self.coefficient * &other.coefficient,
            exponent: self.exponent + other.exponent,
        }
    }

    /// The quotient to 16 digits, halves away from zero.
    fn divide(&self, other: &Self) -> Result<Self> {
        if other.coefficient.sign() == Sign::NoSign {
            return fail("decimal division by 0");
        }
        let shift = self.exponent - other.exponent + DIVISION_DIGITS;
        let (mut dividend, mut divisor) = (self.coefficient.clone(), other.coefficient.clone());
        if shift < 0 {
            divisor *= power(shift.unsigned_abs());
        } else {
            dividend *= power(shift.unsigned_abs());
        }
        let mut quotient = &dividend / &divisor;
        let rest: BigInt = &dividend - &quotient * &divisor;
        if rest.magnitude() * 2u32 >= *divisor.magnitude() {
            let is_negative = dividend.sign() != divisor.sign();
            quotient += if is_negative { -1 } else { 1 };
        }
        Ok(Self { coefficient: quotient, exponent: -DIVISION_DIGITS })
    }
}
