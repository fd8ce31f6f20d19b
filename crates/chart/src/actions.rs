//! A template's text cut into text and actions, for whoever looks at it without executing it.

use std::ops::Range;

/// What a part of a template is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Piece {
    Text,
    Action,
    Comment,
}

/// A part of a template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Segment {
    pub(crate) piece: Piece,
    /// With the delimiters.
    pub(crate) range: Range<usize>,
    /// Without delimiters and trim markers.
    pub(crate) inner: Range<usize>,
}

/// Cuts a template up; what is never closed reaches to the end.
pub(crate) fn segments(text: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut place = 0;
    while let Some(found) = text[place..].find("{{") {
        let start = place + found;
        if place < start {
            segments.push(Segment { piece: Piece::Text, range: place..start, inner: place..start });
        }
        let segment = action(text, start);
        place = segment.range.end;
        segments.push(segment);
    }
    if place < text.len() {
        let range = place..text.len();
        segments.push(Segment { piece: Piece::Text, inner: range.clone(), range });
    }
    segments
}

fn action(text: &str, start: usize) -> Segment {
    let bytes = text.as_bytes();
    let is_blank = |place: usize| bytes.get(place).is_some_and(u8::is_ascii_whitespace);
    let mut inner = start + 2;
    if bytes.get(inner) == Some(&b'-') && is_blank(inner + 1) {
        inner += 1;
    }
    let is_comment = text[inner..].trim_start().starts_with("/*");
    let close = if is_comment { comment_end(text, inner) } else { action_end(bytes, inner) };
    let end = close.map_or(text.len(), |it| it + 2);
    let close = close.unwrap_or(text.len());
    let is_trimmed = inner < close
        && bytes[close - 1] == b'-'
        && (is_comment || is_blank(close.wrapping_sub(2)));
    let inner = inner..if is_trimmed { close - 1 } else { close };
    let piece = if is_comment { Piece::Comment } else { Piece::Action };
    Segment { piece, range: start..end, inner }
}

fn comment_end(text: &str, start: usize) -> Option<usize> {
    let end = start + text[start..].find("*/")? + 2;
    Some(end + text[end..].find("}}")?)
}

/// Where the closing braces are, which may stand in texts.
fn action_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut place = start;
    while place < bytes.len() {
        match bytes[place] {
            b'}' if bytes.get(place + 1) == Some(&b'}') => return Some(place),
            quote @ (b'"' | b'\'' | b'`') => {
                place += 1;
                while place < bytes.len() && bytes[place] != quote {
                    place += if bytes[place] == b'\\' && quote != b'`' { 2 } else { 1 };
                }
            }
            _ => {}
        }
        place += 1;
    }
    None
}

/// The first word of an action: a keyword, a function, a variable.
pub(crate) fn first_word(inner: &str) -> &str {
    let inner = inner.trim_start();
    let end = inner.find(|it: char| it.is_whitespace() || "(|)".contains(it));
    &inner[..end.unwrap_or(inner.len())]
}

/// Whether an action prints what it is worth.
pub(crate) fn prints(inner: &str) -> bool {
    const SILENT: [&str; 10] =
        ["if", "else", "end", "range", "with", "define", "block", "break", "continue", ""];
    let is_assignment = inner.trim_start().starts_with('$') && {
        let head = inner.split('=').next().unwrap_or_default();
        inner.contains('=') && !head.contains(['"', '|', '(', '`'])
    };
    !SILENT.contains(&first_word(inner)) && !is_assignment
}

/// The line of a place, from 1.
pub(crate) fn line_of(text: &str, place: usize) -> usize {
    text.as_bytes()[..place.min(text.len())].iter().filter(|it| **it == b'\n').count() + 1
}

/// The `if`, `range`, `with`, `define` and `block` that are never ended: their places.
pub(crate) fn unclosed(text: &str) -> Vec<usize> {
    let mut open = Vec::new();
    for segment in segments(text).into_iter().filter(|it| it.piece == Piece::Action) {
        match first_word(&text[segment.inner]) {
            "if" | "range" | "with" | "define" | "block" => open.push(segment.range.start),
            "end" => drop(open.pop()),
            _ => {}
        }
    }
    open
}

/// The paths that follow `.Values` in an expression: `image.tag` of `$.Values.image.tag`.
pub(crate) fn value_paths(expression: &str) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for (place, mark) in expression.match_indices(".Values.") {
        let rest = &expression[place + mark.len()..];
        let is_field = |it: char| it.is_alphanumeric() || "._".contains(it);
        let path = &rest[..rest.find(|it| !is_field(it)).unwrap_or(rest.len())];
        let path = path.trim_end_matches('.').to_owned();
        if !path.is_empty() && !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(Piece, &str)]) {
        let segments = segments(text);
        let found: Vec<(Piece, &str)> =
            segments.iter().map(|it| (it.piece, &text[it.inner.clone()])).collect();
        assert_eq!(found, expect, "{text}");
        let whole: String = segments.iter().map(|it| &text[it.range.clone()]).collect();
        assert_eq!(whole, text);
    }

    #[test]
    fn templates_are_cut_into_text_and_actions() {
        use Piece::{Action, Comment, Text};
        check("a{{ .b }}c", &[(Text, "a"), (Action, " .b "), (Text, "c")]);
        check("{{- \"}}\" -}}", &[(Action, " \"}}\" ")]);
        check("{{`}}`}}{{'}'}}", &[(Action, "`}}`"), (Action, "'}'")]);
        check("{{/* }} */}}x", &[(Comment, "/* }} */"), (Text, "x")]);
        check("{{- /* a */ -}}", &[(Comment, " /* a */ ")]);
        check("{{-3}}", &[(Action, "-3")]);
        check("a{{ never", &[(Text, "a"), (Action, " never")]);
        check("", &[]);
    }

    #[test]
    fn actions_that_print_are_told_from_those_that_do_not() {
        for text in [" .a ", "toYaml . | nindent 2", "$x", " $x | eq \"a=b\" ", "template \"x\" ."]
        {
            assert!(prints(text), "{text}");
        }
        for text in ["if .a", "end", " else if .b ", "$x := 1", "$x = .y", "range $i := list"] {
            assert!(!prints(text), "{text}");
        }
    }

    #[test]
    fn openers_without_end_are_found() {
        let text = "{{ if .a }}\n{{ range .b }}\n{{ end }}\n";
        assert_eq!(unclosed(text), [0]);
        assert_eq!(line_of(text, unclosed(text)[0]), 1);
        assert_eq!(unclosed("{{ if .a }}{{ end }}"), [0usize; 0]);
    }

    #[test]
    fn paths_of_values_are_found_in_expressions() {
        assert_eq!(value_paths("$.Values.a.b | default .Values.c"), ["a.b", "c"]);
        assert_eq!(value_paths("(.Values.a).b"), ["a"]);
        assert_eq!(value_paths(".Release.Name"), [""; 0]);
    }
}
