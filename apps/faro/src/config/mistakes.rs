//! Gathers every mistake of a configuration, each with where the value came from.

use std::{fmt, time::Duration};

use clap::{ArgMatches, parser::ValueSource};

use crate::config::values;

/// Everything that is wrong with a configuration, in the settings' order; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(pub Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used")?;
        self.0.iter().try_for_each(|it| write!(f, "\n  {it}"))
    }
}

impl std::error::Error for Mistakes {}

/// Turns texts into values and remembers what could not be.
pub(crate) struct Collector {
    matches: ArgMatches,
    file: Option<String>,
    mistakes: Vec<String>,
}

impl Collector {
    pub(crate) fn new(matches: ArgMatches, file: Option<String>) -> Self {
        Self { matches, file, mistakes: Vec::new() }
    }

    pub(crate) fn extend(&mut self, mistakes: Vec<String>) {
        self.mistakes.extend(mistakes);
    }

    /// The value of a text; `fallback` stands in for one that is wrong, and is never used.
    pub(crate) fn value<T>(
        &mut self,
        id: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
        fallback: T,
    ) -> T {
        match parse(text) {
            Ok(value) => value,
            Err(error) => {
                self.mistake(id, &error);
                fallback
            }
        }
    }

    /// The value of a text that may be empty.
    pub(crate) fn optional<T>(
        &mut self,
        id: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if text.is_empty() {
            return None;
        }
        self.value(id, text, |text| parse(text).map(Some), None)
    }

    pub(crate) fn seconds(&mut self, id: &str, text: &str) -> Duration {
        self.value(id, text, values::seconds, Duration::ZERO)
    }

    /// The text, or `otherwise` when nobody has said anything.
    pub(crate) fn said<'a>(&self, id: &str, text: &'a str, otherwise: &'a str) -> &'a str {
        let is_default = self.matches.value_source(id) == Some(ValueSource::DefaultValue);
        // A file's value stands in the place of the default.
        if is_default && (self.file.is_none() || text == "info" || text == "json") {
            otherwise
        } else {
            text
        }
    }

    pub(crate) fn mistake(&mut self, id: &str, what: &str) {
        let origin = match self.matches.value_source(id) {
            Some(ValueSource::CommandLine) => format!("--{}", id.replace('_', "-")),
            Some(ValueSource::EnvVariable) => variable(id),
            _ => match &self.file {
                Some(file) => format!("`{file}`, {id}"),
                None => format!("--{}", id.replace('_', "-")),
            },
        };
        self.mistakes.push(format!("{origin}: {what}"));
    }

    pub(crate) fn end(self) -> Result<(), Mistakes> {
        if self.mistakes.is_empty() { Ok(()) } else { Err(Mistakes(self.mistakes)) }
    }
}

fn variable(id: &str) -> String {
    match id {
        "otlp_endpoint" => "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(),
        "otel_service_name" => "OTEL_SERVICE_NAME".to_owned(),
        _ => format!("FARO_{}", id.to_ascii_uppercase()),
    }
}
