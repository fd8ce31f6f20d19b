//! What chart commands take in: charts, values, the clock and randomness.

use std::{
    io::{self, Read as _},
    net::ToSocketAddrs as _,
    path::{Path, PathBuf},
};

use chart::{Capabilities, Chart, KubeVersion, Release, Source, ValueSources};
use host::files;
use jiff::Timestamp;
use repository::Unread;

use super::address;
use crate::{
    args::chart::{Told, Values},
    context::Context,
    failure::Failure,
};

/// The name that helm gives a release that is only rendered.
pub(crate) const RELEASE: &str = "release-name";

/// What gzipped files begin with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a chart from a folder or an archive.
pub(crate) fn load(context: &Context, path: &str) -> Result<Chart, Failure> {
    load_at(&find(context, path)?, path, None)
}

/// The same, once it is found; `path` is what the user wrote. With an [`Unread`], files that only templates ask for
/// are read when they do.
pub(crate) fn load_at(place: &Path, path: &str, unread: Option<&Unread>) -> Result<Chart, Failure> {
    if place.is_dir() {
        let files = match unread {
            Some(unread) => repository::open_folder(place, unread)?,
            None => repository::read_folder(place)?,
        };
        return Chart::load(files).map_err(|error| super::problems::loading(error, place, path));
    }
    let archive = files::read(place)?;
    if !archive.starts_with(&GZIP) {
        return Err(NoChart::archive(place, &archive).into());
    }
    Ok(Chart::from_archive(&archive)?)
}

/// The path of a chart that is there.
pub(crate) fn find(context: &Context, path: &str) -> Result<PathBuf, Failure> {
    let place = context.path(Path::new(path.trim()));
    if place.exists() {
        return Ok(place);
    }
    let hint = "a chart is a folder with a Chart.yaml, or a .tgz of one; `zarpa chart pull` gets it from a registry";
    Err(Failure::work(NoChart::of(path)).with_hint(Some(hint.to_owned())))
}

/// A chart that is not there, in helm's words.
#[derive(Debug, thiserror::Error)]
enum NoChart {
    #[error("path {0:?} not found")]
    Path(String),
    #[error("non-absolute URLs should be in form of repo_name/path_to_chart, got: {0}")]
    Name(String),
    #[error("repo {0} not found")]
    Repository(String),
    #[error("file '{0}' seems to be a YAML file, but expected a gzipped archive")]
    Yaml(String),
    #[error("file '{path}' does not appear to be a gzipped archive; got '{kind}'")]
    NoArchive { path: String, kind: &'static str },
}

impl NoChart {
    fn of(path: &str) -> Self {
        match path.split_once('/') {
            _ if path.starts_with(['.', '/']) => Self::Path(path.to_owned()),
            None => Self::Name(path.to_owned()),
            Some((repository, _)) => Self::Repository(repository.to_owned()),
        }
    }

    fn archive(place: &Path, content: &[u8]) -> Self {
        let path = place.display().to_string();
        let is_text = std::str::from_utf8(content).is_ok_and(|it| !it.contains('\0'));
        if is_text && (path.ends_with(".yaml") || path.ends_with(".yml")) {
            return Self::Yaml(path);
        }
        let kind = if is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
        Self::NoArchive { path, kind }
    }
}

/// What the flags say, with the files read.
pub(crate) fn sources(context: &Context, values: &Values) -> Result<ValueSources, Failure> {
    let mut value_files = Vec::new();
    for path in &values.files {
        value_files.push((path.clone(), read(context, path)?));
    }
    Ok(ValueSources {
        files: value_files,
        set_json: values.set_json.clone(),
        set: values.set.clone(),
        set_string: values.set_string.clone(),
        set_file: values.set_file.clone(),
        set_literal: values.set_literal.clone(),
    })
}

/// Merges what the flags say.
pub(crate) fn merge(context: &Context, sources: &ValueSources) -> Result<chart::Values, Failure> {
    let merged = sources.merge(&|path| match read(context, path) {
        Ok(content) => Ok(String::from_utf8_lossy(&content).into_owned()),
        Err(failure) => Err(super::helm::text(context, &failure)),
    });
    super::problems::merging(sources, merged)
}

/// A file that a flag names and that cannot be read; the path is as it was given.
#[derive(Debug, thiserror::Error)]
#[error("could not read `{path}`")]
pub(crate) struct GivenFile {
    pub(crate) path: String,
    pub(crate) source: io::Error,
}

/// A file that a flag names; `-` is standard input.
fn read(context: &Context, path: &str) -> Result<Vec<u8>, Failure> {
    if path.trim() == "-" {
        let mut content = Vec::new();
        io::stdin().lock().read_to_end(&mut content)?;
        return Ok(content);
    }
    if address::is_address(path) {
        return address::fetch(context, path);
    }
    let content = files::read(&context.path(Path::new(path)));
    Ok(content.map_err(|it| GivenFile { path: path.to_owned(), source: it.source })?)
}

/// What the chart is told of the cluster.
pub(crate) fn capabilities(told: &Told) -> Result<Capabilities, Failure> {
    let mut capabilities = Capabilities::default();
    if let Some(version) = told.kube_version.as_deref().filter(|it| !it.is_empty()) {
        capabilities.kube_version = kube_version(version)?;
    }
    capabilities.api_versions.extend(told.api_versions.iter().cloned());
    Ok(capabilities)
}

pub(crate) fn kube_version(version: &str) -> Result<KubeVersion, Failure> {
    let wrong = |it| Failure::work(format!("invalid kube version '{version}': {it}"));
    KubeVersion::parse(version).map_err(wrong)
}

/// What the chart is told of its release.
pub(crate) fn release(name: &str, told: &Told) -> Release {
    Release {
        name: name.to_owned(),
        namespace: told.namespace.clone(),
        is_upgrade: told.is_upgrade,
        is_install: !told.is_upgrade,
        revision: 1,
        service: "Helm".to_owned(),
    }
}

/// No cluster, the machine's clock and randomness.
pub(crate) struct World<'a> {
    context: &'a Context,
    /// Whether names are resolved.
    has_dns: bool,
    /// Whether schemas are fetched.
    has_remote_schemas: bool,
    /// Never freed: the program ends when it has printed.
    cache: &'static chart::Cache,
}

impl<'a> World<'a> {
    pub(crate) fn new(context: &'a Context, has_dns: bool, has_remote_schemas: bool) -> Self {
        Self { context, has_dns, has_remote_schemas, cache: Box::leak(Box::default()) }
    }
}

impl Source for World<'_> {
    fn remote_schema(&self, url: &str) -> Option<Result<Vec<u8>, String>> {
        let is_allowed = self.has_remote_schemas && url.starts_with("http");
        let fetched = is_allowed.then(|| address::fetch(self.context, url))?;
        Some(fetched.map_err(|failure| super::helm::text(self.context, &failure)))
    }

    fn cache(&self) -> Option<&chart::Cache> {
        Some(self.cache)
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        let mut rest = buffer;
        while !rest.is_empty() {
            match rustix::rand::getrandom(&mut *rest, rustix::rand::GetRandomFlags::empty()) {
                Ok(n_bytes) => rest = &mut rest[n_bytes..],
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn host_by_name(&self, name: &str) -> String {
        let addresses = self.has_dns.then(|| (name, 0).to_socket_addrs().ok()).flatten();
        let first = addresses.and_then(|mut it| it.next());
        first.map(|it| it.ip().to_string()).unwrap_or_default()
    }
}
