//! `$(VAR)` references in commands, arguments, environment values and sub-paths.

/// Replaces every `$(NAME)` that `lookup` knows.
///
/// An unknown reference stays as it is written, `$$` is one `$`, and anything else after a `$` is kept.
/// Source: Kubernetes 1.34, `third_party/forked/golang/expansion/expand.go`.
pub(crate) fn expand<'a>(text: &str, lookup: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        rest = match Token::read(after) {
            Token::Dollar(rest) => {
                expanded.push('$');
                rest
            }
            Token::Reference { name, rest } => {
                match lookup(name) {
                    Some(value) => expanded.push_str(value),
                    None => expanded.extend(["$(", name, ")"]),
                }
                rest
            }
            Token::Literal(rest) => {
                expanded.push('$');
                rest
            }
        };
    }
    expanded.push_str(rest);
    expanded
}

/// Names the references in `text`, in order, known or not.
pub(crate) fn references(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$') {
        rest = match Token::read(after) {
            Token::Dollar(rest) | Token::Literal(rest) => rest,
            Token::Reference { name, rest } => {
                names.push(name);
                rest
            }
        };
    }
    names
}

/// What follows a `$`.
enum Token<'a> {
    Dollar(&'a str),
    Reference { name: &'a str, rest: &'a str },
    Literal(&'a str),
}

impl<'a> Token<'a> {
    fn read(after: &'a str) -> Self {
        if let Some(rest) = after.strip_prefix('$') {
            return Self::Dollar(rest);
        }
        match after.strip_prefix('(').and_then(|it| it.split_once(')')) {
            Some((name, rest)) => Self::Reference { name, rest },
            None => Self::Literal(after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &str) {
        let lookup = |name: &str| match name {
            "A" => Some("1"),
            "EMPTY" => Some(""),
            _ => None,
        };
        assert_eq!(expand(text, lookup), want, "{text}");
    }

    #[test]
    fn references_are_replaced_and_the_rest_is_kept() {
        check("$(A)", "1");
        check("x$(A)y$(A)", "x1y1");
        check("$$(A)", "$(A)");
        check("$$$(A)", "$1");
        check("$(B) $(EMPTY)|", "$(B) |");
        check("$A ${A} $", "$A ${A} $");
        check("$(A", "$(A");
        check("$()", "$()");
    }

    #[test]
    fn escaped_references_are_not_named() {
        assert_eq!(references("$(A)/$$(B)/$(C"), ["A"]);
    }
}
