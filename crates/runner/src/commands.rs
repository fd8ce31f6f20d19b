//! The stages that run the user's own commands: test and build.

use std::path::Path;

use host::process::{self, Line, RunError, ShellCommand};
use pipeline::Stage;

/// Lines that an error shows of what the command wrote last.
const LINES_SHOWN_MAX: usize = 30;

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("could not start a command of the project")]
    Run(#[source] RunError),
    #[error("`{line}` ended with {status}")]
    Failed {
        line: String,
        /// `exit code 1`, `signal 9`.
        status: String,
        /// The last lines that it wrote.
        tail: Vec<String>,
    },
}

/// Runs the commands of a stage in order; the first that fails ends it.
pub(crate) async fn run(
    root: &Path,
    stage: &Stage,
    mut on_line: impl FnMut(String),
) -> Result<(), CommandError> {
    for line in &stage.run {
        let env = stage.env.iter().map(|(name, value)| (name.clone(), value.clone()));
        let command = ShellCommand { line: line.clone(), dir: root.to_owned(), env: env.collect() };
        let mut tail: Vec<String> = Vec::new();
        let status = process::run(&command, |line| {
            let (Line::Out(text) | Line::Err(text)) = line;
            if tail.len() == LINES_SHOWN_MAX {
                tail.remove(0);
            }
            tail.push(text.clone());
            on_line(text);
        })
        .await
        .map_err(CommandError::Run)?;
        if !status.success() {
            let status = match status.code() {
                Some(code) => format!("exit code {code}"),
                None => status.to_string(),
            };
            return Err(CommandError::Failed { line: line.clone(), status, tail });
        }
    }
    Ok(())
}
