//! Helm charts: from files and values to manifests, as Helm 4.1.4 makes them, to the byte.
//!
//! A [`Chart`] is read from files in memory, [`Values`] from what a command line gives, and [`render()`]
//! makes manifests of both. The same inputs give the same bytes: time, randomness and what a cluster
//! holds are asked of a [`Source`].
//!
//! It reads no disk and no network, and knows neither releases nor clusters; it prints nothing.
//!
//! Start at [`Chart::load`], [`ValueSources::merge`] and [`render()`]:
//!
//! ```
//! use chart::{
//!     Capabilities, Chart, ChartFile, Release, Source, TextOptions, ValueSources, render,
//! };
//!
//! /// The clock and the randomness of a test; a program takes its own.
//! struct World;
//!
//! impl Source for World {
//!     fn now(&self) -> jiff::Timestamp {
//!         jiff::Timestamp::UNIX_EPOCH
//!     }
//!
//!     fn fill_random(&self, buffer: &mut [u8]) {
//!         buffer.fill(7);
//!     }
//! }
//!
//! fn manifests() -> Result<String, Box<dyn std::error::Error>> {
//!     let file = |path: &str, text: &str| ChartFile { path: path.to_owned(), data: text.into() };
//!     let chart = Chart::load(vec![
//!         file("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
//!         file("values.yaml", "replicas: 1\n"),
//!         file(
//!             "templates/deployment.yaml",
//!             "kind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  replicas: {{ .Values.replicas }}\n",
//!         ),
//!     ])?;
//!     let given = ValueSources { set: vec!["replicas=3".to_owned()], ..ValueSources::default() };
//!     let values = given.merge(&|path| Err(format!("no file {path}")))?;
//!     let release = Release::install("rel", "default");
//!     let rendered = render(&chart, &values, &release, &Capabilities::default(), &World)?;
//!     assert_eq!(rendered.manifests[0].name, "rel");
//!     Ok(rendered.template_text(TextOptions::default()))
//! }
//! ```
//!
//! Rendering ends: [`Options`] has limits on the native stack, on what is printed, and on steps, and an
//! error names the one that was exceeded. What several renderings can share is a [`Cache`], which a
//! source keeps. Helm's functions without a chart are a [`Host`], for the crate `gotmpl`.

mod actions;
mod archive;
mod attempt;
mod capabilities;
mod chart;
mod check;
mod coalesce;
mod create;
mod debug;
mod decode;
mod dependency;
mod diagnosis;
mod diff;
mod explain;
mod fields;
mod files;
mod functions;
mod glob;
mod go_struct;
mod ignore;
mod imports;
mod index;
mod index_file;
mod lint;
mod load;
mod lock;
mod manifest;
mod marks;
mod metadata;
mod oci_form;
mod origin;
mod output;
mod overview;
mod package;
mod pathname;
mod provenance;
mod release;
mod release_name;
mod render;
mod render_error;
mod schema;
mod scope;
pub mod semver;
mod show;
mod similar;
mod source;
mod starter;
mod strvals;
mod tree;
#[cfg(test)]
mod trial;
mod values;
mod warning;
mod yaml;

pub use archive::{ArchiveError, unpack as unpack_archive};
pub use capabilities::{Capabilities, HelmVersion, KubeVersion, KubeVersionError};
pub use chart::{Chart, ChartFile};
pub use check::{KUBERNETES, ObjectProblem, check_objects, to_json};
pub use coalesce::TypeMismatch;
pub use create::{ChartNameError, scaffold};
pub use debug::debug_render;
pub use decode::DecodeError;
pub use diagnosis::{
    Author, Place, Problem, diagnose, diagnose_load, diagnose_values, problem_lines,
};
pub use diff::{Change, Difference, FieldChange, compare};
pub use explain::{Cause, ExplainError, Explanation, Field, explain};
pub use functions::Host;

pub use gotmpl::{Cache, Text};
pub use ignore::IgnoreError;
pub use index::{
    IndexEntry, IndexError, RepositoryIndex, choose, is_same_repository, resolve_address,
    versions_of_tags,
};
pub use index_file::IndexFile;
pub use lint::{Entry, Finding, Folder, LintInputs, LintReport, Severity, lint, report};
pub use load::{LoadError, is_always_read};
pub use lock::{lock_digest, old_lock_digest};
pub use manifest::{Hook, Manifest, ManifestError};
pub use metadata::{Dependency, Lock, Maintainer, Metadata, ValidationError};
pub use oci_form::{
    CHART_MEDIA_TYPE, CONFIG_MEDIA_TYPE, OLD_CHART_MEDIA_TYPE, PROVENANCE_MEDIA_TYPE,
};
pub use origin::Origin;
pub use output::Output;
pub use overview::Part;
pub use package::{PackageError, Versions};
pub use provenance::{ProvenanceError, check_sum, signed_text};
pub use release::Release;
pub use release_name::{ReleaseNameError, check_release_name, name_from_template};
pub use render::{Crd, Inputs, Options, Rendered, TextOptions, render, render_logged, render_with};
pub use render_error::RenderError;
pub use show::NotFound;
pub use source::{Lookup, Source};
pub use starter::from_starter;
pub use strvals::StrvalsError;
pub use values::{DocumentsError, Table, ValueSources, Values, ValuesError};
pub use warning::Warning;
