//! `zarpa chart`: what its commands print.

use snapbox::str;

use crate::Place;

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\nicon: https://a.b/c.png\n";
const VALUES: &str = "replicas: 1\nport: 80\n";
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  replicas: {{ .Values.replicas }}\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n        - name: web\n          image: nginx\n";
const CRD: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.a.b}\nspec:\n  group: a.b\n  scope: Namespaced\n  names: {kind: Widget, plural: widgets}\n  versions:\n  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n";
const TEST: &str = "kind: Pod\napiVersion: v1\nmetadata:\n  name: t\n  annotations: {helm.sh/hook: test}\nspec: {containers: [{name: t, image: t}]}\n";

fn place() -> Place {
    Place::new(&[
        ("web/Chart.yaml", CHART),
        ("web/values.yaml", VALUES),
        ("web/README.md", "# web\n"),
        ("web/crds/a.yaml", CRD),
        ("web/templates/deployment.yaml", DEPLOYMENT),
        ("web/templates/test.yaml", TEST),
    ])
}

#[test]
fn show_only_takes_patterns_and_names() {
    let place = place();
    place
        .zarpa("chart template rel web -s templates/dep*.yaml --set replicas=3")
        .assert()
        .success()
        .stdout_eq(str![[r#"
---
# Source: web/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: rel
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: nginx

"#]]);
    let missing = place.zarpa("chart template web -s templates/x.yaml").assert();
    missing.code(1).stderr_eq(str![[r#"
error: could not find template templates/x.yaml in chart

"#]]);
}

#[test]
fn values_come_from_standard_input_and_lists_of_files() {
    let place = place();
    place.write("a.yaml", "replicas: 5\n");
    place.write("b.yaml", "port: 1\n");
    let piped = place.zarpa("chart template web -f - -s templates/deployment.yaml");
    let output = piped.stdin("replicas: 7\n").assert().success();
    assert!(String::from_utf8_lossy(&output.get_output().stdout).contains("replicas: 7\n"));
    let output = place.zarpa("chart template web -f a.yaml,b.yaml").assert().success();
    assert!(String::from_utf8_lossy(&output.get_output().stdout).contains("replicas: 5\n"));
}

#[test]
fn files_are_written_below_a_folder() {
    let place = place();
    place
        .zarpa("chart template rel web --output-dir out --release-name --include-crds")
        .assert()
        .success()
        .stdout_eq(str![[r#"
wrote out/web/crds/a.yaml
wrote out/rel/web/templates/deployment.yaml
wrote out/rel/web/templates/test.yaml


"#]]);
    let test = place.read("out/rel/web/templates/test.yaml");
    assert_eq!(test, format!("---\n# Source: web/templates/test.yaml\n{TEST}"));
}

#[test]
fn objects_are_held_against_the_schemas_of_kubernetes() {
    let place = place();
    place.zarpa("chart template rel web --validate --no-hooks").assert().success();
    place.write(
        "web/templates/bad.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  prots: []\n",
    );
    place
        .zarpa("chart template rel web --validate")
        .assert()
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: Kubernetes 1.34 would refuse what the chart `web` renders to: 1 problem
  | web/templates/bad.yaml, line 5 of the output: Service/s spec.prots: unknown field (did you mean `ports`?)

"#]]);
}

#[test]
fn lint_says_what_helm_says_and_the_traps() {
    let place = place();
    place.write("web/templates/hook.yaml", "kind: Job\napiVersion: batch/v1\nmetadata:\n  name: J\n  annotations: {helm.sh/hook: pre-upgrade}\n");
    place.zarpa("chart lint web").assert().success().stdout_eq(str![[r#"
==> Linting web
[WARNING] templates/hook.yaml: object name does not conform to Kubernetes naming requirements: "J": metadata.name: Invalid value: "J": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(/.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
[TRAP] crds/: CRDs are installed once: `helm upgrade` never changes them, nor adds new ones
[TRAP] templates/test.yaml: Pod/t: a hook without helm.sh/hook-delete-policy stays until it runs again, and after uninstall for good
[TRAP] templates/hook.yaml: Job/J: a hook without helm.sh/hook-delete-policy stays until it runs again, and after uninstall for good

1 chart(s) linted, 0 chart(s) failed

"#]]);
    place.zarpa("chart lint web --no-traps").assert().success().stdout_eq(str![[r#"
==> Linting web
[WARNING] templates/hook.yaml: object name does not conform to Kubernetes naming requirements: "J": metadata.name: Invalid value: "J": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(/.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')

1 chart(s) linted, 0 chart(s) failed

"#]]);
    place.zarpa("chart lint web --output json").assert().success().stdout_eq(str![[r#"
{
  "charts": [
    {
      "chart": "web",
      "error": null,
      "failed": false,
      "findings": [
        {
          "path": "templates/hook.yaml",
          "severity": "warning",
          "text": "object name does not conform to Kubernetes naming requirements: /"J/": metadata.name: Invalid value: /"J/": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(//.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        },
        {
          "path": "crds/",
          "severity": "trap",
          "text": "CRDs are installed once: `helm upgrade` never changes them, nor adds new ones"
        },
        {
          "path": "templates/test.yaml",
          "severity": "trap",
          "text": "Pod/t: a hook without helm.sh/hook-delete-policy stays until it runs again, and after uninstall for good"
        },
        {
          "path": "templates/hook.yaml",
          "severity": "trap",
          "text": "Job/J: a hook without helm.sh/hook-delete-policy stays until it runs again, and after uninstall for good"
        }
      ]
    }
  ]
}

"#]]);
    let strict = place.zarpa("chart lint web --strict --no-traps --quiet").assert();
    strict.code(1).stderr_eq(str![[r#"
error: 1 chart(s) linted, 1 chart(s) failed

"#]]);
    place
        .zarpa("chart lint nowhere --helm-errors")
        .assert()
        .code(1)
        .stdout_eq(str![[r#"
==> Linting nowhere
Error unable to check Chart.yaml file in chart: stat nowhere/Chart.yaml: no such file or directory


"#]])
        .stderr_eq(str![[r#"
Error: 1 chart(s) linted, 1 chart(s) failed

"#]]);
}

#[test]
fn parts_of_a_chart_are_shown() {
    let place = place();
    place.zarpa("chart show chart web").assert().success().stdout_eq(str![[r#"
apiVersion: v2
icon: https://a.b/c.png
name: web
version: 1.0.0


"#]]);
    place.zarpa("chart show readme web").assert().success().stdout_eq(str![[r#"
# web


"#]]);
    place.zarpa("chart show crds web").assert().success().stdout_eq(str![[r#"
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.a.b}
spec:
  group: a.b
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}


"#]]);
}

#[test]
fn packing_twice_gives_the_same_bytes() {
    let place = place();
    place
        .zarpa("chart package web -d one --version 2.0.0 --app-version 9")
        .assert()
        .success()
        .stdout_eq(str![[r#"
Successfully packaged chart and saved it to: one/web-2.0.0.tgz

"#]]);
    place.zarpa("chart package web -d two --version 2.0.0 --app-version 9").assert().success();
    let bytes = |dir: &str| std::fs::read(place.path().join(dir).join("web-2.0.0.tgz")).unwrap();
    assert_eq!(bytes("one"), bytes("two"));
    place.zarpa("chart show chart one/web-2.0.0.tgz").assert().success().stdout_eq(str![[r#"
apiVersion: v2
appVersion: "9"
icon: https://a.b/c.png
name: web
version: 2.0.0


"#]]);
    place.zarpa("chart package web --version x").assert().code(1).stderr_eq(str![[r#"
error: invalid semantic version

"#]]);
}

#[test]
fn a_new_chart_is_without_fault() {
    let place = Place::new(&[]);
    place.zarpa("chart create charts/app").assert().success().stdout_eq(str![[r#"
Creating charts/app

"#]]);
    place.zarpa("chart lint charts/app --strict").assert().success().stdout_eq(str![[r#"
==> Linting charts/app
[INFO] Chart.yaml: icon is recommended
[TRAP] templates/tests/test-connection.yaml: Pod/test-release-app-test-connection: a hook without helm.sh/hook-delete-policy stays until it runs again, and after uninstall for good

1 chart(s) linted, 0 chart(s) failed

"#]]);
    place.zarpa("chart template rel charts/app --validate").assert().success();
    assert!(place.path().join("charts/app/charts").is_dir());
    place.zarpa("chart create a/b@c").assert().code(1).stderr_eq(str![[r#"
error: chart name must match the regular expression "^[a-zA-Z0-9._-]+$"

"#]]);
}

#[test]
fn renderings_are_compared() {
    let place = place();
    place.zarpa("chart diff web").assert().success().stdout_eq("");
    place.zarpa("chart diff web --to-set replicas=2 --exit-code").assert().code(1).stdout_eq(str![
        [r#"
~ Deployment/release-name  (web/templates/deployment.yaml)
    spec.replicas: 1 -> 2

"#]
    ]);
    place.write("old.yaml", "kind: Service\nmetadata: {name: gone}\n");
    place.zarpa("chart diff old.yaml web").assert().success().stdout_eq(str![[r#"
+ CustomResourceDefinition/widgets.a.b  (web/crds/a.yaml)
+ Deployment/release-name  (web/templates/deployment.yaml)
+ Pod/t  (web/templates/test.yaml)
- Service/gone

"#]]);
    place.zarpa("chart diff web --to-set replicas=2 --output json").assert().success().stdout_eq(
        str![[r#"
{
  "differences": [
    {
      "change": "changed",
      "fields": [
        {
          "path": "spec.replicas",
          "text": "spec.replicas: 1 -> 2"
        }
      ],
      "object": "Deployment/release-name",
      "source": "web/templates/deployment.yaml"
    }
  ]
}

"#]],
    );
}

#[test]
fn fields_are_explained() {
    let place = place();
    place
        .zarpa("chart explain web Deployment/release-name.spec.replicas --set replicas=2")
        .assert()
        .success()
        .stdout_eq(str![[r#"
Deployment/release-name
  spec.replicas = 2
      web/templates/deployment.yaml:6: replicas: {{ .Values.replicas }}
made of
  .Values.replicas = 2  from --set replicas=2
      instead of 1 of web/values.yaml:1

"#]]);
    place.zarpa("chart explain web Deployment/rel").assert().code(1).stderr_eq(str![[r#"
error: no object "Deployment/rel" is rendered
hint: there are Deployment/release-name, Pod/t

"#]]);
    place
        .zarpa("chart explain web Deployment/release-name.spec.replica")
        .assert()
        .code(1)
        .stderr_eq(str![[r#"
error: Deployment/release-name has no field "spec.replica"
hint: did you mean spec.replicas?

"#]]);
}
