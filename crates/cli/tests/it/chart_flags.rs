//! `zarpa chart`: flags that are helm's.

use snapbox::str;

use crate::Place;

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

fn place() -> Place {
    Place::new(&[
        ("web/Chart.yaml", CHART),
        ("web/values.yaml", "# <CHARTNAME>\n"),
        ("web/templates/a.yaml", "kind: A\nmetadata: {name: \"<CHARTNAME>\"}\n"),
    ])
}

#[test]
fn what_only_installations_use_changes_nothing() {
    let place = place();
    let plain = place.zarpa("chart template web").assert().success();
    let flags = "--wait --wait=legacy --timeout 5m --create-namespace --dry-run=client --labels a=b \
        --server-side=false --skip-crds --kube-context x --qps 3 --color=never --force-conflicts";
    let asked =
        format!("chart template web {flags}").split_whitespace().collect::<Vec<_>>().join(" ");
    let same = place.zarpa(&asked).assert().success();
    assert_eq!(same.get_output().stdout, plain.get_output().stdout);
}

#[test]
fn what_cannot_be_followed_is_refused_with_its_reason() {
    let place = place();
    let refused = |args: &str, reason: &str| {
        let output = place.zarpa(&format!("chart template web {args}")).assert().code(2);
        let text = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(text.contains(reason), "{text}");
    };
    refused("--dry-run=server", "`zarpa plan` compares with one");
    refused("--dry-run=none", "rendering is always a dry run");
    refused("--post-renderer x", "zarpa has none");
    refused("--labels owner=me", "user supplied labels contains system reserved label name");
    refused("--labels owner", "must be formatted as key=value");
    refused("--wait=long", "write watcher, hookOnly or legacy");
    refused("--server-side=maybe", "write true or false");
    refused("--cert-file x --nonsense", "unexpected argument");
    let filtered = place.zarpa("chart show values web --jsonpath {.a}").assert().code(2);
    let text = String::from_utf8_lossy(&filtered.get_output().stderr).into_owned();
    assert!(text.contains("zarpa has no JSONPath"), "{text}");
}

#[test]
fn what_is_no_yaml_is_printed_before_its_error() {
    let place = place();
    place.write("web/templates/b.yaml", "a: {{ .Release.Name }}: b\n");
    place.zarpa("chart template web --debug").assert().code(1).stdout_eq(str![[r#"
---
# Source: web/templates/a.yaml
kind: A
metadata: {name: "<CHARTNAME>"}

---
# Source: web/templates/b.yaml
a: release-name: b

"#]]);
    let one = place.zarpa("chart template web --debug -s templates/b.yaml --helm-errors").assert();
    one.code(1)
        .stdout_eq(str![[r#"
---
# Source: web/templates/b.yaml
a: release-name: b

"#]])
        .stderr_eq(str![[r#"
Error: YAML parse error on web/templates/b.yaml: error converting YAML to JSON: yaml: mapping values are not allowed in this context

"#]]);
    place.zarpa("chart template web").assert().code(1).stdout_eq("");
}

#[test]
fn a_chart_begins_as_a_copy_of_a_starter() {
    let place = place();
    for file in ["Chart.yaml", "values.yaml", "templates/a.yaml"] {
        let text = place.read(&format!("web/{file}"));
        place.write(&format!("helm/starters/ours/{file}"), &text);
    }
    let zarpa = |args: &str| place.zarpa(args).env("HELM_DATA_HOME", place.path().join("helm"));
    zarpa("chart create charts/new --starter ours").assert().success().stdout_eq(str![[r#"
Creating charts/new

"#]]);
    assert_eq!(place.read("charts/new/values.yaml"), "# new\n");
    assert!(place.read("charts/new/templates/a.yaml").contains("name: \"new\""));
    assert!(place.read("charts/new/Chart.yaml").contains("name: new\n"));
    let absolute = format!("chart create other -p {}", place.path().join("web").display());
    zarpa(&absolute).assert().success();
    assert_eq!(place.read("other/values.yaml"), "# other\n");
    zarpa("chart create charts/new -p theirs").assert().code(1).stderr_eq(str![[r#"
error: could not load [..]/helm/starters/theirs: stat [..]/helm/starters/theirs: no such file or directory
hint: --starter takes an absolute path, or the name of a chart in [..]/helm/starters

"#]]);
}

#[test]
fn certificates_that_are_none_are_told() {
    let place = place();
    place.write("bad.pem", "hello");
    for (flags, expect) in [
        (
            "--ca-file none.pem",
            "can't create TLS config for client: can't read CA file: \"none.pem\": open none.pem: no such file or directory",
        ),
        (
            "--ca-file bad.pem",
            "can't create TLS config for client: failed to append certificates from pem block",
        ),
        ("--cert-file bad.pem", "--cert-file and --key-file only go together"),
        ("--cert-file bad.pem --key-file bad.pem", "unable to load cert from key pair"),
    ] {
        let output =
            place.zarpa(&format!("chart --helm-errors pull https://127.0.0.1:1/a.tgz {flags}"));
        let output = output.assert().code(1);
        let text = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(text.contains(expect), "{text}");
    }
}
