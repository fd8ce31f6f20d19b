//! Mistakes of authors, and what is said of them.

use super::*;
use crate::{
    chart::ChartFile,
    trial::{CHART, load, render_for},
};

#[track_caller]
fn check(found: impl AsRef<str>, expect: &str) {
    assert_eq!(found.as_ref(), expect.trim());
}

/// What is said of a rendering that fails, with `--set` flags.
fn say(files: &[(&str, &str)], set: &[&str]) -> String {
    let problems =
        render_for(&load(files), set, |author, rendered| diagnose(&rendered.unwrap_err(), author));
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_template_that_does_not_parse_is_told() {
    let files = [
        ("templates/a.yaml", "a: 1\nb: {{ .Values.x | nindentt 2 }}\n"),
        ("templates/b.yaml", "{{- if .Values.x }}\na: 1\n"),
        ("templates/c.yaml", "{{ env \"HOME\" }}"),
        ("templates/d.yaml", "{{ end }}"),
    ];
    check(
        say(&files, &[]),
        r#"
charts/c/templates/a.yaml:2:19: function "nindentt" not defined
    b: {{ .Values.x | nindentt 2 }}
    hint: did you mean `nindent`?
charts/c/templates/b.yaml:3: unexpected EOF
    charts/c/templates/b.yaml:1: {{- if .Values.x }} is never ended
    hint: every if, range, with, define and block wants its {{ end }}
charts/c/templates/c.yaml:1:4: function "env" not defined
    {{ env "HOME" }}
    hint: helm has no such function: a chart must not see who installs it; pass a value
charts/c/templates/d.yaml:1: unexpected {{end}}
    {{ end }}
    hint: there is one {{ end }} too many above it, or here
"#,
    );
}

#[test]
fn a_missing_value_is_told_with_its_neighbours() {
    let files = [
        ("values.yaml", "image:\n  tag: x\n"),
        ("templates/a.yaml", "a: {{ .Values.imaeg.tag }}\n"),
        ("templates/b.yaml", "a: {{ .Values.image.tag.sub }}\n"),
        ("templates/c.yaml", "a: {{ template \"c.h\" . }}\n"),
        ("templates/_h.tpl", "{{ define \"c.h\" }}{{ .Values.no.such }}{{ end }}"),
    ];
    check(
        say(&files, &[]),
        r#"
charts/c/templates/_h.tpl:1:29: nil pointer evaluating interface {}.such
    {{ .Values.no.such }}
    value no.such is not set anywhere
    hint: give no.such a value, or let the template do without: `(.a).b` of a missing `a` is empty, `.a.b` fails
charts/c/templates/b.yaml:1:14: can't evaluate field sub in type interface {}
    {{ .Values.image.tag.sub }}
    value image.tag.sub is not set; image.tag is, in charts/c/values.yaml:2
    hint: what stands before the field is no table
charts/c/templates/a.yaml:1:14: nil pointer evaluating interface {}.tag
    {{ .Values.imaeg.tag }}
    value imaeg.tag is not set anywhere
    hint: did you mean `image.tag`?
"#,
    );
}

#[test]
fn everything_that_is_required_is_told_at_once() {
    let files = [
        (
            "templates/a.yaml",
            "a: {{ required \"a is needed\" .Values.a }}\nb: {{ required \"b is needed\" .Values.b.c }}\n",
        ),
        ("templates/b.yaml", "{{- if eq .Values.n 5 }}\n{{- end }}\n"),
        ("values.yaml", "b: {}\nn: 5\n"),
    ];
    check(
        say(&files, &[]),
        r#"
charts/c/templates/a.yaml:1:7: a is needed
    {{ required "a is needed" .Values.a }}
    value a is not set anywhere
    hint: set it: --set a=…, or in a file for -f
charts/c/templates/a.yaml:2:17: b is needed
    {{ required "b is needed" .Values.b.c }}
    value b.c is not set; b is, in charts/c/values.yaml:1
    hint: set it: --set b.c=…, or in a file for -f
"#,
    );
}

#[test]
fn calls_that_fail_name_template_and_value() {
    let files = [
        ("templates/a.yaml", "a: {{ include \"c.labls\" . }}\n"),
        ("templates/_h.tpl", "{{ define \"c.labels\" }}x{{ end }}"),
        ("templates/b.yaml", "{{ .Values.t | trunc 5 }}{{ tpl .Values.text . }}"),
        ("values.yaml", "t: x\ntext: \"{{ .Values.q.r }}\"\n"),
    ];
    check(
        say(&files, &["t={a}"]),
        r#"
charts/c/templates/b.yaml:1:22: wrong type for value; expected string; got []interface {}
    {{ .Values.t | trunc 5 }}
    value t is ["a"], from --set t={a}
    hint: the function wants another type: `toString` and `toYaml` make text
charts/c/templates/a.yaml:1:7: no template "c.labls" is defined
    {{ include "c.labls" . }}
    hint: did you mean "c.labels"?
"#,
    );
}

#[test]
fn output_that_is_no_yaml_is_shown_with_the_line_that_made_it() {
    let files = [
        ("values.yaml", "note: \"a: b\"\n"),
        (
            "templates/a.yaml",
            "kind: X\nmetadata:\n  name: x\n{{- if true }}\nnote: {{ .Values.note }}: c\n{{- end }}\n---\na: b: c\n",
        ),
    ];
    check(
        say(&files, &[]),
        r#"
charts/c/templates/a.yaml:5: does not render to YAML: mapping values are not allowed in this context
         2 metadata:
         3   name: x
    >    4 note: a: b: c
    value note is "a: b", from charts/c/values.yaml:1
    hint: a text with `: ` in it wants quotes: `| quote`
charts/c/templates/a.yaml:8: does not render to YAML: mapping values are not allowed in this context
    >    6 a: b: c
    hint: a text with `: ` in it wants quotes: `| quote`
"#,
    );
}

#[test]
fn values_that_do_not_fit_the_schema_are_told_one_by_one() {
    let files = [
        ("values.yaml", "replicas: 1\nimage: {tag: x}\n"),
        (
            "values.schema.json",
            "{\"additionalProperties\": false, \"properties\": {\"replicas\": {\"type\": \"integer\"}, \"image\": {\"type\": \"object\", \"properties\": {\"tag\": {\"type\": \"integer\"}}}}}",
        ),
        ("templates/a.yaml", ""),
    ];
    check(
        say(&files, &["replicas=two,replica=1"]),
        r#"
charts/c/values.yaml:2: image.tag: got string, want integer
    value image.tag is "x", from charts/c/values.yaml:2
replicas: got string, want integer
    value replicas is "two", from --set replicas=two,replica=1
the values: additional properties 'replica' not allowed
    hint: did you mean `replicas`?
"#,
    );
}

#[test]
fn a_chart_for_others_or_without_its_parts_says_so() {
    let listed =
        "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies:\n- name: db\n  version: 1.0.0\n";
    check(
        say(&[("Chart.yaml", listed)], &[]),
        r#"
charts/c/Chart.yaml:5: dependency db is not in charts/
    hint: zarpa chart dependency build charts/c
"#,
    );
    let newer = "apiVersion: v2\nname: c\nversion: 1.0.0\nkubeVersion: \">9\"\n";
    check(
        say(&[("Chart.yaml", newer)], &[]),
        r#"
charts/c/Chart.yaml:4: chart requires kubeVersion: >9 which is incompatible with Kubernetes v1.35.0
    hint: --kube-version says which one the chart is told
"#,
    );
}

#[test]
fn flags_and_files_that_cannot_be_read_are_told() {
    let say = |sources: ValueSources| {
        let error = sources.merge(&|_| Err("no file".to_owned())).unwrap_err();
        diagnose_values(&error, &sources).to_string()
    };
    let set =
        |text: &str| say(ValueSources { set: vec![text.to_owned()], ..ValueSources::default() });
    check(
        set("a"),
        r#"
failed parsing --set data: key "a" has no value
    --set a
    hint: write name=value, and a backslash before a comma within a value
"#,
    );
    check(
        set("a={b"),
        r#"
failed parsing --set data: list must terminate with '}'
    --set a={b
    hint: a list is written {a,b}
"#,
    );
    check(
        set("a[-1]=b"),
        r#"
failed parsing --set data: negative -1 index not allowed
    --set a[-1]=b
    hint: an item of a list is written a[0]=x
"#,
    );
    let file = |text: &str| {
        let files = vec![("prod.yaml".to_owned(), text.as_bytes().to_vec())];
        say(ValueSources { files, ..ValueSources::default() })
    };
    check(
        file("a: 1\nb: c: d\n"),
        r#"
prod.yaml:2: mapping values are not allowed in this context
    b: c: d
"#,
    );
    check(
        file("- a\n"),
        r#"
prod.yaml:1: holds an array, and values are a table
    - a
    hint: write name: value
"#,
    );
    let json = vec!["a={x".to_owned()];
    check(
        say(ValueSources { set_json: json, ..ValueSources::default() }),
        r#"
failed parsing --set-json data a={x
    --set-json a={x
    hint: --set-json takes a.b={"c": 1}, or a whole object; the shell's quotes must be around it
"#,
    );
}

#[test]
fn files_that_are_no_chart_are_told_with_their_place() {
    let say = |files: &[(&str, &str)]| {
        let file = |(path, data): &(&str, &str)| ChartFile {
            path: (*path).to_owned(),
            data: (*data).into(),
        };
        let files: Vec<ChartFile> = files.iter().map(file).collect();
        let error = Chart::load(files.clone()).unwrap_err();
        diagnose_load(&error, "charts/c", &files).to_string()
    };
    check(
        say(&[("Chart.yaml", "name: c\nversion: [1]\n")]),
        "charts/c/Chart.yaml:2: version is of type array, and string is wanted",
    );
    check(
        say(&[("Chart.yaml", "name: c\nversion: x\n")]),
        r#"charts/c/Chart.yaml:1: validation: chart.metadata.version "x" is invalid"#,
    );
    check(
        say(&[CHART, ("values.yaml", "a: 1\nb: [\n")]),
        r#"
charts/c/values.yaml:2: did not find expected node content
    b: [
"#,
    );
    check(
        say(&[CHART, ("charts/s/Chart.yaml", "name: s\nversion: y: z\n")]),
        r#"
charts/c/charts/s/Chart.yaml:2: mapping values are not allowed in this context
    version: y: z
"#,
    );
}
