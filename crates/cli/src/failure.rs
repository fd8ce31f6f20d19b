//! The only place where errors become words, hints and exit codes.

use std::{
    error::Error,
    fmt,
    io::{self, Write},
    process::ExitCode,
};

/// The work failed.
const FAILED: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;
/// The user ended it.
const INTERRUPTED: u8 = 130;

/// An error on its way out, with what it needs beside its chain.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    error: Box<dyn Error + Send + Sync>,
    hint: Option<String>,
    /// Shown below the cause: lines of logs, events.
    evidence: Vec<String>,
    /// The whole text, when another program's words are wanted instead of ours.
    verbatim: Option<String>,
    /// Stands for the chain where the evidence says it all.
    head: Option<String>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Work,
    Usage,
    Interrupted,
}

impl Failure {
    pub(crate) fn work(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::Work,
            error: error.into(),
            hint: None,
            evidence: Vec::new(),
            verbatim: None,
            head: None,
        }
    }

    pub(crate) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: Kind::Usage, ..Self::work(error) }
    }

    pub(crate) fn interrupted() -> Self {
        Self { kind: Kind::Interrupted, ..Self::work("interrupted") }
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// What helps when nothing better is known.
    #[must_use]
    pub(crate) fn or_hint(mut self, hint: String) -> Self {
        self.hint.get_or_insert(hint);
        self
    }

    #[must_use]
    pub(crate) fn with_evidence(mut self, evidence: Vec<String>) -> Self {
        self.evidence = evidence;
        self
    }

    /// The same, told in another program's words alone. Whatever failed, that program ends with 1.
    pub(crate) fn reworded(&self, text: String) -> Self {
        let failure = Self::work(self.error.to_string());
        Self { verbatim: Some(text), ..failure }
    }

    /// The same under other words; those of the error are left to whoever asks for it.
    pub(crate) fn headed(mut self, head: String) -> Self {
        self.head = Some(head);
        self
    }

    /// The same as a part of something greater, whose words come first.
    pub(crate) fn within(mut self, doing: &str) -> Self {
        self.error = format!("{doing}: {}", self.error).into();
        self
    }

    /// What went wrong, for whoever has more to say about it.
    pub(crate) fn error(&self) -> &(dyn Error + 'static) {
        self.error.as_ref()
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::Work => FAILED,
            Kind::Usage => USAGE,
            Kind::Interrupted => INTERRUPTED,
        })
    }

    /// Prints the chain once, then what was seen, then the way out.
    pub(crate) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(text) = &self.verbatim {
            return writeln!(out, "{text}");
        }
        if let Some(head) = &self.head {
            writeln!(out, "error: {head}")?;
        } else {
            writeln!(out, "error: {}", self.error)?;
            for cause in chain(self.error.as_ref()) {
                writeln!(out, "  caused by: {cause}")?;
            }
        }
        for line in &self.evidence {
            writeln!(out, "  | {line}")?;
        }
        if let Some(hint) = &self.hint {
            writeln!(out, "hint: {hint}")?;
        }
        Ok(())
    }

    /// The whole chain on one line, for a place that has no more.
    pub(crate) fn one_line(&self) -> String {
        let mut text = self.error.to_string();
        for cause in chain(self.error.as_ref()) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        text
    }

    /// The same for machines.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "error": self.error.to_string(),
            "causes": chain(self.error.as_ref()),
            "evidence": self.evidence,
            "hint": self.hint,
        })
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let hint = hint(&error);
        Self::work(error).with_hint(hint)
    }
}

/// The sources below an error; one that only repeats what stands above it is left out.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut above = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !above.contains(&text) {
            causes.push(text.clone());
            above = text;
        }
        source = error.source();
    }
    causes
}

/// What helps with errors that every command may meet.
fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let mut error = Some(error);
    while let Some(it) = error {
        if let Some(it) = it.downcast_ref::<io::Error>() {
            match it.kind() {
                io::ErrorKind::StorageFull => {
                    return Some(
                        "the disk is full: free some room and run the same again".to_owned(),
                    );
                }
                io::ErrorKind::PermissionDenied => {
                    return Some("the embedded cluster and its files need root for now".to_owned());
                }
                _ => {}
            }
        }
        if let Some(it) = it.downcast_ref::<registry::RegistryError>()
            && let Some(hint) = it.hint()
        {
            return Some(hint);
        }
        if let Some(it) = it.downcast_ref::<pipeline::SelectError>() {
            return it.hint();
        }
        if let Some(runner::OpenError::Missing { .. }) = it.downcast_ref::<runner::OpenError>() {
            return Some("change into a project's folder, or name one with -C DIR".to_owned());
        }
        error = it.source();
    }
    None
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not write `x`")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_chain_is_printed_once_with_its_hint() {
        let failure = Failure::from(Outer(io::ErrorKind::StorageFull.into()));
        let mut out = Vec::new();
        failure.with_evidence(vec!["seen".to_owned()]).print(&mut out).unwrap();
        let expect = "error: could not write `x`\n  caused by: no storage space\n  | seen\n\
            hint: the disk is full: free some room and run the same again\n";
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }
}
