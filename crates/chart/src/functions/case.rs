//! Upper and lower case, and words in one or several pieces.

use gotmpl::{Type::String as Text, Value};

use super::{Env, Function, Result, args::text, fixed};

mod words;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("upper", &[Text], |_, args| Ok(mapped(&args[0], upper))),
    fixed("lower", &[Text], |_, args| Ok(mapped(&args[0], lower))),
    fixed("title", &[Text], title),
    fixed("untitle", &[Text], untitle),
    fixed("swapcase", &[Text], swap_case),
    fixed("initials", &[Text], initials),
    fixed("snakecase", &[Text], |_, args| {
        Ok(words::lower_with(&text(&args[0]).to_text(), '_').into())
    }),
    fixed("kebabcase", &[Text], |_, args| {
        Ok(words::lower_with(&text(&args[0]).to_text(), '-').into())
    }),
    fixed("camelcase", &[Text], |_, args| Ok(words::pascal(&text(&args[0]).to_text()).into())),
];

/// One character for one, as Go's `unicode.ToUpper`.
fn upper(character: char) -> char {
    single(character, character.to_uppercase())
}

/// One character for one, as Go's `unicode.ToLower`.
fn lower(character: char) -> char {
    match character {
        'İ' => 'i',
        _ => single(character, character.to_lowercase()),
    }
}

fn single(character: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => character,
    }
}

/// `unicode.ToTitle`, which differs from upper case for a few ligatures.
fn title_case(character: char) -> char {
    match character {
        'Ǆ' | 'ǅ' | 'ǆ' => 'ǅ',
        'Ǉ' | 'ǈ' | 'ǉ' => 'ǈ',
        'Ǌ' | 'ǋ' | 'ǌ' => 'ǋ',
        'Ǳ' | 'ǲ' | 'ǳ' => 'ǲ',
        _ => upper(character),
    }
}

fn mapped(value: &Value, map: impl Fn(char) -> char) -> Value {
    text(value).to_text().chars().map(map).collect::<String>().into()
}

/// `strings.Title`.
fn title(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let is_separator = |it: char| match it {
        '_' => false,
        _ if it.is_ascii() => !it.is_ascii_alphanumeric(),
        _ => !it.is_alphabetic() && !it.is_numeric() && it.is_whitespace(),
    };
    let mut before = ' ';
    let map = |it: char| {
        let mapped = if is_separator(before) { title_case(it) } else { it };
        before = it;
        mapped
    };
    Ok(text(&args[0]).to_text().chars().map(map).collect::<String>().into())
}

fn untitle(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut is_next = true;
    let map = |it: char| {
        if it.is_whitespace() {
            is_next = true;
            return it;
        }
        if std::mem::take(&mut is_next) { lower(it) } else { it }
    };
    Ok(text(&args[0]).to_text().chars().map(map).collect::<String>().into())
}

fn swap_case(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut after_space = true;
    let map = |it: char| {
        if it.is_uppercase() || matches!(it, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ') {
            after_space = false;
            lower(it)
        } else if it.is_lowercase() {
            if std::mem::take(&mut after_space) { title_case(it) } else { upper(it) }
        } else {
            after_space = it.is_whitespace();
            it
        }
    };
    Ok(text(&args[0]).to_text().chars().map(map).collect::<String>().into())
}

/// goutils looks at bytes here.
fn initials(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut was_gap = true;
    let mut out = String::new();
    for byte in text(&args[0]).iter() {
        let character = char::from(*byte);
        if character.is_whitespace() {
            was_gap = true;
        } else if std::mem::take(&mut was_gap) {
            out.push(character);
        }
    }
    Ok(out.into())
}
