//! Which line of a template made a line of the output.
//!
//! Templates are rendered once more with an invisible letter before every text and every printing action
//! of theirs; each letter stands for a line. What named templates print belongs to the line that
//! includes them.

use crate::{
    actions::{Piece, first_word, line_of, prints, segments},
    chart::Chart,
};

/// The letters are those of a plane that Unicode gives to nobody.
const FIRST: u32 = 0xf_0000;
const LINES_MAX: usize = 0xfffd;

/// The same chart with letters in its templates.
pub(crate) fn marked(chart: &Chart) -> Chart {
    let mut chart = chart.clone();
    for template in &mut chart.templates {
        if let Ok(text) = std::str::from_utf8(&template.data) {
            template.data = mark(text).into_bytes().into();
        }
    }
    chart.dependencies = chart.dependencies.iter().map(marked).collect();
    chart
}

fn mark(text: &str) -> String {
    let mut marked = String::with_capacity(text.len() * 2);
    let mut open: Vec<&str> = Vec::new();
    for segment in segments(text) {
        let whole = &text[segment.range.clone()];
        let inner = &text[segment.inner.clone()];
        // What is defined here is printed elsewhere, and may be compared or cut before.
        let is_defining = open.contains(&"define");
        match segment.piece {
            Piece::Text if !is_defining => {
                for line in whole.split_inclusive('\n') {
                    let start = line.len() - line.trim_start().len();
                    marked.push_str(&line[..start]);
                    if start < line.len() {
                        let place = line.as_ptr().addr() - text.as_ptr().addr();
                        marked.extend(letter(line_of(text, place)));
                    }
                    marked.push_str(&line[start..]);
                }
            }
            Piece::Action if !is_defining && prints(inner) => {
                if let Some(letter) = letter(line_of(text, segment.range.start)) {
                    let opening = if whole.starts_with("{{- ") || whole.starts_with("{{-\n") {
                        "{{- "
                    } else {
                        "{{"
                    };
                    marked.extend([opening, "\"", &letter.to_string(), "\"}}"]);
                }
                marked.extend(["{{", &text[segment.inner.start..segment.range.end]]);
            }
            _ => marked.push_str(whole),
        }
        if segment.piece == Piece::Action {
            match first_word(inner) {
                word @ ("if" | "range" | "with" | "define" | "block") => open.push(word),
                "end" => drop(open.pop()),
                _ => {}
            }
        }
    }
    marked
}

fn letter(line: usize) -> Option<char> {
    let line = u32::try_from(line.min(LINES_MAX)).ok()?;
    char::from_u32(FIRST + line)
}

/// The lines of a template for each line of what it rendered to with letters, both from 1; nothing
/// for what stands before the first letter.
pub(crate) fn lines(output: &str) -> Vec<Option<usize>> {
    let mut last = None;
    let mut lines = Vec::new();
    for line in output.split('\n') {
        let mut marks = line.chars().rev().filter_map(|it| u32::from(it).checked_sub(FIRST));
        last = marks.next().and_then(|it| usize::try_from(it).ok()).or(last);
        lines.push(last);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_printing_actions_are_marked() {
        let text = "a: 1\n{{- if .x }}\nb: {{ .y }}\n{{- toYaml .z }}\n{{- end }}\n";
        let shown = mark(text).replace(|it| u32::from(it) >= FIRST, "*");
        assert_eq!(
            shown,
            "*a: 1\n{{- if .x }}\n*b: {{\"*\"}}{{ .y }}\n{{- \"*\"}}{{ toYaml .z }}\n{{- end }}\n"
        );
        assert_eq!(
            mark("{{ define \"x\" }}a{{ .b }}{{ end }}"),
            "{{ define \"x\" }}a{{ .b }}{{ end }}"
        );
    }

    #[test]
    fn lines_of_the_output_know_their_template() {
        let letter = |line| letter(line).unwrap();
        let output = format!("\n{}a:{} 1\nb: 2\n{}c", letter(1), letter(3), letter(9));
        assert_eq!(lines(&output), [None, Some(3), Some(3), Some(9)]);
    }
}
