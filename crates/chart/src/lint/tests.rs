//! Findings of small charts; the texts are those of helm 4.1.4.

use super::*;
use crate::{source::Still, values::ValueSources};

const CHART: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\nicon: https://a.b/c.png\n";

fn folder(files: &[(&str, &str)]) -> Folder {
    let file =
        |(path, data): &(&str, &str)| ChartFile { path: (*path).to_owned(), data: (*data).into() };
    let files: Vec<ChartFile> = files.iter().map(file).collect();
    let entry = |prefix: &str| {
        let has = files.iter().any(|it| it.path.starts_with(prefix));
        if has { Entry::Folder } else { Entry::Missing }
    };
    let (templates, crds) = (entry("templates/"), entry("crds/"));
    Folder { path: "/x/c".to_owned(), files, templates, crds }
}

fn find(files: &[(&str, &str)], has_traps: bool) -> Vec<String> {
    find_with(&ValueSources::default(), files, has_traps)
}

fn find_with(sources: &ValueSources, files: &[(&str, &str)], has_traps: bool) -> Vec<String> {
    let values = sources.merge(&|_| Err(String::new())).unwrap();
    let inputs = LintInputs {
        values: &values,
        namespace: "default",
        kube_version: None,
        skips_schema: false,
        has_traps,
        source: &Still,
    };
    let findings = lint(&folder(files), &inputs).unwrap_or_default();
    findings.iter().map(ToString::to_string).collect()
}

fn check(files: &[(&str, &str)], expect: &[&str]) {
    assert_eq!(find(files, false), expect);
}

/// Of the traps alone.
fn check_traps(files: &[(&str, &str)], expect: &[&str]) {
    let found = find(files, true).into_iter().filter(|it| it.starts_with("[TRAP]"));
    assert_eq!(found.collect::<Vec<_>>(), expect);
}

#[test]
fn a_chart_without_faults_has_no_findings() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n";
    check(&[("Chart.yaml", CHART), ("values.yaml", ""), ("templates/a.yaml", service)], &[]);
    assert_eq!(lint(&folder(&[]), &inputs_of_nothing()), None);
}

fn inputs_of_nothing() -> LintInputs<'static> {
    static NONE: std::sync::LazyLock<Values> = std::sync::LazyLock::new(Values::default);
    LintInputs {
        values: &NONE,
        namespace: "default",
        kube_version: None,
        skips_schema: false,
        has_traps: false,
        source: &Still,
    }
}

#[test]
fn chart_yaml_is_held_against_every_rule() {
    let text = "apiVersion: v1\nversion: 1\nappVersion: 1.0\ntype: application\nfoo: 1\nmaintainers: [{name: a, email: b}]\nsources: [x]\n";
    check(
        &[("Chart.yaml", text)],
        &[
            "[WARNING] Chart.yaml: failed to strictly parse chart metadata file\n\terror unmarshaling JSON: while decoding JSON: json: unknown field \"foo\"",
            "[ERROR] Chart.yaml: name is required",
            "[ERROR] Chart.yaml: version should be of type string but it's of type float64",
            "[ERROR] Chart.yaml: appVersion should be of type string but it's of type float64",
            "[ERROR] Chart.yaml: invalid email 'b' for maintainer 'a'",
            "[ERROR] Chart.yaml: invalid source URL 'x'",
            "[INFO] Chart.yaml: icon is recommended",
            "[ERROR] Chart.yaml: chart type is not valid in apiVersion 'v1'. It is valid in apiVersion 'v2'",
            "[WARNING] Chart.yaml: version '1' is not a valid SemVerV2",
            "[INFO] values.yaml: file does not exist",
            "[WARNING] templates/: directory does not exist",
            "[ERROR] : unable to load chart\n\tvalidation: chart.metadata.name is required",
        ],
    );
}

#[test]
fn repeated_keys_are_named_with_their_lines() {
    let text = format!("{CHART}name: c\n");
    let found = find(&[("Chart.yaml", &text)], false);
    assert_eq!(
        found[0],
        "[WARNING] Chart.yaml: failed to strictly parse chart metadata file\n\terror converting YAML to JSON: yaml: unmarshal errors:\n  line 5: key \"name\" already set in map"
    );
}

#[test]
fn objects_are_judged_by_name_and_kind() {
    let text = " apiVersion: extensions/v1beta1\n kind: Deployment\n metadata: {name: A}\n";
    check(
        &[("Chart.yaml", CHART), ("values.yaml", ""), ("templates/a.yaml", text)],
        &[
            "[WARNING] templates/a.yaml: document starts with an illegal indent: \" apiVersion: extensions/v1beta1\", which may cause parsing problems",
            "[WARNING] templates/a.yaml: object name does not conform to Kubernetes naming requirements: \"A\": metadata.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            "[WARNING] templates/a.yaml: extensions/v1beta1 Deployment is deprecated in v1.8+, unavailable in v1.16+; use apps/v1 Deployment",
            "[ERROR] templates/a.yaml: a Deployment must contain matchLabels or matchExpressions, and \"A\" does not",
        ],
    );
}

