//! Flags of chart commands, with the real helm beside.

use std::{fs, path::Path};

use crate::{
    charts::{chart, helm, package, serve, write, zarpa},
    machine::{Machine, Ran},
};

/// The commands that both programs have.
const COMMANDS: [&str; 19] = [
    "template",
    "lint",
    "show all",
    "show chart",
    "show values",
    "show readme",
    "show crds",
    "package",
    "create",
    "pull",
    "push",
    "verify",
    "dependency list",
    "dependency update",
    "dependency build",
    "repo add",
    "repo update",
    "repo remove",
    "repo index",
];

/// Those that zarpa chart has of its own, or where it is told otherwise.
const OTHERS: [&str; 2] = ["--help", "--namespace"];

#[test]
fn every_flag_of_helm_is_known() {
    let machine = Machine::new();
    for command in COMMANDS {
        let words: Vec<&str> = command.split(' ').collect();
        let help = helm(&machine, &[&words[..], &["--help"]].concat()).good().out;
        // What all commands take is asked for once.
        let end = if command == "template" { "Examples:" } else { "Global Flags:" };
        let lines = help.lines().skip_while(|it| *it != "Flags:").take_while(|it| *it != end);
        let flags = lines.filter_map(|line| {
            // Later in the line it is the description.
            let at = line.find("--").filter(|it| *it < 8)?;
            line[at..].split([' ', '[']).next().map(str::to_owned)
        });
        let flags: Vec<String> = flags.filter(|it| !OTHERS.contains(&it.as_str())).collect();
        assert!(command != "template" || 60 < flags.len(), "{help}");
        for flag in flags {
            let ran = zarpa(&machine, &[&["chart"], &words[..], &[&flag]].concat());
            let is_unknown = ran.err.contains("unexpected argument");
            assert!(!is_unknown, "zarpa chart {command} {flag}: {}", ran.err);
        }
    }
}

/// The last line that a program says of its failure.
fn failure(ran: &Ran) -> String {
    assert_eq!(ran.status.code(), Some(1), "{}", ran.out);
    ran.err.lines().find(|it| it.starts_with("Error: ")).unwrap_or_default().to_owned()
}

/// What both programs print for the same arguments.
fn both(machine: &Machine, args: &[&str]) -> [Ran; 2] {
    [helm(machine, args), zarpa(machine, &[&["chart", "--helm-errors"], args].concat())]
}

#[track_caller]
fn same_output(machine: &Machine, args: &[&str]) -> String {
    let [by_helm, by_zarpa] = both(machine, args).map(|it| it.good().out);
    assert_eq!(by_zarpa, by_helm, "{args:?}");
    by_zarpa
}

#[track_caller]
fn same_failure(machine: &Machine, args: &[&str]) {
    let [by_helm, by_zarpa] = both(machine, args).map(|it| failure(&it));
    assert_eq!(by_zarpa, by_helm, "{args:?}");
}

#[test]
fn values_come_from_addresses() {
    let machine = Machine::new();
    let folder = chart(machine.path(), "web", "1.0.0", "");
    let template =
        "kind: A\nmetadata: {name: {{ .Values.name }}}\nfile: {{ .Values.file | quote }}\n";
    write(&folder.join("templates/map.yaml"), template);
    write(&machine.path().join("site/values.yaml"), "name: from-afar\nfile: none\n");
    let url = serve(machine.path().join("site"));
    let values = format!("{url}/values.yaml");
    let file = format!("file={values}");
    let text = same_output(&machine, &["template", "web", "-f", &values, "--set-file", &file]);
    assert!(text.contains("name: from-afar") && text.contains("file: \"name:"), "{text}");
    same_output(&machine, &["lint", "web", "-f", &values]);
    let missing = format!("{url}/none.yaml");
    same_failure(&machine, &["template", "web", "-f", &missing]);
    same_failure(&machine, &["template", "web", "--set-file", &format!("file={missing}")]);
    same_failure(&machine, &["template", "web", "-f", "http://127.0.0.1:1/values.yaml"]);
    same_failure(&machine, &["template", "web", "-f", "http:///values.yaml"]);
    let plain = format!("https{}", values.trim_start_matches("http"));
    same_failure(&machine, &["template", "web", "-f", &plain]);
    same_failure(&machine, &["template", "web", "-f", "ftp://127.0.0.1/values.yaml"]);
}

