//! Why a chart gave no manifests, in Helm's words.

use gotmpl::{CallError, ExecError, ExecuteError, ParseError};

use crate::{coalesce::TypeMismatch, manifest::ManifestError};

/// Why a chart gave no manifests. `Display` is the text that Helm prints after `Error: `.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The chart only defines templates for others.
    #[error("library charts are not installable")]
    Library,
    #[error(
        "an error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {}",
        .0.join(", ")
    )]
    MissingDependencies(Vec<String>),
    #[error("chart dependencies processing failed: {0}")]
    Dependencies(TypeMismatch),
    #[error("{0}")]
    Values(TypeMismatch),
    #[error(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n{0}"
    )]
    Schema(String),
    #[error("chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {found}")]
    KubeVersion { wanted: String, found: String },
    /// A template is none.
    #[error("{text}")]
    Parse { text: String },
    /// The execution of a template failed.
    #[error("{text}")]
    Execute { text: String },
    #[error("{0}")]
    Manifest(ManifestError),
}

impl RenderError {
    /// Whether Helm adds its hint about `--debug`, because it has a release to show by then.
    pub fn has_debug_hint(&self) -> bool {
        matches!(
            self,
            Self::KubeVersion { .. }
                | Self::Parse { .. }
                | Self::Execute { .. }
                | Self::Manifest(_)
        )
    }

    /// Helm's `cleanupParseError`.
    pub(crate) fn parse(file: &str, error: &ParseError) -> Self {
        let message = error.to_string();
        let mut tokens = message.split(": ").skip(1);
        let text = match (tokens.next(), message.rsplit(": ").next()) {
            (Some(location), Some(last)) => format!("parse error at ({location}): {last}"),
            _ => format!("parse error in ({file}): {message}"),
        };
        Self::Parse { text }
    }

    /// Helm's `reformatExecErrorMsg`.
    pub(crate) fn execute(file: &str, error: &ExecuteError) -> Self {
        let text = match error {
            ExecuteError::NoTemplate { .. } => error.to_string(),
            ExecuteError::Exec(error) => reformat(file, error),
        };
        Self::Execute { text }
    }
}

fn reformat(file: &str, error: &ExecError) -> String {
    let message = error.to_string();
    let mut tokens = message.splitn(3, ": ").skip(1);
    let (Some(location), Some(rest)) = (tokens.next(), tokens.next()) else {
        return format!("execution error in ({file}): {message}");
    };
    if let Some(warning) = warning(rest) {
        return format!("execution error at ({location}): {warning}");
    }
    let mut links: Vec<Link> = Vec::new();
    for text in chain(error) {
        let Some(link) = Link::parse(&text) else { return message };
        if links.last() != Some(&link) {
            links.push(link);
        }
    }
    links.iter().map(Link::to_text).collect::<String>().trim().to_owned()
}

/// What `fail` and `required` put between their marks.
fn warning(text: &str) -> Option<&str> {
    let start = text.find("HELM_ERR_START")? + "HELM_ERR_START".len();
    let end = text.rfind("HELM_ERR_END")?;
    text.get(start..end)
}

/// The texts of an error and of those that it wraps.
fn chain(error: &ExecError) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut cause = error.cause.as_ref();
    while let Some(error) = cause {
        match error {
            CallError::Text(text) => {
                texts.push(text.to_string());
                cause = None;
            }
            CallError::Template(inner) => {
                texts.push(inner.to_string());
                cause = inner.cause.as_ref();
            }
            CallError::Wrapped { text, inner } => {
                texts.push(text.to_string());
                texts.push(inner.to_string());
                cause = inner.cause.as_ref();
            }
        }
    }
    texts
}

/// An error of text/template, taken apart (Helm's `TraceableError`).
#[derive(Debug, Default, Eq, PartialEq)]
struct Link {
    location: String,
    function: String,
    message: String,
}

impl Link {
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("template: ")?;
        if rest.starts_with("no template ") {
            return Some(Self { message: text.to_owned(), ..Self::default() });
        }
        if let Some((location, after)) = rest.split_once(": executing ") {
            let after = after.strip_prefix('"')?;
            let (function, after) = after.split_once('"')?;
            let after = after.strip_prefix(" at <")?;
            let (node, message) = after.split_once(">: ")?;
            return Some(Self {
                location: location.to_owned(),
                function: format!("executing \"{function}\" at <{node}>:"),
                message: without_next(message),
            });
        }
        let (location, message) = rest.rsplit_once(": ")?;
        let message = without_next(message);
        Some(Self { location: location.to_owned(), message, function: String::new() })
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        for (part, end) in
            [(&self.location, "\n  "), (&self.function, "\n    "), (&self.message, "\n")]
        {
            if !part.is_empty() {
                text.push_str(part);
                text.push_str(end);
            }
        }
        text
    }
}

/// A message without the next link that is quoted in it.
fn without_next(message: &str) -> String {
    message.split(" template:").next().unwrap_or(message).to_owned()
}
