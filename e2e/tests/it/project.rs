//! A small project whose service is Debian's busybox, so that building it takes no time.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::machine::run;

const PROJECT: &str = r#"name = "small"

[services.web]
test = { run = ["sh test.sh"] }
build = { run = ["mkdir -p out", "cp /bin/busybox out/busybox", "cp greeting.txt out/index.html"] }

[services.web.image]
files = { "/bin/busybox" = "out/busybox", "/www/index.html" = "out/index.html" }
entrypoint = ["/bin/busybox"]
cmd = ["httpd", "-f", "-vv", "-p", "8080", "-h", "/www"]
ports = [8080]

[services.web.chart]
path = "chart"
image = "image"

[[services.web.smoke]]
path = "/"
contains = "Hello"
"#;

const CHART: &str = "apiVersion: v2
name: small
version: 0.1.0
";

const VALUES: &str = r#"image: ""
args: []
replicas: 2
readinessPath: /
ingress: true
"#;

const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft-07/schema#",
  "type": "object",
  "properties": {
    "image": { "type": "string" },
    "args": { "type": "array", "items": { "type": "string" } },
    "replicas": { "type": "integer", "minimum": 0 },
    "readinessPath": { "type": "string" },
    "ingress": { "type": "boolean" }
  }
}
"#;

const TEMPLATE: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: {{ .Values.image }}
          {{- with .Values.args }}
          args: {{ toJson . }}
          {{- end }}
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: {{ .Values.readinessPath }}, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  selector: {app: {{ .Release.Name }}}
  ports: [{name: http, port: 80, targetPort: http}]
{{- if .Values.ingress }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .Release.Name }}
spec:
  rules:
    - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: {{ .Release.Name }}, port: {name: http}}}}]}
{{- end }}
"#;

/// The project's folder, a git repository with one commit.
pub(crate) struct Project {
    dir: TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        let project = Self { dir: tempfile::tempdir().unwrap() };
        for (path, content) in [
            ("zarpa.toml", PROJECT),
            (".gitignore", "/out\n/.zarpa\n"),
            ("greeting.txt", "Hello\n"),
            ("test.sh", "grep -q Hello greeting.txt\n"),
            ("chart/Chart.yaml", CHART),
            ("chart/values.yaml", VALUES),
            ("chart/values.schema.json", SCHEMA),
            ("chart/templates/web.yaml", TEMPLATE),
        ] {
            project.write(path, content);
        }
        commit(project.path());
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, path: &str, content: &str) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Adds to the end of a file.
    pub(crate) fn append(&self, path: &str, content: &str) {
        let text = fs::read_to_string(self.path().join(path)).unwrap();
        self.write(path, &(text + content));
    }

    /// Replaces a text that the file must contain.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        replace(&self.path().join(path), from, to);
    }
}

pub(crate) fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} does not say `{from}`", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// Makes a folder a git repository, or commits what has changed in it.
pub(crate) fn commit(dir: &Path) {
    let author = ["-c", "user.name=e2e", "-c", "user.email=e2e@example.com"];
    let git = |args: &[&str]| {
        run(Command::new("git").args(author).args(args).current_dir(dir)).good();
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "as it is"]);
}