#[test]
fn schemas_elsewhere_are_read_when_that_is_allowed() {
    let machine = Machine::new();
    let folder = chart(machine.path(), "web", "1.0.0", "");
    write(&folder.join("templates/map.yaml"), "kind: A\nmetadata: {name: {{ .Values.name }}}\n");
    write(&machine.path().join("site/name.json"), r#"{"type": "string", "maxLength": 3}"#);
    let url = serve(machine.path().join("site"));
    let schema = |name| format!(r#"{{"properties": {{"name": {{"$ref": "{url}/{name}.json"}}}}}}"#);
    write(&folder.join("values.schema.json"), &schema("name"));
    for name in ["name=ana", "name=somebody", "name=1"] {
        let args = ["template", "web", "--set", name];
        let by_helm = helm(&machine, &args);
        let flags = ["--remote-schemas", "--helm-errors"];
        let by_zarpa = zarpa(&machine, &[&["chart"], &args[..], &flags].concat());
        assert_eq!((by_zarpa.out, by_zarpa.err), (by_helm.out, by_helm.err), "{name}");
    }
    let refused = zarpa(&machine, &["chart", "template", "web", "--set", "name=ana"]);
    refused.failed().says("the network only when that is allowed");
    write(&folder.join("values.schema.json"), &schema("none"));
    zarpa(&machine, &["chart", "lint", "web", "--remote-schemas"]).failed().says("404");
}

#[test]
fn a_chart_is_rendered_and_shown_from_where_it_lies() {
    let machine = Machine::new();
    fs::create_dir(machine.path().join("site")).unwrap();
    for version in ["1.2.0", "1.10.0"] {
        chart(machine.path(), "web", version, "");
        let archive = package(&machine, "web", version);
        fs::rename(machine.path().join(&archive), machine.path().join("site").join(&archive))
            .unwrap();
    }
    helm(&machine, &["repo", "index", "site"]).good();
    let url = serve(machine.path().join("site"));
    zarpa(&machine, &["chart", "repo", "add", "ours", &url]).good();
    let direct = format!("{url}/web-1.2.0.tgz");
    for from in [
        &["ours/web"][..],
        &["ours/web", "--version", "~1.2"],
        &["web", "--repo", &url],
        &[&direct],
    ] {
        same_output(&machine, &[&["template", "rel"], from].concat());
        same_output(&machine, &[&["show", "chart"], from].concat());
    }
    for from in [
        &["ours/none"][..],
        &["ours/web", "--version", "7"],
        &["theirs/web"],
        &["none"],
        &["./none"],
        &["none", "--repo", &url],
        &["ours/web", "--verify"],
        &["web", "--verify"],
    ] {
        same_failure(&machine, &[&["template", "rel"], from].concat());
    }
}

/// The files below a folder by their paths, archives without what is in them.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(dir) = folders.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".tgz") {
                found.push((name, Vec::new()));
            } else {
                found.push((name, fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_starter_makes_the_chart_that_helm_makes() {
    let machine = Machine::new();
    let starter = chart(&machine.data().join("helm/starters"), "ours", "1.0.0", "");
    write(&starter.join("templates/a.yaml"), "name: <CHARTNAME>-<CHARTNAME>\n");
    write(&starter.join("values.yaml"), "# <CHARTNAME>\nname: <CHARTNAME>\n");
    write(&starter.join("README.md"), "<CHARTNAME>\n");
    write(&starter.join(".helmignore"), "*.bak\n");
    write(&starter.join("values.schema.json"), "{\"title\": \"<CHARTNAME>\"}");
    chart(&starter.join("charts"), "below", "2.0.0", "");
    let absolute = starter.display().to_string();
    for (name, given) in [("one", "ours"), ("deep/two", &*absolute)] {
        for by in ["helm", "zarpa"] {
            fs::create_dir_all(machine.path().join(by)).unwrap();
        }
        helm(&machine, &["create", &format!("helm/{name}"), "--starter", given]).good();
        zarpa(&machine, &["chart", "create", &format!("zarpa/{name}"), "-p", given]).good();
        let made = files(&machine.path().join("zarpa").join(name));
        assert_eq!(made, files(&machine.path().join("helm").join(name)));
        assert!(made.iter().any(|it| it.0 == "charts/below-2.0.0.tgz"));
    }
    same_failure(&machine, &["create", "three", "--starter", "theirs"]);
}

#[test]
fn what_is_no_yaml_is_shown_under_debug() {
    let machine = Machine::new();
    let folder = chart(machine.path(), "web", "1.0.0", "");
    write(&folder.join("templates/map.yaml"), "a: {{ .Release.Name }}: b\n");
    for args in [
        &["template", "web", "--debug"][..],
        &["template", "web", "--debug", "-s", "templates/map.yaml"],
    ] {
        let [by_helm, by_zarpa] = both(&machine, args);
        assert_eq!(by_zarpa.out, by_helm.out);
        assert!(by_zarpa.out.contains("a: release-name: b"), "{}", by_zarpa.out);
        assert_eq!(failure(&by_zarpa), failure(&by_helm));
    }
}
