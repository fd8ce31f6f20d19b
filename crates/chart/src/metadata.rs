//! Chart.yaml, and the lock beside it.

use goyaml::Value;

use crate::{
    decode::{DecodeError, Struct},
    pathname,
    semver::Version,
};

/// Chart.yaml. Texts are empty where nothing is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    pub name: String,
    pub home: String,
    pub sources: Vec<String>,
    pub version: String,
    pub description: String,
    pub keywords: Vec<String>,
    pub maintainers: Vec<Maintainer>,
    pub icon: String,
    /// `v1` or `v2`; v1 when Chart.yaml says nothing.
    pub api_version: String,
    pub condition: String,
    pub tags: String,
    pub app_version: String,
    pub is_deprecated: bool,
    /// Sorted by key; nothing when there are none.
    pub annotations: Option<Vec<(String, String)>>,
    pub kube_version: String,
    /// Nothing when neither Chart.yaml nor requirements.yaml has the key.
    pub dependencies: Option<Vec<Dependency>>,
    /// `application`, `library`, or empty.
    pub kind: String,
}

/// Who looks after a chart.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Maintainer {
    pub name: String,
    pub email: String,
    pub url: String,
}

/// A chart that a chart wants in its `charts/`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dependency {
    pub name: String,
    pub version: String,
    pub repository: String,
    /// Paths into the values, with commas between.
    pub condition: String,
    pub tags: Vec<String>,
    pub is_enabled: bool,
    /// Each a text, or a table with `child` and `parent`.
    pub import_values: Vec<Value>,
    pub alias: String,
}

/// Chart.lock: the versions that were chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    /// The time as it is written.
    pub generated: String,
    pub digest: String,
    pub dependencies: Vec<Dependency>,
}

