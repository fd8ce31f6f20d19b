//! Charts while they are being rendered: enabled, renamed and with values that have changed.
//!
//! Helm changes the loaded charts in place, and shares some parts of them among copies. What it shares
//! is shared here too, so that the second of two aliases of a chart sees what the first has changed.

use std::{cell::RefCell, rc::Rc};

use gotmpl::{List, Map, Value};

use crate::{
    chart::Chart,
    metadata::{Dependency, Maintainer},
    yaml::to_template_value,
};

/// A chart in a tree of charts.
#[derive(Clone, Debug)]
pub(crate) struct Node<'c> {
    pub(crate) chart: &'c Chart,
    pub(crate) metadata: Rc<RefCell<Live>>,
    /// The chart's own values. Clones of a node share them; they are replaced, never changed.
    pub(crate) values: Map,
    pub(crate) dependencies: Vec<Self>,
}

/// What changes of a chart's metadata.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// The name, or the alias.
    pub(crate) name: String,
    pub(crate) dependencies: Option<Vec<Rc<RefCell<LiveDependency>>>>,
}

/// What changes of a dependency.
#[derive(Clone, Debug)]
pub(crate) struct LiveDependency {
    pub(crate) declared: Dependency,
    /// Where imported values come from and go to, once they are imported.
    pub(crate) imports: Option<Vec<(String, String)>>,
}

impl<'c> Node<'c> {
    pub(crate) fn new(chart: &'c Chart) -> Self {
        let values = chart.values.as_ref().map_or_else(Map::default, |table| {
            let entry = |(key, value): &(Box<str>, goyaml::Value)| {
                (Rc::from(&**key), to_template_value(value))
            };
            Map::from_sorted(table.iter().map(entry).collect())
        });
        let live = |declared: &Dependency| {
            let declared = declared.clone();
            Rc::new(RefCell::new(LiveDependency { declared, imports: None }))
        };
        let dependencies = chart.metadata.dependencies.as_ref();
        let metadata = Live {
            name: chart.metadata.name.clone(),
            dependencies: dependencies.map(|it| it.iter().map(live).collect()),
        };
        Self {
            chart,
            metadata: Rc::new(RefCell::new(metadata)),
            values,
            dependencies: chart.dependencies.iter().map(Self::new).collect(),
        }
    }

    pub(crate) fn name(&self) -> String {
        self.metadata.borrow().name.clone()
    }

    /// The dependencies that are listed, or nothing when Helm has nil for a list.
    pub(crate) fn listed(&self) -> Option<Vec<Rc<RefCell<LiveDependency>>>> {
        self.metadata.borrow().dependencies.clone()
    }

    /// A copy whose metadata is its own, while the metadata of those below stays shared.
    pub(crate) fn with_own_metadata(&self) -> Self {
        let metadata = self.metadata.borrow();
        let copy = |it: &Rc<RefCell<LiveDependency>>| Rc::new(RefCell::new(it.borrow().clone()));
        let dependencies = metadata.dependencies.as_ref();
        let metadata = Live {
            name: metadata.name.clone(),
            dependencies: dependencies.map(|it| it.iter().map(copy).collect()),
        };
        Self { metadata: Rc::new(RefCell::new(metadata)), ..self.clone() }
    }

    /// `.Chart`: the metadata by the names of Go's fields.
    pub(crate) fn metadata_map(&self, is_root: bool) -> Map {
        let declared = &self.chart.metadata;
        let live = self.metadata.borrow();
        let text = |text: &str| Value::from(text);
        let texts = |texts: &[String]| Value::List(texts.iter().map(|it| text(it)).collect());
        let annotations = declared.annotations.iter().flatten();
        let annotations =
            annotations.map(|(key, value)| (key.as_str().into(), value.as_str().into()));
        let dependencies = live.dependencies.iter().flatten();
        let dependencies = dependencies.map(|it| Value::Map(dependency_map(&it.borrow())));
        let maintainers = declared.maintainers.iter().map(|it| Value::Map(maintainer_map(it)));
        Map::from_iter([
            ("APIVersion", text(&declared.api_version)),
            ("Annotations", Value::StringMap(annotations.collect())),
            ("AppVersion", text(&declared.app_version)),
            ("Condition", text(&declared.condition)),
            ("Dependencies", Value::List(dependencies.collect())),
            ("Deprecated", Value::Bool(declared.is_deprecated)),
            ("Description", text(&declared.description)),
            ("Home", text(&declared.home)),
            ("Icon", text(&declared.icon)),
            ("IsRoot", Value::Bool(is_root)),
            ("Keywords", texts(&declared.keywords)),
            ("KubeVersion", text(&declared.kube_version)),
            ("Maintainers", Value::List(maintainers.collect())),
            ("Name", text(&live.name)),
            ("Sources", texts(&declared.sources)),
            ("Tags", text(&declared.tags)),
            ("Type", text(&declared.kind)),
            ("Version", text(&declared.version)),
        ])
    }
}

fn dependency_map(dependency: &LiveDependency) -> Map {
    let declared = &dependency.declared;
    let imports: List = match &dependency.imports {
        None => declared.import_values.iter().map(to_template_value).collect(),
        Some(imports) => {
            let import = |(child, parent): &(String, String)| {
                let entry = |key: &str, text: &str| (key.into(), text.into());
                Value::StringMap([entry("child", child), entry("parent", parent)].into())
            };
            imports.iter().map(import).collect()
        }
    };
    Map::from_iter([
        ("Alias", Value::from(declared.alias.as_str())),
        ("Condition", Value::from(declared.condition.as_str())),
        ("Enabled", Value::Bool(declared.is_enabled)),
        ("ImportValues", Value::List(imports)),
        ("Name", Value::from(declared.name.as_str())),
        ("Repository", Value::from(declared.repository.as_str())),
        ("Tags", Value::List(declared.tags.iter().map(|it| Value::from(it.as_str())).collect())),
        ("Version", Value::from(declared.version.as_str())),
    ])
}

fn maintainer_map(maintainer: &Maintainer) -> Map {
    Map::from_iter([
        ("Email", Value::from(maintainer.email.as_str())),
        ("Name", Value::from(maintainer.name.as_str())),
        ("URL", Value::from(maintainer.url.as_str())),
    ])
}
