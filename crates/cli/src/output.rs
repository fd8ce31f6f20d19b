//! Results on standard output, failures on standard error.

use std::{
    borrow::Cow,
    io::{self, BufWriter, Write as _},
    process::ExitCode,
};

use serde::Serialize;

use crate::failure::Failure;

/// Prints a document as JSON.
pub(crate) fn json(document: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    raw(text.as_bytes())
}

/// Prints a line.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    raw(format!("{text}\n").as_bytes())
}

/// Prints bytes as they are.
pub(crate) fn raw(bytes: &[u8]) -> Result<(), Failure> {
    printed(io::stdout().lock().write_all(bytes))
}

/// Prints the parts of a long text.
pub(crate) fn parts(parts: &[Cow<'_, str>]) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut parts = parts.iter();
    printed(parts.try_for_each(|it| out.write_all(it.as_bytes())).and_then(|()| out.flush()))
}

/// A reader that has gone away wants no more: that is no failure.
fn printed(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints columns of text, each as wide as its widest cell.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let mut widths: Vec<usize> = header.iter().map(|it| it.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let header: Vec<String> = header.iter().map(|it| (*it).to_owned()).collect();
    for row in std::iter::once(&header).chain(rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(cells.collect::<Vec<String>>().join("   ").trim_end())?;
    }
    Ok(())
}

/// Tells a failure and returns its exit code.
pub(crate) fn fail(failure: &Failure, is_json: bool) -> ExitCode {
    if is_json {
        println!("{}", failure.to_json());
    } else {
        failure.print(&mut io::stderr().lock()).ok();
    }
    failure.exit_code()
}
