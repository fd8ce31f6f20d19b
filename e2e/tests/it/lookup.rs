//! Charts that look into the cluster while they render, as Helm lets them.

use crate::{machine::Machine, project::Project};

/// Made once, and then kept.
const SECRET: &str = r#"{{- $before := lookup "v1" "Secret" .Release.Namespace "kept" }}
apiVersion: v1
kind: Secret
metadata: {name: kept}
data:
  password: {{ dig "data" "password" (randAlphaNum 16 | b64enc) $before }}
"#;

/// What the answers are to templates; the second depends on the first.
const FACTS: &str = r#"{{- $service := lookup "v1" "Service" "default" "kubernetes" }}
{{- $namespace := lookup "v1" "Namespace" "" $service.metadata.namespace }}
apiVersion: v1
kind: ConfigMap
metadata: {name: facts}
data:
  port: {{ with index $service.spec.ports 0 }}{{ printf "%v %T" .port .port | quote }}{{ end }}
  namespace: {{ $namespace.metadata.labels | toJson | quote }}
  list: {{ (lookup "v1" "Namespace" "" "").kind }}
  none: {{ lookup "v1" "Secret" .Release.Namespace "nobody" | toJson | quote }}
  nowhere: {{ lookup "v1" "Secret" "" "kept" | toJson | quote }}
  kind: {{ lookup "v1" "Nothing" "default" "x" | toJson | quote }}
"#;

#[test]
fn a_password_that_is_made_once_is_kept() {
    let (machine, project) = (Machine::new(), Project::new());
    project.write("chart/templates/secret.yaml", SECRET);
    let password = || {
        machine.zarpa(project.path(), &["up"]).good();
        machine.kubectl(&["get", "secret", "kept", "-n", "dev", "-o", "jsonpath={.data.password}"])
    };
    let first = password();
    assert_eq!(first.len(), 24, "{first}");
    assert_eq!(password(), first);
    project.write("greeting.txt", "Hello again\n");
    assert_eq!(password(), first);
    let plan = machine.zarpa(project.path(), &["plan"]).good();
    plan.says("revision 2 is what is asked for");
}

#[test]
fn templates_see_what_helm_shows_them() {
    let (machine, project) = (Machine::new(), Project::new());
    let facts = project.write("chart/templates/facts.yaml", FACTS);
    machine.zarpa(project.path(), &["up"]).good();
    let chart = facts.parent().unwrap().parent().unwrap().to_str().unwrap();
    let template = ["template", "web", chart, "--namespace", "dev", "--dry-run=server"];
    let helms = machine.helm(&[&template[..], &["--show-only", "templates/facts.yaml"]].concat());
    let ours = machine.helm(&["get", "manifest", "web", "--namespace", "dev"]);
    let helms = helms.trim_start_matches("---\n").trim();
    assert!(helms.contains("443 int64") && helms.contains("NamespaceList"), "{helms}");
    assert!(ours.contains(helms), "{ours}\nhelm: {helms}");
}

#[test]
fn a_version_that_the_cluster_does_not_serve_is_named_with_its_place() {
    let (machine, project) = (Machine::new(), Project::new());
    let template = "{{ lookup \"x.example/v1\" \"Widget\" \"default\" \"w\" | toJson }}\n";
    project.write("chart/templates/widget.yaml", template);
    let failed = machine.zarpa(project.path(), &["up"]).failed();
    failed.says("chart/templates/widget.yaml:1:4: ");
    failed.says("the cluster does not know the kind Widget of x.example/v1");
}

#[test]
fn a_chart_that_always_asks_more_is_ended() {
    let (machine, project) = (Machine::new(), Project::new());
    let template = "{{ lookup \"v1\" \"Secret\" \"dev\" (randAlpha 9 | lower) | toJson }}\n";
    project.write("chart/templates/endless.yaml", template);
    let failed = machine.zarpa(project.path(), &["up"]).failed();
    failed.says("each answer of `lookup` makes it look for something else");
}
