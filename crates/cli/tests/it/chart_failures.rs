//! `zarpa chart`: mistakes, in our words and in helm's.

use snapbox::str;

use crate::Place;

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

fn place(template: &str) -> Place {
    Place::new(&[
        ("charts/web/Chart.yaml", CHART),
        ("charts/web/values.yaml", "image:\n  tag: x\n"),
        ("charts/web/templates/a.yaml", template),
    ])
}

#[test]
fn a_template_is_told_with_its_place_and_in_helms_words() {
    let place = place("a: 1\nb: {{ .Values.imag.tag }}\n");
    place.zarpa("chart template charts/web").assert().code(1).stderr_eq(str![[r#"
error: could not render the chart `web`
  | charts/web/templates/a.yaml:2:14: nil pointer evaluating interface {}.tag
  |     {{ .Values.imag.tag }}
  |     value imag.tag is not set anywhere
  |     hint: did you mean `image.tag`?

"#]]);
    place.zarpa("chart --helm-errors template charts/web").assert().code(1).stderr_eq(str![[r#"
Error: web/templates/a.yaml:2:13
  executing "web/templates/a.yaml" at <.Values.imag.tag>:
    nil pointer evaluating interface {}.tag

Use --debug flag to render out invalid YAML

"#]]);
}

#[test]
fn an_unknown_function_is_told() {
    let place = place("a: {{ .Values.image | toYmal }}\n");
    place.zarpa("chart template charts/web").assert().code(1).stderr_eq(str![[r#"
error: could not render the chart `web`
  | charts/web/templates/a.yaml:1:23: function "toYmal" not defined
  |     a: {{ .Values.image | toYmal }}
  |     hint: did you mean `toYaml`?

"#]]);
    place.zarpa("chart template charts/web --helm-errors").assert().code(1).stderr_eq(str![[r#"
Error: parse error at (web/templates/a.yaml:1): function "toYmal" not defined

Use --debug flag to render out invalid YAML

"#]]);
}

#[test]
fn flags_and_files_are_told() {
    let place = place("");
    place.write("bad.yaml", "a: 1\nb: c: d\n");
    for args in [
        "template charts/web --set a",
        "template charts/web -f bad.yaml",
        "template charts/web -f ./none.yaml",
        "template charts/web --set-file a=./none.txt",
        "template nowhere",
        "template Bad charts/web",
        "template charts/web -f http:///c.yaml",
        "template charts/web --kube-version x",
    ] {
        let ours = place.zarpa(&format!("chart {args}")).assert().code(1);
        let helms = place.zarpa(&format!("chart --helm-errors {args}")).assert().code(1);
        let text = |it: &snapbox::cmd::OutputAssert| {
            String::from_utf8_lossy(&it.get_output().stderr).into_owned()
        };
        place.write("said.txt", &format!("{}{}", said(&place), both(&text(&ours), &text(&helms))));
    }
    snapbox::assert_data_eq!(
        place.read("said.txt"),
        str![[r#"
error: could not read the values
  | failed parsing --set data: key "a" has no value
  |     --set a
  |     hint: write name=value, and a backslash before a comma within a value
helm: Error: failed parsing --set data: key "a" has no value

error: could not read the values
  | bad.yaml:2: mapping values are not allowed in this context
  |     b: c: d
helm: Error: failed to parse bad.yaml: cannot unmarshal yaml document: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context

error: could not read `./none.yaml`
  caused by: No such file or directory (os error 2)
helm: Error: open ./none.yaml: no such file or directory

error: could not read the values
  | failed parsing --set-file data: open ./none.txt: no such file or directory
  |     --set-file a=./none.txt
  |     hint: --set-file takes name=path
helm: Error: failed parsing --set-file data: open ./none.txt: no such file or directory

error: non-absolute URLs should be in form of repo_name/path_to_chart, got: nowhere
hint: a chart is a folder with a Chart.yaml, or a .tgz of one; `zarpa chart pull` gets it from a registry
helm: Error: non-absolute URLs should be in form of repo_name/path_to_chart, got: nowhere

error: release name check failed: release name "Bad": invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(/.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53
hint: small letters, digits, - and ., at most 53 of them
helm: Error: release name check failed: release name "Bad": invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(/.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53

error: `http:///c.yaml` is no address of the web
helm: Error: Get "http:///c.yaml": http: no Host in request URL

error: invalid kube version 'x': could not parse "x" as version
helm: Error: invalid kube version 'x': could not parse "x" as version


"#]]
    );
}

/// What was said so far.
fn said(place: &Place) -> String {
    if place.path().join("said.txt").exists() { place.read("said.txt") } else { String::new() }
}

fn both(ours: &str, helms: &str) -> String {
    format!("{ours}helm: {helms}\n")
}

#[test]
fn machines_get_the_same_as_json() {
    let place = place("{{ fail \"no\" }}");
    place.zarpa("chart template charts/web --output json").assert().code(1).stdout_eq(str![[r#"
{"causes":[],"error":"execution error at (web/templates/a.yaml:1:3): no","evidence":["charts/web/templates/a.yaml:1:4: no","    {{ fail /"no/" }}"],"hint":null}

"#]]);
}
