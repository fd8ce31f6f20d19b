//! File name patterns: Go's `filepath.Match`, and gobwas/glob 0.2.3 as `.Files.Glob` uses it.

mod gobwas;

pub(crate) use gobwas::Glob;

/// A pattern that Go does not compile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BadPattern;

/// `filepath.Match`: `*` and `?` stop at `/`, `[a-z]` and `[^a-z]` are sets, `\` takes the next as is.
///
/// As in Go, what is wrong late in a pattern may go unnoticed when the name fails to match before.
pub(crate) fn match_path(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    let (mut pattern, mut name) = (pattern, name);
    while !pattern.is_empty() {
        let (has_star, chunk, rest) = split_chunk(pattern);
        pattern = rest;
        if has_star && chunk.is_empty() {
            return Ok(!name.contains('/'));
        }
        if let Some(tail) = match_chunk(chunk, name)?
            && (tail.is_empty() || !pattern.is_empty())
        {
            name = tail;
            continue;
        }
        let Some(tail) =
            (if has_star { match_later(chunk, name, pattern.is_empty())? } else { None })
        else {
            check_rest(pattern)?;
            return Ok(false);
        };
        name = tail;
    }
    Ok(name.is_empty())
}

/// Tries a chunk after one more character each time, as long as the star may cover them.
fn match_later<'n>(
    chunk: &str,
    name: &'n str,
    is_last: bool,
) -> Result<Option<&'n str>, BadPattern> {
    for (place, it) in name.char_indices() {
        if it == '/' {
            break;
        }
        if let Some(tail) = match_chunk(chunk, &name[place + it.len_utf8()..])?
            && (!is_last || tail.is_empty())
        {
            return Ok(Some(tail));
        }
    }
    Ok(None)
}

/// Before returning that nothing matches, Go checks the rest of the pattern.
fn check_rest(mut pattern: &str) -> Result<(), BadPattern> {
    while !pattern.is_empty() {
        let (_, chunk, rest) = split_chunk(pattern);
        pattern = rest;
        match_chunk(chunk, "")?;
    }
    Ok(())
}

/// Leading stars, then everything up to the next star outside of a set.
fn split_chunk(pattern: &str) -> (bool, &str, &str) {
    let trimmed = pattern.trim_start_matches('*');
    let has_star = trimmed.len() < pattern.len();
    let mut is_in_set = false;
    let mut is_escaped = false;
    for (place, it) in trimmed.char_indices() {
        match it {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '[' => is_in_set = true,
            ']' => is_in_set = false,
            '*' if !is_in_set => return (has_star, &trimmed[..place], &trimmed[place..]),
            _ => {}
        }
    }
    (has_star, trimmed, "")
}

/// Matches a chunk at the start of a name; gives what is left of the name.
fn match_chunk<'n>(mut chunk: &str, mut name: &'n str) -> Result<Option<&'n str>, BadPattern> {
    let mut has_failed = false;
    while let Some(it) = chunk.chars().next() {
        has_failed |= name.is_empty();
        let next = if has_failed { None } else { name.chars().next() };
        chunk = &chunk[it.len_utf8()..];
        match it {
            '[' => {
                let (is_member, rest) = match_set(chunk, next)?;
                chunk = rest;
                has_failed |= !is_member;
            }
            '?' => has_failed |= next == Some('/'),
            '\\' => {
                let escaped = chunk.chars().next().ok_or(BadPattern)?;
                chunk = &chunk[escaped.len_utf8()..];
                has_failed |= next != Some(escaped);
            }
            it => has_failed |= next != Some(it),
        }
        if !has_failed && let Some(next) = next {
            name = &name[next.len_utf8()..];
        }
    }
    Ok((!has_failed).then_some(name))
}

/// What follows `[`: whether the character is in the set, and what follows the set.
fn match_set(set: &str, it: Option<char>) -> Result<(bool, &str), BadPattern> {
    let (mut set, is_negated) = set.strip_prefix('^').map_or((set, false), |set| (set, true));
    let mut is_member = false;
    let mut n_ranges = 0;
    loop {
        if 0 < n_ranges
            && let Some(rest) = set.strip_prefix(']')
        {
            return Ok((is_member != is_negated, rest));
        }
        let (low, rest) = set_member(set)?;
        let (high, rest) = match rest.strip_prefix('-') {
            Some(rest) => set_member(rest)?,
            None => (low, rest),
        };
        is_member |= it.is_some_and(|it| (low..=high).contains(&it));
        n_ranges += 1;
        set = rest;
    }
}

fn set_member(set: &str) -> Result<(char, &str), BadPattern> {
    let mut chars = set.chars();
    let member = match chars.next() {
        None | Some('-' | ']') => return Err(BadPattern),
        Some('\\') => chars.next().ok_or(BadPattern)?,
        Some(it) => it,
    };
    if chars.as_str().is_empty() {
        return Err(BadPattern);
    }
    Ok((member, chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_as_in_go() {
        for (pattern, name, expected) in [
            ("abc", "abc", Ok(true)),
            ("*", "abc", Ok(true)),
            ("*c", "abc", Ok(true)),
            ("a*/b", "abc/b", Ok(true)),
            ("a*/b", "a/c/b", Ok(false)),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", Ok(true)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Ok(true)),
            ("ab[c]", "abc", Ok(true)),
            ("ab[b-d]", "abc", Ok(true)),
            ("ab[^b-d]", "abc", Ok(false)),
            ("a\\*b", "a*b", Ok(true)),
            ("a???b", "aabb", Ok(false)),
            ("[]a]", "]", Err(BadPattern)),
            ("[-]", "-", Err(BadPattern)),
            ("[", "a", Err(BadPattern)),
            ("a[", "ab", Err(BadPattern)),
            ("*x", "xxx", Ok(true)),
            ("[!x]", "x", Ok(true)),
        ] {
            assert_eq!(match_path(pattern, name), expected, "{pattern} {name}");
        }
    }
}
