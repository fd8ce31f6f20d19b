//! Small charts of which it is known what made them.

use super::*;
use crate::trial::{load, render_for};

const FILES: [(&str, &str); 5] = [
    ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\nappVersion: \"7\"\n"),
    (
        "values.yaml",
        "replicas: 1\nimage:\n  name: nginx\n  tag: \"\"\nports:\n- port: 80\n- port: 81\nenabled: true\nunused: x\n",
    ),
    (
        "templates/_h.tpl",
        "\n{{- define \"c.image\" -}}\n{{ .Values.image.name }}:{{ .Values.image.tag | default .Chart.AppVersion }}\n{{- end }}\n",
    ),
    (
        "templates/a.yaml",
        "{{- if .Values.enabled }}\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  replicas: {{ .Values.replicas }}\n  image: {{ include \"c.image\" . }}\n  ports:\n    {{- range .Values.ports }}\n    - {{ .port }}\n    {{- end }}\n{{- end }}\n",
    ),
    ("templates/b.yaml", "kind: X\nmetadata: {name: b}\n"),
];

fn check(target: &str, expect: &str) {
    let found = render_for(&load(&FILES), &["replicas=2"], |author, rendered| {
        let rendered = rendered.unwrap();
        match explain(author, &rendered, target) {
            Ok(explanation) => explanation.to_string(),
            Err(error) => format!("{error}; {}\n", error.hint(&rendered).unwrap_or_default()),
        }
    });
    assert_eq!(found, expect, "{target}");
}

#[test]
fn a_value_is_followed_to_its_flag() {
    check(
        "Deployment/rel.spec.replicas",
        "Deployment/rel\n  spec.replicas = 2\n      charts/c/templates/a.yaml:6: replicas: {{ .Values.replicas }}\nmade of\n  .Values.replicas = 2  from --set replicas=2\n      instead of 1 of charts/c/values.yaml:1\nthere because of\n  .Values.enabled = true  from charts/c/values.yaml:8\n",
    );
}

#[test]
fn what_named_templates_print_is_followed_too() {
    check(
        "deployment/rel.spec.image",
        "Deployment/rel\n  spec.image = \"nginx:7\"\n      charts/c/templates/a.yaml:7: image: {{ include \"c.image\" . }}\n      charts/c/templates/_h.tpl:2: define \"c.image\"\nmade of\n  .Values.image.name = \"nginx\"  from charts/c/values.yaml:3\n  .Values.image.tag = \"\"  from charts/c/values.yaml:4\n  .Chart.AppVersion = \"7\"  from charts/c/Chart.yaml:4\nthere because of\n  .Values.enabled = true  from charts/c/values.yaml:8\n",
    );
}

#[test]
fn items_of_lists_are_told_apart() {
    check(
        "Deployment/rel.spec.ports[1]",
        "Deployment/rel\n  spec.ports[1] = 81\n      charts/c/templates/a.yaml:10: - {{ .port }}\nmade of\n  .Values.ports[1].port = 81  from charts/c/values.yaml:7\nthere because of\n  .Values.enabled = true  from charts/c/values.yaml:8\n",
    );
}

#[test]
fn what_is_fixed_is_said_to_be() {
    check(
        "X/b.metadata.name",
        "X/b\n  metadata.name = \"b\"\n      charts/c/templates/b.yaml:2: metadata: {name: b}\nno value changes it\n",
    );
}

#[test]
fn what_is_not_there_has_a_neighbour() {
    check(
        "Deployment/rle.spec",
        "no object \"Deployment/rle.spec\" is rendered; did you mean Deployment/rel?\n",
    );
    check("X/b.metadata.nmae", "X/b has no field \"metadata.nmae\"; did you mean metadata.name?\n");
}
