//! Why a text could not be read as YAML, in the words of Go's yaml package.

use std::{borrow::Cow, fmt};

/// A text that is not YAML, or that cannot be made JSON.
///
/// `Display` is the text of the Go error, without the words of those who wrap it:
/// `yaml: line 3: mapping values are not allowed in this context`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// The text is not YAML.
    #[error("yaml: {}{problem}", Line(*line))]
    Syntax {
        /// The line that Go names, from 1; it is sometimes one off, and often missing on the first line.
        line: Option<usize>,
        /// What is wrong.
        problem: Cow<'static, str>,
    },
    /// It is YAML, but has no equal in JSON: a key that is no text, a number that is not finite.
    #[error("{0}")]
    NotJson(String),
}

impl ReadError {
    pub(crate) fn plain(problem: impl Into<Cow<'static, str>>) -> Self {
        Self::Syntax { line: None, problem: problem.into() }
    }

    /// An error of the scanner at a line counted from 0, or of the parser at such a line.
    pub(crate) fn at(problem: &'static str, place: Place) -> Self {
        let line = match place {
            Place { problem: 0, context: 0, .. } => None,
            Place { problem: 0, context, .. } => Some(context),
            Place { problem, is_scanner, .. } => Some(problem + usize::from(is_scanner)),
        };
        Self::Syntax { line, problem: problem.into() }
    }
}

/// Where something went wrong, as Go's `parser.fail` looks at it. Lines count from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) problem: usize,
    pub(crate) context: usize,
    pub(crate) is_scanner: bool,
}

struct Line(Option<usize>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, "line {line}: "),
            None => Ok(()),
        }
    }
}
