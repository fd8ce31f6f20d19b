//! What made a field of the output: which values, files and flags, and which line of a template.
//!
//! A value matters when the field is another one once the value is. So the chart is rendered again with
//! other values: first with whole tables changed, then with what is in those that matter.

use std::fmt;

use goyaml::Value;

use crate::{
    actions,
    attempt::attempt,
    check::{object_name, text},
    diagnosis::{Author, Place},
    diff::show,
    fields, marks,
    origin::{Origin, Origins, find},
    render::Rendered,
    similar::nearest,
};

mod vary;

/// Fields that are told of one by one.
const FIELDS_MAX: usize = 20;
/// Renderings that are worth an answer.
const RENDERINGS_MAX: usize = 2_000;

/// Why nothing is explained.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ExplainError {
    #[error("no object {0:?} is rendered")]
    NoObject(String),
    #[error("{object} has no field {field:?}")]
    NoField { object: String, field: String },
}

impl ExplainError {
    /// What is there instead, for a hint.
    pub fn hint(&self, rendered: &Rendered) -> Option<String> {
        let objects = objects(rendered);
        match self {
            Self::NoObject(wanted) => {
                let names: Vec<&str> = objects.iter().map(|it| it.name.as_str()).collect();
                let word = wanted.split('.').next().unwrap_or_default();
                let near = nearest(word, names.iter().copied());
                near.map(|it| format!("did you mean {it}?"))
                    .or_else(|| Some(format!("there are {}", names.join(", "))))
            }
            Self::NoField { object, field } => {
                let object = objects.iter().find(|it| it.name == *object)?;
                let leaves = fields::leaves(&object.value);
                let paths = leaves.iter().map(|(path, _)| path.as_str());
                let near = nearest(field, paths).map(|it| format!("did you mean {it}?"));
                let parent = field.rsplit_once('.').map_or("", |(parent, _)| parent);
                near.or_else(|| {
                    let Some(Value::Map(entries)) = find(&object.value, parent) else {
                        return None;
                    };
                    let keys: Vec<&str> = entries.iter().map(|(key, _)| &**key).collect();
                    Some(format!("there are {}", keys.join(", ")))
                })
            }
        }
    }
}

/// What made the fields at a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// `Deployment/faro`
    pub object: String,
    /// In their order; at most twenty.
    pub fields: Vec<Field>,
    /// How many more there are.
    pub n_more: usize,
    /// What they depend on.
    pub causes: Vec<Cause>,
    /// Whether there were too many values to try them all.
    pub is_partial: bool,
}

/// A field with the line that printed it.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// `spec.replicas`
    pub path: String,
    pub value: Value,
    /// Nothing when the template's lines cannot be told.
    pub template: Option<Place>,
    /// What stands there.
    pub source: String,
    /// The named templates that the line includes, with their places.
    pub includes: Vec<(String, Place)>,
}

/// Something without which the fields would be others.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// `.Values.replicas`, `.Release.Name`
    pub name: String,
    /// As it was for this rendering.
    pub value: Value,
    /// Who says so, the one that counts first; empty for what is no value.
    pub origins: Vec<Origin>,
    /// Whether the object itself comes and goes with it.
    pub decides_presence: bool,
}

/// Explains `KIND/NAME` or `KIND/NAME.field`; the chart has just been rendered to `rendered`.
pub fn explain(
    author: &Author<'_>,
    rendered: &Rendered,
    target: &str,
) -> Result<Explanation, ExplainError> {
    let objects = objects(rendered);
    let (object, path) = locate(&objects, target)?;
    let leaves = fields::leaves(&object.value);
    let mine: Vec<_> = leaves.into_iter().filter(|(it, _)| is_within(it, path)).collect();
    if mine.is_empty() {
        let (object, field) = (object.name.clone(), path.to_owned());
        return Err(ExplainError::NoField { object, field });
    }
    let origins = Origins::new(author.chart, author.folder, author.sources);
    let lines = Lines::of(author, object);
    let field = |(path, value): &(String, &Value)| lines.field(author, path, value);
    let shown: Vec<Field> = mine.iter().take(FIELDS_MAX).map(field).collect();
    let mut trial = vary::Trial::new(author, object, path);
    let causes = trial.causes(&origins);
    Ok(Explanation {
        object: object.name.clone(),
        n_more: mine.len() - shown.len(),
        fields: shown,
        causes,
        is_partial: trial.is_exhausted(),
    })
}

/// Whether a leaf is the field, or in it.
fn is_within(leaf: &str, path: &str) -> bool {
    path.is_empty()
        || leaf.strip_prefix(path).is_some_and(|it| it.is_empty() || it.starts_with(['.', '[']))
}

/// A rendered object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// `Deployment/faro`
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) content: String,
    pub(crate) value: Value,
    /// How many objects of its kind come before it in its file.
    pub(crate) place: usize,
}

pub(crate) fn objects(rendered: &Rendered) -> Vec<Object> {
    let manifests = rendered.manifests.iter().map(|it| (&it.source, &it.content));
    let hooks = rendered.hooks.iter().map(|it| (&it.path, &it.manifest));
    let mut objects: Vec<Object> = Vec::new();
    for (source, content) in manifests.chain(hooks) {
        let Ok(value @ Value::Map(_)) = goyaml::read(content.as_bytes()) else { continue };
        let same = |it: &&Object| it.source == *source && kind(&it.value) == kind(&value);
        let place = objects.iter().filter(same).count();
        let name = object_name(&value);
        let (source, content) = (source.clone(), content.clone());
        objects.push(Object { name, source, content, value, place });
    }
    objects
}