#[test]
fn traps_are_found_only_when_they_are_wanted() {
    let hook = "kind: Job\nmetadata:\n  name: j\n  annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: x}\nspec: {template: {spec: {serviceAccountName: s}}}\n---\nkind: ServiceAccount\nmetadata: {name: s, annotations: {helm.sh/resource-policy: Keep}}\n---\nkind: ServiceAccount\nmetadata: {name: s}\n---\nkind: X\nmetadata: {name: r, annotations: {a: '{{ randAlpha 5 }}'}}\n";
    let files = [
        ("Chart.yaml", CHART),
        ("values.yaml", "a: 1\na: 2\n"),
        ("crds/a.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"),
        ("templates/a.yaml", hook),
        ("templates/b.yaml", "{{/* none */}}{{ $x := lookup \"v1\" \"Secret\" \"a\" \"b\" }}"),
    ];
    check(&files, &[]);
    check_traps(
        &files,
        &[
            "[TRAP] values.yaml: line 2: key \"a\" already set in map; the last one counts",
            "[TRAP] crds/: CRDs are installed once: `helm upgrade` never changes them, nor adds new ones",
            "[TRAP] templates/b.yaml: `lookup` finds nothing but in a cluster: what is printed here, planned or kept in git may differ from what is installed",
            "[TRAP] templates/a.yaml: ServiceAccount/s: helm.sh/resource-policy is \"Keep\", and only \"keep\" is known: at uninstall the object stays and nobody says so",
            "[TRAP] templates/a.yaml: Job/j: a hook without helm.sh/hook-delete-policy stays until it runs again, and after uninstall for good",
            "[TRAP] templates/a.yaml: Job/j: the hook's weight \"x\" is no integer and counts as 0",
            "[TRAP] templates/a.yaml: ServiceAccount/s is rendered twice: an install fails, or the last one wins",
            "[TRAP] templates/a.yaml: Job/j runs before the first install, and wants ServiceAccount/s that is only made by it (spec.template.spec.serviceAccountName)",
            "[TRAP] templates/a.yaml: X/r renders differently each time (metadata.annotations.a): every upgrade changes it",
        ],
    );
}

#[test]
fn a_given_value_under_nearly_the_right_name_is_told() {
    let files = [
        ("Chart.yaml", CHART),
        ("values.yaml", "replicas: 1\nservice: {port: 80}\nlabels: {team: a}\nhosts: []\n"),
        (
            "templates/a.yaml",
            "# {{ .Values.replicas }} {{ .Values.service.port }} {{ .Values.host }}",
        ),
        ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
        ("charts/db/values.yaml", "volume: 1Gi\n"),
        ("charts/db/templates/a.yaml", "# {{ .Values.volume }}"),
    ];
    let told = |texts: &[&str]| {
        let set = texts.iter().map(|it| (*it).to_owned()).collect();
        let found = find_with(&ValueSources { set, ..ValueSources::default() }, &files, true);
        found.into_iter().filter(|it| it.contains(" is given")).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&["repicas=2", "service.prot=1", "db.volum=2Gi"]),
        [
            "[TRAP] values.yaml: repicas is given, and no template reads it; is replicas meant?",
            "[TRAP] values.yaml: service.prot is given, and no template reads it; is service.port meant?",
            "[TRAP] values.yaml: db.volum is given, and no template reads it; is db.volume meant?",
        ]
    );
    // Given both, read by a template, of a table that is printed as it is, and near to nothing.
    assert_eq!(told(&["repicas=2,replicas=2", "host=a", "labels.teams=b", "other=1"]), [""; 0]);
}

#[test]
fn reports_are_quiet_when_there_is_nothing_to_say() {
    let finding = |severity| Finding { severity, path: "p".to_owned(), text: "t".to_owned() };
    let info = Ok(vec![finding(Severity::Info)]);
    assert_eq!(report("c", &info, (false, true)).text, "");
    assert_eq!(report("c", &info, (false, false)).text, "==> Linting c\n[INFO] p: t\n\n");
    let warning = Ok(vec![finding(Severity::Warning)]);
    assert!(!report("c", &warning, (false, false)).has_failed);
    assert!(report("c", &warning, (true, false)).has_failed);
    let trap = Ok(vec![finding(Severity::Trap)]);
    assert!(!report("c", &trap, (true, false)).has_failed);
    let none = Err("no chart".to_owned());
    let report = report("c", &none, (false, true));
    assert_eq!(
        (report.text.as_str(), report.has_failed),
        ("==> Linting c\nError no chart\n\n", true)
    );
}