/// Why Chart.yaml does not describe a chart. `Display` is Helm's text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ValidationError {
    #[error("validation: chart.metadata.{0} is required")]
    Missing(&'static str),
    #[error("validation: chart.metadata.name {0:?} is not allowed")]
    NameNotAllowed(String),
    #[error("validation: chart.metadata.{field} {value:?} is invalid")]
    Invalid { field: &'static str, value: String },
    #[error("validation: chart.metadata.type must be application or library")]
    Kind,
    #[error("validation: {0} must not contain empty or null nodes")]
    NullNode(&'static str),
    #[error("validation: dependency {0:?} has disallowed characters in the alias")]
    Alias(String),
    #[error("validation: more than one dependency with name or alias {0:?}")]
    Twice(String),
}

impl Metadata {
    /// Fills the fields that a text has, and leaves the others as they are.
    pub(crate) fn read(&mut self, text: &[u8]) -> Result<Nulls, DecodeError> {
        let value = goyaml::read(text).map_err(DecodeError::Yaml)?;
        self.read_fields(&Struct::document(&value, "Metadata", "v2.Metadata")?)
    }

    /// The same with the fields of a document that may have others, too.
    pub(crate) fn read_fields(&mut self, fields: &Struct<'_>) -> Result<Nulls, DecodeError> {
        fields.text("name", &mut self.name)?;
        fields.text("home", &mut self.home)?;
        fields.texts("sources", &mut self.sources)?;
        fields.text("version", &mut self.version)?;
        fields.text("description", &mut self.description)?;
        fields.texts("keywords", &mut self.keywords)?;
        fields.text("icon", &mut self.icon)?;
        fields.text("apiVersion", &mut self.api_version)?;
        fields.text("condition", &mut self.condition)?;
        fields.text("tags", &mut self.tags)?;
        fields.text("appVersion", &mut self.app_version)?;
        fields.truth("deprecated", &mut self.is_deprecated)?;
        fields.text("kubeVersion", &mut self.kube_version)?;
        fields.text("type", &mut self.kind)?;
        if let Some(annotations) = fields.text_map("annotations")? {
            self.annotations = Some(annotations);
        }
        let mut nulls = Nulls::default();
        let types = ("[]*v2.Maintainer", "v2.Maintainer");
        if let Some(maintainers) = fields.structs("maintainers", "Maintainer", types)? {
            nulls.has_maintainer = maintainers.iter().any(Option::is_none);
            self.maintainers =
                maintainers.iter().flatten().map(read_maintainer).collect::<Result<_, _>>()?;
        }
        if fields.get("dependencies").is_some() {
            let dependencies = read_dependencies(fields)?;
            nulls.has_dependency = dependencies.has_null;
            self.dependencies = dependencies.read;
        }
        Ok(nulls)
    }

    /// Cleans texts, and checks what Helm checks when it loads a chart.
    pub(crate) fn validate(&mut self, nulls: Nulls) -> Result<(), ValidationError> {
        let texts = [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ];
        texts.into_iter().chain(&mut self.sources).chain(&mut self.keywords).for_each(sanitize);
        self.validate_identity()?;
        if nulls.has_maintainer {
            return Err(ValidationError::NullNode("maintainers"));
        }
        for maintainer in &mut self.maintainers {
            [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url]
                .into_iter()
                .for_each(sanitize);
        }
        if nulls.has_dependency {
            return Err(ValidationError::NullNode("dependencies"));
        }
        self.validate_dependencies()
    }

    fn validate_identity(&self) -> Result<(), ValidationError> {
        if self.api_version.is_empty() {
            return Err(ValidationError::Missing("apiVersion"));
        }
        match self.name.as_str() {
            "" => return Err(ValidationError::Missing("name")),
            "." | ".." => return Err(ValidationError::NameNotAllowed(self.name.clone())),
            name if name != pathname::base(name) => {
                return Err(ValidationError::Invalid { field: "name", value: name.to_owned() });
            }
            _ => {}
        }
        if self.version.is_empty() {
            return Err(ValidationError::Missing("version"));
        }
        if Version::parse(&self.version).is_err() {
            let value = self.version.clone();
            return Err(ValidationError::Invalid { field: "version", value });
        }
        match self.kind.as_str() {
            "" | "application" | "library" => Ok(()),
            _ => Err(ValidationError::Kind),
        }
    }

    fn validate_dependencies(&mut self) -> Result<(), ValidationError> {
        let mut names: Vec<&str> = Vec::new();
        for dependency in self.dependencies.iter_mut().flatten() {
            let texts = [
                &mut dependency.name,
                &mut dependency.version,
                &mut dependency.repository,
                &mut dependency.condition,
            ];
            texts.into_iter().chain(&mut dependency.tags).for_each(sanitize);
            let is_allowed = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-');
            if !dependency.alias.bytes().all(is_allowed) {
                return Err(ValidationError::Alias(dependency.name.clone()));
            }
            let name = dependency.name_in_values();
            if names.contains(&name) {
                return Err(ValidationError::Twice(name.to_owned()));
            }
            names.push(name);
        }
        Ok(())
    }
}

impl Dependency {
    /// The alias, or the name when there is none.
    pub fn name_in_values(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }
}

/// Which lists had a null in them, which only validation complains about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nulls {
    has_maintainer: bool,
    has_dependency: bool,
}

struct Dependencies {
    read: Option<Vec<Dependency>>,
    has_null: bool,
}

fn read_dependencies(fields: &Struct<'_>) -> Result<Dependencies, DecodeError> {
    let types = ("[]*v2.Dependency", "v2.Dependency");
    if fields.get("dependencies") == Some(&Value::Null) {
        return Ok(Dependencies { read: None, has_null: false });
    }
    let items = fields.structs("dependencies", "Dependency", types)?.unwrap_or_default();
    let has_null = items.iter().any(Option::is_none);
    let read = items.iter().flatten().map(read_dependency).collect::<Result<_, _>>()?;
    Ok(Dependencies { read: Some(read), has_null })
}

fn read_dependency(fields: &Struct<'_>) -> Result<Dependency, DecodeError> {
    let mut dependency = Dependency::default();
    fields.text("name", &mut dependency.name)?;
    fields.text("version", &mut dependency.version)?;
    fields.text("repository", &mut dependency.repository)?;
    fields.text("condition", &mut dependency.condition)?;
    fields.texts("tags", &mut dependency.tags)?;
    fields.truth("enabled", &mut dependency.is_enabled)?;
    fields.text("alias", &mut dependency.alias)?;
    if let Some(items) = fields.list("import-values", "[]interface {}")? {
        dependency.import_values = items.to_vec();
    }
    Ok(dependency)
}

fn read_maintainer(fields: &Struct<'_>) -> Result<Maintainer, DecodeError> {
    let mut maintainer = Maintainer::default();
    fields.text("name", &mut maintainer.name)?;
    fields.text("email", &mut maintainer.email)?;
    fields.text("url", &mut maintainer.url)?;
    Ok(maintainer)
}

/// Reads the version of Chart.yaml's own format, and nothing else.
pub(crate) fn read_api_version(text: &[u8]) -> Result<String, DecodeError> {
    let value = goyaml::read(text).map_err(DecodeError::Yaml)?;
    let mut api_version = String::new();
    let fields = Struct::document(&value, "chartBase", "loader.chartBase")?;
    fields.text("apiVersion", &mut api_version)?;
    Ok(api_version)
}

/// Reads Chart.lock.
pub(crate) fn read_lock(text: &[u8]) -> Result<Lock, DecodeError> {
    let value = goyaml::read(text).map_err(DecodeError::Yaml)?;
    let fields = Struct::document(&value, "Lock", "v2.Lock")?;
    let mut lock = Lock::default();
    fields.text("generated", &mut lock.generated)?;
    fields.text("digest", &mut lock.digest)?;
    lock.dependencies = read_dependencies(&fields)?.read.unwrap_or_default();
    Ok(lock)
}

/// White space becomes blanks, and what cannot be printed goes.
fn sanitize(text: &mut String) {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return;
    }
    let clean = |it: char| {
        if it.is_whitespace() { Some(' ') } else { is_printable(it).then_some(it) }
    };
    *text = text.chars().filter_map(clean).collect();
}

/// Close to Go's `unicode.IsPrint`: letters, marks, numbers, punctuation and symbols.
fn is_printable(it: char) -> bool {
    !it.is_control()
        && !matches!(it, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{180e}')
        && !matches!(it, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        && !matches!(it, '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        && !matches!(it, '\u{e0000}'..='\u{e007f}' | '\u{f0000}'..)
}
