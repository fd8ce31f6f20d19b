//! `helm template --debug`: what templates gave that Helm cannot read.

use crate::{
    attempt::attempt,
    chart::Chart,
    manifest::Manifest,
    pathname,
    render::{Inputs, Rendered},
    render_error::RenderError,
    values::Values,
};

/// What there is to see of a rendering that failed; nothing when Helm has nothing to show either.
///
/// Files that are no YAML come as they are, each as one manifest, sorted by path: Helm prints them in
/// any order. When a template could not be executed there are none. The chart is rendered again.
/// Source: Helm 4.1.4, `pkg/action/action.go`, `renderResources`.
pub fn debug_render(
    error: &RenderError,
    chart: &Chart,
    values: &Values,
    inputs: &Inputs<'_>,
) -> Option<Rendered> {
    if !error.has_debug_hint() {
        return None;
    }
    let mut rendered = Rendered::default();
    if matches!(error, RenderError::Manifest(_)) {
        let files = attempt(chart, values, inputs).map(|it| it.files).unwrap_or_default();
        let is_shown = |(path, text): &(String, String)| {
            !path.ends_with("NOTES.txt")
                && !pathname::base(path).starts_with('_')
                && !text.trim().is_empty()
        };
        rendered.manifests = files.into_iter().filter(is_shown).map(manifest).collect();
    }
    Some(rendered)
}

fn manifest((source, content): (String, String)) -> Manifest {
    let none = String::new;
    let (api_version, kind, name) = (none(), none(), none());
    Manifest { source, content, api_version, kind, name, namespace: None }
}

#[cfg(test)]
mod tests {
    use crate::{
        TextOptions, debug_render,
        trial::{load, render_for},
    };

    /// What is printed before the error.
    fn shown(files: &[(&str, &str)]) -> Option<String> {
        render_for(&load(files), &[], |author, rendered| {
            let error = rendered.unwrap_err();
            debug_render(&error, author.chart, author.values, &author.inputs)
                .map(|it| it.template_text(TextOptions::default()))
        })
    }

    #[test]
    fn files_that_are_no_yaml_are_shown_as_they_are() {
        let files = [
            ("templates/b.yaml", "a: b: {{ .Release.Name }}\n"),
            ("templates/a.yaml", "kind: A\n"),
            ("templates/NOTES.txt", "note"),
            ("templates/_h.tpl", "x"),
            ("templates/none.yaml", " \n"),
        ];
        let expect = "---\n# Source: c/templates/a.yaml\nkind: A\n\n\
            ---\n# Source: c/templates/b.yaml\na: b: rel\n";
        assert_eq!(shown(&files).as_deref(), Some(expect));
    }

    #[test]
    fn a_template_that_fails_shows_nothing() {
        assert_eq!(shown(&[("templates/a.yaml", "{{ .Values.a.b }}")]).as_deref(), Some("\n"));
        let schema = [("values.schema.json", "{\"required\": [\"a\"]}")];
        assert_eq!(shown(&schema), None);
    }
}
