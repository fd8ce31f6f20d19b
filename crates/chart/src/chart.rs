//! A chart as a value.

use std::sync::Arc;

use gotmpl::Text;

use crate::{
    metadata::{Lock, Metadata},
    values::Table,
};

/// A file of a chart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChartFile {
    /// From the chart's folder, with `/`: `templates/service.yaml`.
    pub path: String,
    pub data: Text,
}

/// A chart with everything that is below it.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Chart.yaml, with the dependencies of requirements.yaml.
    pub metadata: Metadata,
    /// Chart.lock or requirements.lock.
    pub lock: Option<Lock>,
    /// values.yaml; nothing when there is none.
    pub values: Option<Table>,
    /// values.schema.json.
    pub schema: Option<Text>,
    /// Everything below `templates/`, in the order of the files.
    pub templates: Vec<ChartFile>,
    /// What templates see as `.Files`.
    pub files: Arc<Vec<ChartFile>>,
    /// The files that became fields here, as they are: Chart.yaml, values.yaml and so on.
    pub raw: Vec<ChartFile>,
    /// The charts in `charts/`, by the names of their folders or archives.
    pub dependencies: Vec<Self>,
}

impl Chart {
    /// The name in Chart.yaml.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether it only defines templates for others.
    pub fn is_library(&self) -> bool {
        self.metadata.kind.eq_ignore_ascii_case("library")
    }
}
