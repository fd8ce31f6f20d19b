//! What Go prints for verbs and values; checked against Go by the oracle.

use super::*;
use crate::value::{List, Map};

fn check(format: &str, values: &[Value], expect: &str) {
    let shown = sprintf(&format.into(), values);
    assert_eq!(shown.map(|it| it.to_string()), Ok(expect.to_owned()), "{format}");
}

#[test]
fn integers() {
    let number = [Value::Int(42)];
    check("%d|%5d", &[Value::Int(42), Value::Int(42)], "42|   42");
    check("%-5d|", &number, "42   |");
    check("%05d", &[Value::Int(-42)], "-0042");
    check("%x", &[Value::Int(255)], "ff");
    check("%#X", &[Value::Int(255)], "0XFF");
    check("%+d", &number, "+42");
    check("%.5d", &number, "00042");
    check("%c", &[Value::Int(0x4e16)], "世");
    check("%q", &[Value::Int(39)], "'\\''");
    check("%U", &[Value::Int(0x1F600)], "U+1F600");
    check("%#U", &[Value::Int(0x1F600)], "U+1F600 '😀'");
    check("%o %O", &[Value::Int(8), Value::Int(8)], "10 0o10");
    check("%b", &[Value::Int(5)], "101");
    check("%s", &number, "%!s(int=42)");
}

#[test]
fn floats() {
    check("%v", &[Value::Float64(1e6)], "1e+06");
    check("%d", &[Value::Float64(1e6)], "%!d(float64=1e+06)");
    check("%.2f", &[Value::Float64(2.675)], "2.67");
    check("%8.3f|", &[Value::Float64(2.71821)], "   2.718|");
    check("%08.2f", &[Value::Float64(-2.71821)], "-0002.72");
    check("%g", &[Value::Float64(100000.0)], "100000");
    check("%#g", &[Value::Float64(1.0)], "1.00000");
    check("%e", &[Value::Float64(123456.789)], "1.234568e+05");
    check("%s", &[Value::Float64(5.0)], "%!s(float64=5)");
    check("%+.1f", &[Value::Float64(2.0)], "+2.0");
}

#[test]
fn strings() {
    check("%q", &["a\"b".into()], "\"a\\\"b\"");
    check("%#q", &["a\"b".into()], "`a\"b`");
    check("%x", &["hi".into()], "6869");
    check("% X", &["hi".into()], "68 69");
    check("%.2s|%5s|%-5s|", &["abc".into(), "é".into(), "é".into()], "ab|    é|é    |");
    check("%d", &["a".into()], "%!d(string=a)");
    check("%t", &[Value::Bool(true)], "true");
}

#[test]
fn arguments() {
    check("%d", &[], "%!d(MISSING)");
    check("a", &[Value::Int(2)], "a%!(EXTRA int=2)");
    check("%[2]d %[1]d", &[Value::Int(1), Value::Int(2)], "2 1");
    check("%*d", &[Value::Int(4), Value::Int(2)], "   2");
    check("%", &[], "%!(NOVERB)");
    check("%!", &[], "%!!(MISSING)");
    check("%[3]d", &[Value::Int(1)], "%!d(BADINDEX)");
    check("%z", &[Value::Int(1)], "%!z(int=1)");
    check("100%%", &[], "100%");
    check("%d", &[Value::Nil], "%!d(<nil>)");
    check("%v %s", &[Value::Nil, Value::Nil], "<nil> %!s(<nil>)");
}

#[test]
fn collections() {
    let map = Map::from_iter([("b", Value::Int(2)), ("a", Value::from("x"))]);
    let list = List::from(vec![Value::Int(1), Value::Nil, "s".into()]);
    check("%v", &[Value::Map(map.clone())], "map[a:x b:2]");
    check("%s", &[Value::List(list.clone())], "[%!s(int=1) <nil> s]");
    check("%v", &[Value::List(list)], "[1 <nil> s]");
    check("%#v", &[Value::Map(map.clone())], "map[string]interface {}{\"a\":\"x\", \"b\":2}");
    check("%T", &[Value::Map(map)], "map[string]interface {}");
    check("%v", &[Value::strings(["a", "b"])], "[a b]");
    check("%q", &[Value::strings(["a", "b"])], "[\"a\" \"b\"]");
}

#[test]
fn print_puts_blanks_between_operands_that_are_no_strings() {
    let values = [Value::Int(1), Value::Int(2), "a".into(), Value::Int(3), "b".into(), "c".into()];
    assert_eq!(sprint(&values).unwrap().to_text(), "1 2a3bc");
    assert_eq!(sprintln(&values).unwrap().to_text(), "1 2 a 3 b c\n");
}
