//! Output that is no YAML.

use super::{Author, Place, Problem, value_notes};
use crate::{
    attempt::{Attempt, attempt},
    decode::DecodeError,
    manifest::{read_head, split_documents},
    marks, pathname,
};

/// Lines shown before and after the one that is named.
const LINES_AROUND: usize = 2;

pub(super) fn problems(author: &Author<'_>) -> Vec<Problem> {
    let Some(found) = attempt(author.chart, author.values, &author.inputs) else {
        return Vec::new();
    };
    let marked = attempt(&marks::marked(author.chart), author.values, &author.inputs);
    let origins = author.origins();
    let mut problems = Vec::new();
    for (path, output) in &found.files {
        if pathname::base(path).starts_with('_') || path.ends_with("NOTES.txt") {
            continue;
        }
        let sources = marked.as_ref().and_then(|it| lines(it, path, output));
        for document in split_documents(output) {
            let Err(error) = read_head(document) else { continue };
            let before = document.as_ptr().addr() - output.as_ptr().addr();
            let first = output[..before].matches('\n').count();
            let line = line_in(&error, document);
            let template =
                sources.as_ref().and_then(|it| it.get(first + line - 1).copied().flatten());
            let text = found.texts.get(path).map(String::as_str).unwrap_or_default();
            let source = template.and_then(|it| text.lines().nth(it - 1)).unwrap_or_default();
            problems.push(Problem {
                text: format!("does not render to YAML: {}", words(&error)),
                place: Some(Place {
                    file: author.file(path),
                    line: template.unwrap_or(1),
                    column: None,
                }),
                excerpt: excerpt(document, first, line),
                notes: value_notes(path, source, &origins),
                hint: hint(document, line),
            });
        }
    }
    problems
}

/// For each line of the output the template's line, when the letters changed no line.
fn lines(marked: &Attempt, path: &str, output: &str) -> Option<Vec<Option<usize>>> {
    let lines = marks::lines(marked.files.get(path)?);
    (lines.len() == output.split('\n').count()).then_some(lines)
}

fn words(error: &DecodeError) -> String {
    match error {
        DecodeError::Yaml(goyaml::ReadError::Syntax { problem, .. }) => problem.to_string(),
        error => error.to_string(),
    }
}

/// The line of a document that is meant: Go's is sometimes the one after.
fn line_in(error: &DecodeError, document: &str) -> usize {
    let said = match error {
        DecodeError::Yaml(goyaml::ReadError::Syntax { line, .. }) => line.unwrap_or(1),
        _ => 1,
    };
    said.clamp(1, document.lines().count().max(1))
}

/// The output around a line, with numbers as in the whole output of the template.
fn excerpt(document: &str, first: usize, line: usize) -> Vec<String> {
    let from = line.saturating_sub(LINES_AROUND).max(1);
    let lines = document.lines().enumerate().skip(from - 1).take(line + LINES_AROUND + 1 - from);
    lines
        .map(|(line_idx, text)| {
            let mark = if line_idx + 1 == line { '>' } else { ' ' };
            format!("{mark} {:>4} {text}", first + line_idx + 1)
        })
        .collect()
}

fn hint(document: &str, line: usize) -> Option<String> {
    let near: Vec<&str> = document.lines().skip(line.saturating_sub(2)).take(2).collect();
    if near.iter().any(|it| it.contains('\t')) {
        return Some("YAML is not indented with tabs".to_owned());
    }
    if near.iter().any(|it| it.matches(": ").count() > 1 && !it.contains(['"', '\'', '{'])) {
        return Some("a text with `: ` in it wants quotes: `| quote`".to_owned());
    }
    Some("look at the indentation: `nindent` puts every line at the same depth".to_owned())
}
