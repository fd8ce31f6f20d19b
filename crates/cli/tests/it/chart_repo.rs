//! `zarpa chart repo`: what can be told without a network.

use snapbox::str;

use crate::Place;

const KNOWN: &str = "apiVersion: \"\"\ngenerated: \"0001-01-01T00:00:00Z\"\nrepositories:\n- caFile: \"\"\n  certFile: \"\"\n  insecure_skip_tls_verify: false\n  keyFile: \"\"\n  name: ours\n  pass_credentials_all: false\n  password: \"\"\n  url: https://charts.invalid\n  username: \"\"\n";
const CONFIG: &str = "home/.config/helm/repositories.yaml";

#[test]
fn repositories_are_listed_and_forgotten() {
    let place = Place::new(&[(CONFIG, KNOWN), ("home/.cache/helm/repository/ours-index.yaml", "")]);
    place.zarpa("chart repo list").assert().success().stdout_eq(str![[r#"
NAME	URL                   
ours	https://charts.invalid

"#]]);
    place.zarpa("chart repo ls --no-headers").assert().success().stdout_eq(str![[r#"
ours	https://charts.invalid

"#]]);
    place.zarpa("chart repo list --output json").assert().success().stdout_eq(str![[r#"
[
  {
    "name": "ours",
    "url": "https://charts.invalid"
  }
]

"#]]);
    place.zarpa("chart repo remove theirs").assert().code(1).stderr_eq(str![[r#"
error: no repo named "theirs" found
hint: zarpa chart repo list

"#]]);
    place.zarpa("chart repo rm ours").assert().success().stdout_eq(str![[r#"
"ours" has been removed from your repositories

"#]]);
    assert!(!place.path().join("home/.cache/helm/repository/ours-index.yaml").exists());
    assert!(place.read(CONFIG).ends_with("repositories: []\n"));
    place.zarpa("chart repo list").assert().success().stderr_eq(str![[r#"
no repositories to show

"#]]);
    place.zarpa("chart repo update").assert().code(1).stderr_eq(str![[r#"
error: no repositories found. You must add one before updating
hint: zarpa chart repo add NAME ADDRESS

"#]]);
}

#[test]
fn what_cannot_be_a_repository_is_refused() {
    let place = Place::new(&[(CONFIG, KNOWN)]);
    let add = |args: &str, expect: &str| {
        let output = place.zarpa(&format!("chart repo add {args}")).assert().code(1);
        let text = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert_eq!(text.trim_end(), expect);
    };
    add(
        "a/b https://a",
        "error: repository name (a/b) contains '/', please specify a different name without '/'",
    );
    add(
        "ours https://other",
        "error: repository name (ours) already exists, please specify a different name\nhint: replace it: --force-update",
    );
    add(
        "new charts.example.com",
        "error: could not find protocol handler for: \nhint: an address begins with https:// or http://",
    );
    add(
        "new https://kubernetes-charts.storage.googleapis.com",
        "error: repo \"https://kubernetes-charts.storage.googleapis.com\" is no longer available; try \"https://charts.helm.sh/stable\" instead",
    );
    place.zarpa("chart repo add ours https://charts.invalid").assert().success().stdout_eq(str![[
        r#"
"ours" already exists with the same configuration, skipping

"#
    ]]);
    // The other place that a flag names has no repositories.
    let elsewhere = place.zarpa("chart --repository-config x.yaml repo remove ours").assert();
    elsewhere.code(1).stderr_eq(str![[r#"
error: no repositories configured

"#]]);
    assert_eq!(place.read(CONFIG), KNOWN);
}

#[test]
fn a_folder_gets_its_index() {
    let place = Place::new(&[
        ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("dist/no.tgz", "no chart"),
    ]);
    place.zarpa("chart package web -d dist").assert().success();
    place.zarpa("chart package web -d dist/old --version 0.9.0").assert().success();
    place.zarpa("chart repo index dist --url https://a.b/c").assert().success().stdout_eq("");
    let index = place.read("dist/index.yaml");
    let urls: Vec<&str> = index.lines().filter(|it| it.contains("https://")).collect();
    assert_eq!(
        urls,
        ["    - https://a.b/c/web-1.0.0.tgz", "    - https://a.b/c/old/web-0.9.0.tgz"]
    );
    place.zarpa("chart repo index nowhere").assert().code(1).stderr_eq(str![[r#"
error: `nowhere` is no folder
hint: name the folder in which the archives lie

"#]]);
    place.write("bad.yaml", "entries: {}\n");
    place.zarpa("chart repo index dist --merge bad.yaml").assert().code(1).stderr_eq(str![[r#"
error: merge failed: error loading bad.yaml: no API version specified

"#]]);
    // What was kept of a repository is what its charts are looked for in.
    place.write(CONFIG, KNOWN);
    place.write("home/.cache/helm/repository/ours-index.yaml", &index);
    let missing = place.zarpa("chart pull ours/web --version 3").assert();
    missing.code(1).stderr_eq(str![[r#"
error: chart "web" matching 3 not found in ours index. (try 'helm repo update')
  caused by: no chart version found for web-3
hint: ask the repository again: zarpa chart repo update ours

"#]]);
    place.zarpa("chart show chart theirs/web").assert().code(1).stderr_eq(str![[r#"
error: repo theirs not found
hint: name it first: zarpa chart repo add theirs ADDRESS

"#]]);
}
