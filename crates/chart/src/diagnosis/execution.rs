//! Templates that failed.

use gotmpl::{CallError, ExecError, ExecuteError};

use super::{Author, Place, Problem, action_at, value_notes};
use crate::{
    actions::line_of,
    attempt::{Attempt, attempt},
    functions::{WARN_END, WARN_START},
    origin::{Origins, paths_in},
    render::Options,
    similar::nearest,
};

pub(super) fn problems(author: &Author<'_>) -> Vec<Problem> {
    let Some(found) = attempt(author.chart, author.values, &author.inputs) else {
        return Vec::new();
    };
    let origins = author.origins();
    let mut problems = Vec::new();
    for (path, error) in &found.failures {
        let problem = match error {
            ExecuteError::Exec(error) => problem(error, &found, author, &origins),
            error => Problem { text: format!("{path}: {error}"), ..Problem::default() },
        };
        // Several templates fail in one that they all include.
        let is_new = problems
            .iter()
            .all(|it: &Problem| it.place != problem.place || it.text != problem.text);
        if is_new {
            problems.push(problem);
        }
    }
    problems.extend(also_required(&problems, &found, author, &origins));
    problems
}

/// A step on the way to a failure, the outermost first.
struct Step<'e> {
    file: &'e str,
    line: usize,
    column: usize,
    error: &'e ExecError,
}

fn steps(error: &ExecError) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let mut parts = error.location.rsplitn(3, ':');
        let column = parts.next().and_then(|it| it.parse().ok()).unwrap_or_default();
        let line = parts.next().and_then(|it| it.parse().ok()).unwrap_or(1);
        let file = parts.next().unwrap_or_default();
        steps.push(Step { file, line, column, error });
        next = match &error.cause {
            Some(CallError::Template(inner) | CallError::Wrapped { inner, .. }) => Some(inner),
            _ => None,
        };
    }
    steps
}

fn problem(error: &ExecError, found: &Attempt, author: &Author<'_>, origins: &Origins) -> Problem {
    let steps = steps(error);
    let deepest = &steps[steps.len() - 1];
    // What `tpl` was given is no file: the place is where it was called.
    let place_idx = steps.iter().rposition(|it| found.texts.contains_key(it.file)).unwrap_or(0);
    let at = &steps[place_idx];
    let source = found.texts.get(at.file).map(String::as_str).unwrap_or_default();
    let (action, shown) = action_at(source, at.line, at.column).unwrap_or_default();
    let message = message(&deepest.error.message);
    let mut notes = value_notes(at.file, &action, origins);
    if place_idx + 1 < steps.len() {
        let node = &deepest.error.node;
        notes.push(format!("in a text that `tpl` was given, line {}: {node}", deepest.line));
    }
    for step in steps[..place_idx].iter().rev() {
        let file = author.file(step.file);
        notes.push(format!("included by {file}:{}:{}", step.line, step.column + 1));
    }
    let hint = hint(&message, at.file, &action, found, origins);
    Problem {
        text: message,
        place: Some(Place {
            file: author.file(at.file),
            line: at.line,
            column: Some(at.column + 1),
        }),
        excerpt: if shown.is_empty() { Vec::new() } else { vec![shown] },
        notes,
        hint,
    }
}

/// The innermost words, without marks.
fn message(text: &str) -> String {
    if let (Some(start), Some(end)) = (text.find(WARN_START), text.rfind(WARN_END)) {
        return text[start + WARN_START.len()..end].trim().to_owned();
    }
    if let Some((_, after)) = text.split_once("no template \"")
        && let Some(name) = after.split('"').next()
    {
        return format!("no template {name:?} is defined");
    }
    text.to_owned()
}

fn hint(
    message: &str,
    file: &str,
    action: &str,
    found: &Attempt,
    origins: &Origins,
) -> Option<String> {
    let paths = paths_in(file, action);
    let missing = paths.iter().find(|it| origins.of(it).is_empty());
    if let Some(name) = missing.and_then(|it| origins.similar(it)) {
        return Some(format!("did you mean `{name}`?"));
    }
    if message.contains("no template \"") {
        let wanted = message.split('"').nth(1).unwrap_or_default();
        return nearest(wanted, found.defined().iter().map(String::as_str))
            .map(|it| format!("did you mean {it:?}?"));
    }
    if message.starts_with("nil pointer evaluating") {
        let path = missing.or(paths.first()).map_or("it", String::as_str);
        return Some(format!(
            "give {path} a value, or let the template do without: `(.a).b` of a missing `a` is empty, `.a.b` fails"
        ));
    }
    if message.starts_with("can't evaluate field") {
        return Some("what stands before the field is no table".to_owned());
    }
    if message.contains("incompatible types for comparison") {
        return Some("numbers of values files are float64, and those of templates int: compare with 5.0, or through `int`".to_owned());
    }
    if message.ends_with("got interface {}") || message.contains("cannot assign nil") {
        return Some("the value is missing: `default` gives another one".to_owned());
    }
    if message.contains("wrong type for value") {
        return Some(
            "the function wants another type: `toString` and `toYaml` make text".to_owned(),
        );
    }
    let path = missing.filter(|_| action.contains("required"))?;
    Some(format!("set it: --set {path}=…, or in a file for -f"))
}

/// What else would be wanted, once the first thing is there.
fn also_required(
    problems: &[Problem],
    found: &Attempt,
    author: &Author<'_>,
    origins: &Origins,
) -> Vec<Problem> {
    let mut inputs = author.inputs;
    inputs.options = Options { is_lint: true, ..inputs.options };
    let pardoned = attempt(author.chart, author.values, &inputs).map(|it| it.pardoned);
    let mut also: Vec<Problem> = Vec::new();
    for text in pardoned.into_iter().flatten() {
        let is_known = |it: &Problem| it.text == text.trim();
        if problems.iter().any(is_known) || also.iter().any(is_known) {
            continue;
        }
        also.push(said_by(text.trim(), found, author, origins));
    }
    also
}

/// The place of a message, when it stands in a template as it is.
fn said_by(message: &str, found: &Attempt, author: &Author<'_>, origins: &Origins) -> Problem {
    let plain = Problem { text: message.to_owned(), ..Problem::default() };
    for (path, text) in &found.texts {
        let Some(place) = text.find(message) else { continue };
        let line = line_of(text, place);
        let column = place - text[..place].rfind('\n').map_or(0, |it| it + 1);
        let (action, shown) = action_at(text, line, column).unwrap_or_default();
        return Problem {
            place: Some(Place { file: author.file(path), line, column: Some(column + 1) }),
            excerpt: if shown.is_empty() { Vec::new() } else { vec![shown] },
            notes: value_notes(path, &action, origins),
            hint: hint(message, path, &action, found, origins),
            ..plain
        };
    }
    plain
}
