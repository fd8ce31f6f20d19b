//! What an author did wrong: every problem with its place, the values involved, where they come from,
//! and a way out.

use std::fmt;

use crate::{
    actions,
    chart::Chart,
    diff::show,
    origin::{Origins, paths_in},
    render::Inputs,
    render_error::RenderError,
    values::{ValueSources, Values},
};

mod again;
mod documents;
mod execution;
mod given;
mod parsing;
mod schema;

use again::Again;
pub use given::{diagnose_load, diagnose_values};

/// How much of an expression is shown.
const EXPRESSION_CHARS_MAX: usize = 120;

/// A mistake in a chart or in what is given to it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Problem {
    pub text: String,
    /// Where, when it is known.
    pub place: Option<Place>,
    /// What stands there, or what it became.
    pub excerpt: Vec<String>,
    /// The values involved, and the way that led there.
    pub notes: Vec<String>,
    pub hint: Option<String>,
}

/// A place in a file that a user wrote.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In bytes, from 1.
    pub column: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        self.column.map_or(Ok(()), |it| write!(f, ":{it}"))
    }
}

impl fmt::Display for Problem {
    /// Several lines: the problem at its place, then what is known of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.text)?;
        for line in self.excerpt.iter().chain(&self.notes) {
            write!(f, "\n    {line}")?;
        }
        self.hint.as_ref().map_or(Ok(()), |it| write!(f, "\n    hint: {it}"))
    }
}

/// Problems as a terminal shows them, one after the other.
pub fn problem_lines(problems: &[Problem]) -> Vec<String> {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.iter().flat_map(|it| it.lines()).map(str::to_owned).collect()
}

/// What was rendered, and by whom it was given.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    pub chart: &'a Chart,
    /// The chart's path, as the user wrote it.
    pub folder: &'a str,
    pub sources: &'a ValueSources,
    /// The sources merged.
    pub values: &'a Values,
    pub inputs: Inputs<'a>,
}

/// Everything that is wrong where a rendering failed: never empty.
///
/// Renders again, but for keys, so it takes as long; what it finds more than the error says is of the same kind.
pub fn diagnose(error: &RenderError, author: &Author<'_>) -> Vec<Problem> {
    let source = Again::new(author.inputs.source);
    let author = &Author { inputs: Inputs { source: &source, ..author.inputs }, ..*author };
    let found = match error {
        RenderError::Parse { .. } => parsing::problems(author),
        RenderError::Execute { .. } => execution::problems(author),
        RenderError::Manifest(_) => documents::problems(author),
        RenderError::Schema(text) => schema::problems(text, author),
        RenderError::MissingDependencies(names) => given::missing(names, author),
        RenderError::KubeVersion { .. } => vec![given::kube_version(error, author)],
        RenderError::Library => vec![Problem {
            text: error.to_string(),
            hint: Some(
                "a library lends templates to other charts: name it among their dependencies"
                    .to_owned(),
            ),
            ..Problem::default()
        }],
        RenderError::Values(_) | RenderError::Dependencies(_) => Vec::new(),
    };
    if found.is_empty() {
        return vec![Problem { text: error.to_string(), ..Problem::default() }];
    }
    found
}

impl Author<'_> {
    fn origins(&self) -> Origins {
        Origins::new(self.chart, self.folder, self.sources)
    }

    /// A template's path in the output as a path that the user knows.
    pub(crate) fn file(&self, path: &str) -> String {
        let mut chart = self.chart;
        let mut shown = self.folder.trim_end_matches('/').to_owned();
        let mut rest = path.split_once('/').map_or(path, |(_, rest)| rest);
        while let Some((name, below)) =
            rest.strip_prefix("charts/").and_then(|it| it.split_once('/'))
        {
            // An alias is a name in the output alone.
            let listed = chart.metadata.dependencies.iter().flatten();
            let mut listed = listed.filter(|it| it.name_in_values() == name);
            let name = listed.next().map_or(name, |it| &it.name);
            shown = format!("{shown}/charts/{name}");
            rest = below;
            match chart.dependencies.iter().find(|it| it.name() == name) {
                Some(subchart) => chart = subchart,
                None => break,
            }
        }
        format!("{shown}/{rest}")
    }
}

/// What is known of each value in an expression.
fn value_notes(template: &str, expression: &str, origins: &Origins) -> Vec<String> {
    paths_in(template, expression).iter().map(|path| value_note(path, origins)).collect()
}

fn value_note(path: &str, origins: &Origins) -> String {
    match origins.of(path).first() {
        Some(origin) => {
            let value = shortened(&show(&origin.value));
            format!("value {path} is {value}, from {origin}")
        }
        None => match origins.known(path).map(|it| (it, origins.of(it))) {
            Some((part, said)) if !said.is_empty() => {
                format!("value {path} is not set; {part} is, in {}", said[0])
            }
            _ => format!("value {path} is not set anywhere"),
        },
    }
}

/// The action around a place, on one line.
fn action_at(text: &str, line: usize, column: usize) -> Option<(String, String)> {
    let start = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
    let place = start + column;
    let segment = actions::segments(text)
        .into_iter()
        .find(|it| it.piece != actions::Piece::Text && it.range.contains(&place))?;
    let whole = text.get(segment.range)?;
    let words: Vec<&str> = whole.split_whitespace().collect();
    Some((whole.to_owned(), shortened(&words.join(" "))))
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= EXPRESSION_CHARS_MAX {
        return text.to_owned();
    }
    let head: String = text.chars().take(EXPRESSION_CHARS_MAX).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests;
