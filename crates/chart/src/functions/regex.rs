//! Regular expressions with Go's syntax and semantics.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use gotmpl::{
    Str,
    Type::{Int, String as Text},
    Value,
};

use super::{
    Env, Function, Result,
    args::{int, text},
    fail, fixed,
};

mod class;
mod matcher;
mod syntax;

use matcher::Regex;
use syntax::SyntaxError;

/// Compiled expressions that are kept; beyond that number all are forgotten.
const KEPT_MAX: usize = 1_000;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("regexMatch", &[Text, Text], |env, args| {
        // Without `must` a bad expression just does not match.
        Ok(Value::Bool(env.regex(&args[0]).is_ok_and(|it| it.is_match(&text(&args[1]).to_text()))))
    }),
    fixed("mustRegexMatch", &[Text, Text], |env, args| {
        Ok(Value::Bool(env.must_regex(&args[0])?.is_match(&text(&args[1]).to_text())))
    }),
    fixed("regexFind", &[Text, Text], |env, args| {
        let regex = env.panicking_regex(&args[0])?;
        Ok(regex.find(&text(&args[1]).to_text()).into())
    }),
    fixed("mustRegexFind", &[Text, Text], |env, args| {
        let regex = env.must_regex(&args[0])?;
        Ok(regex.find(&text(&args[1]).to_text()).into())
    }),
    fixed("regexFindAll", &[Text, Text, Int], |env, args| {
        let regex = env.panicking_regex(&args[0])?;
        Ok(find_all(&regex, args))
    }),
    fixed("mustRegexFindAll", &[Text, Text, Int], |env, args| {
        let regex = env.must_regex(&args[0])?;
        Ok(find_all(&regex, args))
    }),
    fixed("regexReplaceAll", &[Text, Text, Text], |env, args| {
        let regex = env.panicking_regex(&args[0])?;
        Ok(regex.replace(&text(&args[1]).to_text(), &text(&args[2]).to_text(), true).into())
    }),
    fixed("mustRegexReplaceAll", &[Text, Text, Text], |env, args| {
        let regex = env.must_regex(&args[0])?;
        Ok(regex.replace(&text(&args[1]).to_text(), &text(&args[2]).to_text(), true).into())
    }),
    fixed("regexReplaceAllLiteral", &[Text, Text, Text], |env, args| {
        let regex = env.panicking_regex(&args[0])?;
        Ok(regex.replace(&text(&args[1]).to_text(), &text(&args[2]).to_text(), false).into())
    }),
    fixed("mustRegexReplaceAllLiteral", &[Text, Text, Text], |env, args| {
        let regex = env.must_regex(&args[0])?;
        Ok(regex.replace(&text(&args[1]).to_text(), &text(&args[2]).to_text(), false).into())
    }),
    fixed("regexSplit", &[Text, Text, Int], |env, args| {
        let regex = env.panicking_regex(&args[0])?;
        Ok(split(&regex, args))
    }),
    fixed("mustRegexSplit", &[Text, Text, Int], |env, args| {
        let regex = env.must_regex(&args[0])?;
        Ok(split(&regex, args))
    }),
    fixed("regexQuoteMeta", &[Text], |_, args| Ok(quote_meta(text(&args[0])))),
];

/// An expression of Go's as one that Rust's regex crate reads the same; nothing when Go refuses it.
pub(crate) fn portable(expression: &str) -> Option<String> {
    syntax::parse(expression).ok().map(|parsed| parsed.hir.to_string())
}

/// An expression for those outside of templates.
pub(crate) struct GoRegex(Regex);

impl GoRegex {
    /// Nothing when Go refuses the expression.
    pub(crate) fn new(expression: &str) -> Option<Self> {
        Regex::new(expression).ok().map(Self)
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// Expressions compiled in this rendering.
#[derive(Default)]
pub(super) struct Kept(RefCell<BTreeMap<Rc<str>, Compiled>>);

type Compiled = std::result::Result<Rc<Regex>, SyntaxError>;

impl Env<'_, '_> {
    fn regex(&self, expression: &Value) -> Compiled {
        let expression = text(expression).to_shared();
        let mut kept = self.host.regexes.0.borrow_mut();
        if let Some(regex) = kept.get(&expression) {
            return regex.clone();
        }
        let regex = Regex::new(&expression).map(Rc::new);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(expression, regex.clone());
        regex
    }

    fn must_regex(&self, expression: &Value) -> Result<Rc<Regex>> {
        self.regex(expression).or_else(|error| fail(error.to_string()))
    }

    /// The regex, or what Go's `MustCompile` panics with.
    fn panicking_regex(&self, expression: &Value) -> Result<Rc<Regex>> {
        self.regex(expression).or_else(|error| {
            let expression = text(expression).to_text();
            let can_backquote = !expression
                .chars()
                .any(|it| matches!(it, '`' | '\u{7f}' | '\u{feff}') || (it < ' ' && it != '\t'));
            let quoted = if can_backquote {
                format!("`{expression}`")
            } else {
                gotmpl::strconv::quote(expression.as_bytes())
            };
            fail(format!("regexp: Compile({quoted}): {error}"))
        })
    }
}

fn find_all(regex: &Regex, args: &[Value]) -> Value {
    let whole = text(&args[1]).to_text();
    let count = usize::try_from(int(&args[2])).unwrap_or(usize::MAX);
    let found: Vec<&str> = regex.all(&whole, count).map(|span| &whole[span]).collect();
    if found.is_empty() { Value::Strings(None) } else { Value::strings(found) }
}

/// `Regexp.Split`.
fn split(regex: &Regex, args: &[Value]) -> Value {
    let whole = text(&args[1]).to_text();
    let count = int(&args[2]);
    if count == 0 {
        return Value::Strings(None);
    }
    if whole.is_empty() && !text(&args[0]).is_empty() {
        return Value::strings([""]);
    }
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    let mut parts: Vec<&str> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for span in regex.all(&whole, limit) {
        if parts.len() >= limit - 1 {
            break;
        }
        end = span.start;
        if span.end != 0 {
            parts.push(&whole[begin..end]);
        }
        begin = span.end;
    }
    if end != whole.len() {
        parts.push(&whole[begin..]);
    }
    Value::strings(parts)
}

fn quote_meta(whole: &Str) -> Value {
    let mut out = Vec::with_capacity(whole.len());
    for byte in whole.iter() {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    Value::String(Str::from_bytes(out))
}
