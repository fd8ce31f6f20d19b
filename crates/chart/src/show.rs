//! `--show-only`: some documents of what was rendered (Helm 4.1.4, `pkg/cmd/template.go`).

use crate::{
    glob::match_path,
    manifest::split_documents,
    render::{Rendered, TextOptions},
};

/// A pattern that no document comes from.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("could not find template {0} in chart")]
pub struct NotFound(pub String);

impl Rendered {
    /// The documents whose files match, in the order of the patterns: `templates/*.yaml`,
    /// `charts/sub/templates/service.yaml`. Paths are without the chart's name.
    pub fn show_only(&self, patterns: &[&str], options: TextOptions) -> Result<String, NotFound> {
        let text = self.template_text(options);
        let documents = split_documents(&text);
        let mut shown = String::new();
        for pattern in patterns {
            let n_before = shown.len();
            let matches = |path: &str| match_path(pattern, path).unwrap_or(false);
            for document in documents.iter().filter(|it| source(it).is_some_and(matches)) {
                shown.extend(["---\n", document, "\n"]);
            }
            if shown.len() == n_before {
                return Err(NotFound((*pattern).to_owned()));
            }
        }
        Ok(shown)
    }
}

/// The path in a document's first line about it, without the chart's name.
fn source(document: &str) -> Option<&str> {
    document.match_indices("# Source: ").find_map(|(place, mark)| {
        let line = document[place + mark.len()..].lines().next()?;
        let (chart, path) = line.split_once('/')?;
        (!chart.is_empty() && !path.is_empty()).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    fn manifest(source: &str) -> Manifest {
        let text = |text: &str| text.to_owned();
        Manifest {
            source: text(source),
            content: format!("from: {source}"),
            api_version: text("v1"),
            kind: text("X"),
            name: text("x"),
            namespace: None,
        }
    }

    #[test]
    fn documents_come_in_the_order_of_the_patterns() {
        let manifests = vec![
            manifest("c/templates/a.yaml"),
            manifest("c/templates/b.yaml"),
            manifest("c/charts/s/templates/a.yaml"),
        ];
        let rendered = Rendered { manifests, ..Rendered::default() };
        let show = |patterns: &[&str]| rendered.show_only(patterns, TextOptions::default());
        let shown = show(&["charts/s/templates/*", "templates/b.yaml"]).unwrap();
        let places = ["c/charts/s/templates/a.yaml", "c/templates/b.yaml"]
            .map(|path| shown.find(&format!("# Source: {path}\n")).unwrap());
        assert!(places[0] < places[1]);
        assert!(!shown.contains("c/templates/a.yaml"));
        assert_eq!(
            show(&["templates/z.yaml"]).unwrap_err(),
            NotFound("templates/z.yaml".to_owned())
        );
    }
}
