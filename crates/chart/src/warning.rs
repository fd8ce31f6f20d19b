//! What Helm logs while it renders a chart.

use std::fmt;

use gotmpl::strconv::quote;

/// A line of Helm's log. `Display` is its text without the level.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    level: &'static str,
    message: String,
    /// Names with values, which come after the message.
    attributes: Vec<(&'static str, String)>,
}

impl Warning {
    /// What Helm says by way of Go's package `log`.
    pub(crate) fn info(message: impl Into<String>) -> Self {
        Self { level: "INFO", message: message.into(), attributes: Vec::new() }
    }

    pub(crate) fn warn(message: impl Into<String>) -> Self {
        Self { level: "WARN", ..Self::info(message) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// The value of an attribute, when the message is this one.
    pub(crate) fn attribute_of(&self, message: &str, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter().filter(|_| self.message == message);
        attributes.find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    /// The line that Helm prints, as the text handler of Go's `log/slog` writes it, without the time.
    pub fn log_line(&self) -> String {
        let first = [("level", self.level), ("msg", &self.message)].into_iter();
        let rest = self.attributes.iter().map(|(name, value)| (*name, value.as_str()));
        let parts: Vec<String> =
            first.chain(rest).map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        parts.join(" ")
    }
}

/// Go's quotes, where there is need of them; a backslash alone needs none.
fn quoted(text: &str) -> String {
    let is_plain = |text: &str| quote(text.as_bytes()) == format!("\"{text}\"");
    let needs_quotes = text.is_empty()
        || text.contains(|it: char| it == '=' || it.is_whitespace())
        || !is_plain(&text.replace('\\', ""));
    if needs_quotes { quote(text.as_bytes()) } else { text.to_owned() }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.trim_start_matches("warning: "))?;
        self.attributes.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        render_logged,
        trial::{load, render_for},
    };

    #[test]
    fn what_is_logged_before_a_failure_is_told() {
        let chart = load(&[("values.yaml", "a: 1"), ("templates/x.yaml", "{{ fail \"no\" }}")]);
        render_for(&chart, &["a.b=1"], |author, rendered| {
            assert!(rendered.is_err());
            let mut log = Vec::new();
            render_logged(author.chart, author.values, &author.inputs, &mut log).unwrap_err();
            let lines: Vec<String> = log.iter().map(Warning::log_line).collect();
            let text = "warning: skipped value for c.a: Not a table.";
            assert_eq!(lines, [format!("level=INFO msg={text:?}")]);
        });
    }

    #[test]
    fn lines_are_those_of_gos_text_handler() {
        let warning = Warning::warn("returned non-bool value").with("path", "a.b");
        let warning = warning.with("odd", "x=\"1\"").with("slash", r"a\b").with("none", "");
        assert_eq!(
            warning.log_line(),
            r#"level=WARN msg="returned non-bool value" path=a.b odd="x=\"1\"" slash=a\b none="""#
        );
        assert_eq!(Warning::info("warning: so").log_line(), r#"level=INFO msg="warning: so""#);
        assert_eq!(Warning::info("warning: so").with("a", "b").to_string(), "so a=b");
    }
}
