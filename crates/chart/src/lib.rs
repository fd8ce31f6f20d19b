//! Helm charts: from files and values to manifests, as Helm 4.1.4 makes them, to the byte.
//!
//! A [`Chart`] is read from files in memory, [`Values`] from what a command line gives, and [`render()`]
//! makes manifests of both. The same inputs give the same bytes: time, randomness and what a cluster
//! holds are asked of a [`Source`].
//!
//! It reads no disk and no network, and knows neither releases nor clusters; it prints nothing.
//!
//! Start at [`Chart::load`], [`ValueSources::merge`] and [`render()`].

mod actions;
mod archive;
mod attempt;
mod capabilities;
mod chart;
mod check;
mod coalesce;
mod create;
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
mod lint;
mod load;
mod lock;
mod manifest;
mod marks;
mod metadata;
mod oci_form;
mod order;
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
mod strvals;
mod tree;
mod values;
mod yaml;

pub use archive::{ArchiveError, unpack as unpack_archive};
pub use capabilities::{Capabilities, HelmVersion, KubeVersion, KubeVersionError};
pub use chart::{Chart, ChartFile};
pub use check::{KUBERNETES, ObjectProblem, check_objects, to_json};
pub use coalesce::TypeMismatch;
pub use create::{ChartNameError, scaffold};
pub use decode::DecodeError;
pub use diagnosis::{Author, Place, Problem, diagnose, diagnose_load, diagnose_values};
pub use diff::{Change, Difference, FieldChange, compare};
pub use explain::{Cause, ExplainError, Explanation, Field, explain};
pub use functions::Host;
pub use gotmpl::Cache;
pub use ignore::IgnoreError;
pub use index::{
    IndexEntry, IndexError, RepositoryIndex, choose, is_same_repository, resolve_address,
    versions_of_tags,
};
pub use lint::{Entry, Finding, Folder, LintInputs, LintReport, Severity, lint, report};
pub use load::LoadError;
pub use lock::{lock_digest, old_lock_digest};
pub use manifest::{Hook, Manifest, ManifestError};
pub use metadata::{Dependency, Lock, Maintainer, Metadata, ValidationError};
pub use oci_form::{
    CHART_MEDIA_TYPE, CONFIG_MEDIA_TYPE, OLD_CHART_MEDIA_TYPE, PROVENANCE_MEDIA_TYPE,
};
pub use order::INSTALL_ORDER;
pub use origin::Origin;
pub use output::Output;
pub use overview::Part;
pub use package::{PackageError, Versions};
pub use provenance::{ProvenanceError, check_sum};
pub use release::Release;
pub use release_name::{ReleaseNameError, check_release_name, name_from_template};
pub use render::{Crd, Inputs, Options, Rendered, TextOptions, render, render_with};
pub use render_error::RenderError;
pub use show::NotFound;
pub use source::{Lookup, Source};
pub use strvals::StrvalsError;
pub use values::{DocumentsError, Table, ValueSources, Values, ValuesError};
