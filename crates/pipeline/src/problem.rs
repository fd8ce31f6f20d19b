//! What is wrong with a file, where, and what was perhaps meant.

use std::fmt;

/// One thing that is wrong with `zarpa.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl Problem {
    pub(crate) fn at(text: &str, offset: usize, message: String, hint: Option<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |it| it + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
            hint,
        }
    }
}

/// Everything that is wrong with one file, in the order of its lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    pub file: String,
    pub problems: Vec<Problem>,
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (problem_idx, problem) in self.problems.iter().enumerate() {
            let Problem { line, column, message, hint } = problem;
            let line_break = if problem_idx == 0 { "" } else { "\n" };
            write!(f, "{line_break}{}:{line}:{column}: {message}", self.file)?;
            if let Some(hint) = hint {
                write!(f, " (hint: {hint})")?;
            }
        }
        Ok(())
    }
}