pub(crate) fn kind(object: &Value) -> &str {
    text(object, "kind")
}

/// The object with the longest name that a path begins with, and the rest of the path.
fn locate<'o, 't>(
    objects: &'o [Object],
    target: &'t str,
) -> Result<(&'o Object, &'t str), ExplainError> {
    let rest = |object: &Object| {
        let head = target.get(..object.name.len())?;
        let rest = &target[object.name.len()..];
        (head.eq_ignore_ascii_case(&object.name)
            && (rest.is_empty() || rest.starts_with(['.', '['])))
        .then(|| rest.trim_start_matches('.'))
    };
    let found = objects.iter().filter_map(|it| Some((it, rest(it)?)));
    found
        .max_by_key(|(object, _)| object.name.len())
        .ok_or_else(|| ExplainError::NoObject(target.to_owned()))
}

/// Where the lines of an object come from.
struct Lines<'o> {
    object: &'o Object,
    /// The template's lines for those of the whole output of the file.
    sources: Vec<Option<usize>>,
    /// The line of the output on which the object begins, from 0.
    first: usize,
    texts: Vec<(String, String)>,
}

impl<'o> Lines<'o> {
    fn of(author: &Author<'_>, object: &'o Object) -> Self {
        let plain = attempt(author.chart, author.values, &author.inputs).unwrap_or_default();
        let marked = attempt(&marks::marked(author.chart), author.values, &author.inputs);
        let output = plain.files.get(&object.source).cloned().unwrap_or_default();
        let sources = marked.and_then(|it| Some(marks::lines(it.files.get(&object.source)?)));
        let n_lines = output.split('\n').count();
        let sources = sources.filter(|it| it.len() == n_lines).unwrap_or_default();
        let before = output.find(&object.content).unwrap_or_default();
        let first = output[..before].matches('\n').count();
        Self { object, sources, first, texts: plain.texts.into_iter().collect() }
    }

    fn field(&self, author: &Author<'_>, path: &str, value: &Value) -> Field {
        let places = fields::places(&self.object.content);
        let line = places.get(path).map(|it| self.first + it.line);
        let template = line.and_then(|it| self.sources.get(it).copied().flatten());
        let text = self.texts.iter().find(|(path, _)| *path == self.object.source);
        let source = template.and_then(|it| text?.1.lines().nth(it - 1)).unwrap_or_default().trim();
        let place = |line| Place { file: author.file(&self.object.source), line, column: None };
        Field {
            path: path.to_owned(),
            value: value.clone(),
            template: template.map(place),
            source: source.to_owned(),
            includes: self.includes(author, source),
        }
    }

    /// The named templates that a line includes.
    fn includes(&self, author: &Author<'_>, source: &str) -> Vec<(String, Place)> {
        let mut includes = Vec::new();
        for word in ["include \"", "template \""] {
            for (start, _) in source.match_indices(word) {
                let name = source[start + word.len()..].split('"').next().unwrap_or_default();
                let wanted = format!("define \"{name}\"");
                // What is parsed last counts: the parent's files, which come last by depth.
                let mut found = self.texts.iter().filter_map(|(path, text)| {
                    let line = actions::line_of(text, text.find(&wanted)?);
                    Some((path.matches('/').count(), path, line))
                });
                let first = found.next();
                let best = found.fold(first, |best, it| match best {
                    Some(best) if best.0 <= it.0 => Some(best),
                    _ => Some(it),
                });
                if let Some((_, path, line)) = best {
                    let place = Place { file: author.file(path), line, column: None };
                    includes.push((name.to_owned(), place));
                }
            }
        }
        includes
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.object)?;
        for field in &self.fields {
            writeln!(f, "  {} = {}", field.path, show(&field.value))?;
            if let Some(place) = &field.template {
                writeln!(f, "      {place}: {}", field.source)?;
            }
            for (name, place) in &field.includes {
                writeln!(f, "      {place}: define {name:?}")?;
            }
        }
        if self.n_more > 0 {
            writeln!(f, "  and {} fields more", self.n_more)?;
        }
        let (own, other): (Vec<&Cause>, Vec<&Cause>) =
            self.causes.iter().partition(|it| !it.decides_presence);
        for (title, causes) in [("made of", own), ("there because of", other)] {
            if causes.is_empty() {
                continue;
            }
            writeln!(f, "{title}")?;
            for cause in causes {
                write!(f, "  {} = {}", cause.name, show(&cause.value))?;
                match cause.origins.split_first() {
                    None => writeln!(f)?,
                    Some((first, others)) => {
                        writeln!(f, "  from {first}")?;
                        for other in others {
                            writeln!(f, "      instead of {} of {other}", show(&other.value))?;
                        }
                    }
                }
            }
        }
        if self.causes.is_empty() {
            writeln!(f, "no value changes it")?;
        }
        if self.is_partial {
            writeln!(f, "there were more values than were tried")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
