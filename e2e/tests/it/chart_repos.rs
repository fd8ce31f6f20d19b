//! Repositories that have names: the same files by zarpa and by the real helm.

use std::fs;

use crate::{
    charts::{chart, charts, helm, repository, zarpa},
    machine::{Machine, Ran, program, run, tool},
};

/// Runs the same `repo` command of both programs, each with files of its own, and compares all of them.
fn both(machine: &Machine, args: &[&str]) -> [Ran; 2] {
    let ran = ["helm", "zarpa"].map(|by| {
        let dir = machine.path().join(by);
        let program = if by == "helm" { tool("helm") } else { program() };
        let mut command = machine.command(program, machine.path());
        command.env("HELM_REPOSITORY_CONFIG", dir.join("config/repositories.yaml"));
        command.env("HELM_REPOSITORY_CACHE", dir.join("cache"));
        if by == "zarpa" {
            command.args(["chart", "--helm-errors"]);
        }
        run(command.arg("repo").args(args))
    });
    let [helm, zarpa] = ["helm", "zarpa"].map(|it| machine.path().join(it).display().to_string());
    let differences = run(machine.command("diff", machine.path()).args(["-r", &helm, &zarpa]));
    assert!(differences.out.is_empty(), "{args:?}:\n{}", differences.out);
    assert_eq!(ran[1].status.code(), ran[0].status.code(), "{args:?}: {}", ran[1].err);
    ran
}

#[test]
fn repositories_are_kept_in_the_files_of_helm() {
    let machine = Machine::new();
    let url = repository(&machine);
    for by in ["helm", "zarpa"] {
        fs::create_dir(machine.path().join(by)).unwrap();
    }
    let missing = format!("{url}/none");
    let login = ["--username", "somebody", "--password", "open sesame", "--pass-credentials"];
    for args in [
        &["list"][..],
        &["update"],
        &["remove", "ours"],
        &["add", "ours", &url],
        &["add", "ours", &url],
        &["add", "ours", &missing],
        &["add", "no/name", &url],
        &["add", "none", &missing],
        &["add", "none", "http://127.0.0.1:1"],
        &[&["add", "theirs", &url][..], &login].concat(),
        &["list"],
        &["list", "--no-headers"],
        &["update", "ours"],
        &["update", "ours", "nobody"],
        &["add", "theirs", &url, "--force-update"],
        &["remove", "nobody"],
        &["remove", "ours", "theirs"],
        &["list"],
        &["add", "old", "https://kubernetes-charts.storage.googleapis.com"],
    ] {
        let [by_helm, by_zarpa] = both(&machine, args);
        assert_eq!(by_zarpa.out, by_helm.out, "{args:?}");
        assert_eq!(by_zarpa.err, by_helm.err, "{args:?}");
    }
}

/// An index without the times in it.
fn timeless(text: &str) -> Vec<String> {
    let is_time = |it: &&str| {
        ["created:", "generated:", "\"created\":", "\"generated\":"]
            .iter()
            .any(|key| it.trim_start().starts_with(key))
    };
    text.lines().filter(|it| !is_time(it)).map(str::to_owned).collect()
}

#[test]
fn an_index_is_the_one_that_helm_makes() {
    let machine = Machine::new();
    repository(&machine);
    let site = machine.path().join("site");
    fs::create_dir(site.join("old")).unwrap();
    fs::rename(site.join("web-1.2.0.tgz"), site.join("old/web-1.2.0.tgz")).unwrap();
    fs::write(site.join("no.tgz"), "no chart").unwrap();
    let old = "apiVersion: v1\nentries:\n  web:\n  - {apiVersion: v1, name: web, version: 0.1.0, urls: [a.tgz], digest: ab}\n  \
        - {apiVersion: v1, name: web, version: 1.10.0, urls: [b.tgz]}\n  gone:\n  - {apiVersion: v2, name: gone, version: 1.0.0, urls: [c.tgz], removed: true}\n";
    fs::write(machine.path().join("old.yaml"), old).unwrap();
    for args in [
        &[][..],
        &["--json"],
        &["--url", "https://charts.example.com/a/"],
        &["--url", "https://charts.example.com?token=x"],
        &["--merge", "old.yaml"],
        &["--merge", "new.yaml"],
        &["--merge", "old.yaml", "--json"],
    ] {
        let made = ["helm", "zarpa"].map(|by| {
            let args = [&["repo", "index", "site"], args].concat();
            match by {
                "helm" => helm(&machine, &args).good(),
                _ => zarpa(&machine, &[&["chart"], &args[..]].concat()).good(),
            };
            let merged = fs::read_to_string(machine.path().join("new.yaml")).unwrap_or_default();
            fs::remove_file(machine.path().join("new.yaml")).ok();
            timeless(&format!("{}{merged}", fs::read_to_string(site.join("index.yaml")).unwrap()))
        });
        assert_eq!(made[1], made[0], "{args:?}");
    }
}

#[test]
fn both_programs_use_what_the_other_has_kept() {
    let machine = Machine::new();
    let url = repository(&machine);
    zarpa(&machine, &["chart", "repo", "add", "ours", &url]).good();
    for by in ["helm", "zarpa"] {
        fs::create_dir(machine.path().join(by)).unwrap();
    }
    helm(&machine, &["pull", "ours/web", "-d", "helm"]).good();
    zarpa(&machine, &["chart", "pull", "ours/web", "-d", "zarpa"]).good();
    for by in ["helm", "zarpa"] {
        assert!(machine.path().join(by).join("web-1.10.0.tgz").exists());
    }
    // A version that came later is not known before somebody asks again.
    chart(machine.path(), "web", "2.0.0", "");
    helm(&machine, &["package", "web", "-d", "site"]).good();
    zarpa(&machine, &["chart", "repo", "index", "site"]).good();
    let newest = ["pull", "ours/web", "--version", "2.0.0", "-d", "zarpa"];
    let stale = zarpa(&machine, &[&["chart"], &newest[..]].concat()).failed();
    stale.says("not found in ours index").says("zarpa chart repo update ours");
    helm(&machine, &["repo", "update"]).good();
    zarpa(&machine, &[&["chart"], &newest[..]].concat()).good();

    for (alias, by) in [("@ours", "helm"), ("alias:ours", "zarpa")] {
        let wanted =
            format!("dependencies:\n- {{name: web, version: '>=1', repository: '{alias}'}}\n");
        let app = chart(&machine.path().join(by), "app", "0.1.0", &wanted);
        let path = format!("{by}/app");
        zarpa(&machine, &["chart", "dependency", "update", &path, "--skip-refresh"]).good();
        assert_eq!(charts(&app), ["web-2.0.0.tgz"]);
        fs::remove_dir_all(app.join("charts")).unwrap();
        helm(&machine, &["dependency", "build", &path]).good();
        fs::remove_dir_all(app.join("charts")).unwrap();
        zarpa(&machine, &["chart", "dependency", "build", &path]).good();
        assert_eq!(charts(&app), ["web-2.0.0.tgz"]);
        fs::remove_dir_all(app.join("charts")).unwrap();
        // The commands that want a whole chart bring them first.
        zarpa(&machine, &["chart", "template", &path])
            .failed()
            .says("dependency web is not in charts/");
        zarpa(&machine, &["chart", "template", &path, "--dependency-update"]).good();
        fs::remove_dir_all(app.join("charts")).unwrap();
        let packed = zarpa(&machine, &["chart", "package", &path, "-u", "-d", by]).good();
        assert_eq!(
            packed.out,
            format!("Successfully packaged chart and saved it to: {by}/app-0.1.0.tgz\n")
        );
    }
}
