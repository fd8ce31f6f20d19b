//! Projects made for measuring: a web server of 16 MB that takes no time to build, and a chart of many objects.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::ensure;

const BUSYBOX: &str = "/bin/busybox";
const PROGRAM_BYTES: usize = 16 << 20;
/// As many objects as the design's target names.
pub(crate) const N_OBJECTS: usize = 500;

const WEB: &str = r#"name = "bench"

[services.web]
build = { run = ["true"] }

[services.web.image]
files = { "/bin/busybox" = "program", "/www/index.html" = "index.html" }
entrypoint = ["/bin/busybox"]
cmd = ["httpd", "-f", "-p", "8080", "-h", "/www"]
ports = [8080]

[services.web.chart]
path = "chart"
image = "image"

[[services.web.smoke]]
path = "/"
contains = "Hello"
"#;

const WEB_TEMPLATE: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: {{ .Values.image }}
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: web.localhost
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}
"#;

const MANY: &str = r#"name = "many"

[services.many.chart]
path = "chart"
"#;

/// A folder with a `zarpa.toml`.
pub(crate) struct Project {
    dir: PathBuf,
}

impl Project {
    /// Three replicas of busybox, filled up to 16 MB with what does not compress.
    pub(crate) fn web(dir: PathBuf) -> anyhow::Result<Self> {
        ensure!(Path::new(BUSYBOX).is_file(), "bench: apt-get install busybox-static");
        let project = Self::new(dir, WEB, WEB_TEMPLATE)?;
        project.write("chart/values.yaml", "image: \"\"\n")?;
        project.write("index.html", "Hello\n")?;
        project.change_program(0)?;
        Ok(project)
    }

    /// A chart of [`N_OBJECTS`] ConfigMaps.
    pub(crate) fn many(dir: PathBuf) -> anyhow::Result<Self> {
        let object = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ $.Release.Name }}-{{ . }}}\ndata: {number: \"{{ . }}\"}\n";
        let template = format!("{{{{- range until {N_OBJECTS} }}}}\n{object}{{{{- end }}}}\n");
        Self::new(dir, MANY, &template)
    }

    fn new(dir: PathBuf, project: &str, template: &str) -> anyhow::Result<Self> {
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(dir.join("chart/templates"))?;
        let made = Self { dir };
        made.write("zarpa.toml", project)?;
        made.write("chart/Chart.yaml", "apiVersion: v2\nname: bench\nversion: 0.1.0\n")?;
        made.write("chart/templates/all.yaml", template)?;
        Ok(made)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn write(&self, path: &str, content: &str) -> anyhow::Result<()> {
        Ok(fs::write(self.dir.join(path), content)?)
    }

    /// As a changed line of its source would: other bytes at the end of the program.
    pub(crate) fn change_program(&self, seed: u64) -> anyhow::Result<()> {
        let mut program = fs::read(BUSYBOX)?;
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        while program.len() < PROGRAM_BYTES {
            // Xorshift: any bytes that do not compress.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            program.extend(state.to_le_bytes());
        }
        Ok(fs::write(self.dir.join("program"), program)?)
    }

    /// Has the program end at once when it is started.
    pub(crate) fn break_program(&self) -> anyhow::Result<()> {
        let broken = WEB.replace(r#""httpd", "-f""#, r#""false", "-f""#);
        self.write("zarpa.toml", &broken)
    }
}
