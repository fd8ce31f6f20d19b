//! Renderings with other values than those that were given.

use std::rc::Rc;

use gotmpl::{Map, Value as Live};
use goyaml::Value;

use super::{Cause, Object, RENDERINGS_MAX, is_within, kind, objects};
use crate::{
    attempt::attempt,
    chart::Chart,
    diagnosis::Author,
    fields,
    origin::{Origin, Origins, paths_in},
    release::Release,
    render::{Options, render_with},
    values::{Table, Values, get_mut, insert},
};

/// What a field is tried against.
pub(super) struct Trial<'a> {
    author: &'a Author<'a>,
    object: &'a Object,
    path: &'a str,
    /// The field as it is: its leaves.
    before: Vec<(String, Value)>,
    /// What templates see as `.Values`, in the types of values files.
    seen: Value,
    n_renderings: usize,
}

/// What becomes of the field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Effect {
    None,
    Changed,
    /// The object is not there any more.
    Gone,
    /// The chart does not render: the value may matter, or not.
    Unknown,
}

impl<'a> Trial<'a> {
    pub(super) fn new(author: &'a Author<'a>, object: &'a Object, path: &'a str) -> Self {
        let attempt = attempt(author.chart, author.values, &author.inputs).unwrap_or_default();
        let seen = from_live(&Live::Map(attempt.values));
        let before = own(&object.value, path);
        Self { author, object, path, before, seen, n_renderings: 0 }
    }

    pub(super) fn is_exhausted(&self) -> bool {
        RENDERINGS_MAX <= self.n_renderings
    }

    /// The values that matter, then what is no value.
    pub(super) fn causes(&mut self, origins: &Origins) -> Vec<Cause> {
        let mut causes = Vec::new();
        let seen = self.seen.clone();
        self.descend("", &seen, origins, &mut causes);
        self.others(&mut causes);
        causes
    }

    fn descend(&mut self, path: &str, value: &Value, origins: &Origins, causes: &mut Vec<Cause>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Map(entries) if !entries.is_empty() => {
                entries.iter().map(|(key, value)| (fields::key(path, key), value)).collect()
            }
            Value::List(items) if !items.is_empty() => {
                let path = |item_idx| fields::item(path, item_idx);
                items.iter().enumerate().map(|(item_idx, value)| (path(item_idx), value)).collect()
            }
            _ => Vec::new(),
        };
        for (path, value) in children {
            if self.is_exhausted() {
                return;
            }
            let is_table = matches!(value, Value::Map(it) if !it.is_empty());
            let is_list = matches!(value, Value::List(it) if !it.is_empty());
            let n_before = causes.len();
            match self.effect_of(&path, value) {
                Effect::None => {}
                Effect::Unknown if !is_table && !is_list => {
                    if self.is_named(&path) {
                        causes.push(cause(&path, value, origins, false));
                    }
                }
                effect => {
                    if is_table || is_list {
                        self.descend(&path, value, origins, causes);
                    }
                    // A table that matters as a whole, and none of what is in it.
                    if causes.len() == n_before && effect != Effect::Unknown {
                        causes.push(cause(&path, value, origins, effect == Effect::Gone));
                    }
                }
            }
        }
    }

    /// Whether the lines that print the object name a value.
    fn is_named(&self, path: &str) -> bool {
        let files = self.author.chart.templates.iter();
        let own = self.object.source.split_once('/').map_or("", |(_, path)| path);
        let mut texts = files.filter(|it| it.path == own);
        texts.any(|it| {
            paths_in(&self.object.source, &String::from_utf8_lossy(&it.data))
                .iter()
                .any(|it| path == it || path.starts_with(&format!("{it}.")))
        })
    }

    /// What other values at a path do.
    fn effect_of(&mut self, path: &str, value: &Value) -> Effect {
        let mut worst = Effect::Unknown;
        for other in variants(value) {
            let mut table = self.author.values.table.clone();
            set(&mut table, &self.seen, path, other);
            match self.render(&Values { table }, None, None) {
                Effect::Unknown => {}
                Effect::None => worst = Effect::None,
                effect => return effect,
            }
        }
        worst
    }

    /// The release, the chart's versions.
    fn others(&mut self, causes: &mut Vec<Cause>) {
        let release = self.author.inputs.release.clone();
        let chart = self.author.chart;
        let other = |text: &str| format!("{text}x");
        let releases = [
            (
                ".Release.Name",
                &release.name,
                Release { name: other(&release.name), ..release.clone() },
            ),
            (
                ".Release.Namespace",
                &release.namespace,
                Release { namespace: other(&release.namespace), ..release.clone() },
            ),
        ];
        let values = self.author.values;
        let plain = |name: &str, value: &str, effect| Cause {
            name: name.to_owned(),
            value: Value::String(value.into()),
            origins: Vec::new(),
            decides_presence: effect == Effect::Gone,
        };
        for (name, value, changed) in &releases {
            let effect = self.render(values, Some(changed), None);
            if matches!(effect, Effect::Changed | Effect::Gone) {
                causes.push(plain(name, value, effect));
            }
        }
        for (name, field) in [(".Chart.Version", "version"), (".Chart.AppVersion", "appVersion")] {
            let mut changed = chart.clone();
            let text = if field == "version" {
                &mut changed.metadata.version
            } else {
                &mut changed.metadata.app_version
            };
            let before = text.clone();
            text.push('1');
            let effect = self.render(values, None, Some(&changed));
            if matches!(effect, Effect::Changed | Effect::Gone) {
                let origin = self.in_chart_yaml(field, &before);
                causes.push(Cause {
                    origins: origin.into_iter().collect(),
                    ..plain(name, &before, effect)
                });
            }
        }
    }

    fn in_chart_yaml(&self, field: &str, value: &str) -> Option<Origin> {
        let mut files = self.author.chart.raw.iter().filter(|it| it.path == "Chart.yaml");
        let places = fields::places(&String::from_utf8_lossy(&files.next()?.data));
        Some(Origin {
            source: format!("{}/Chart.yaml", self.author.folder.trim_end_matches('/')),
            line: Some(places.get(field)?.line + 1),
            value: Value::String(value.into()),
        })
    }

    fn render(
        &mut self,
        values: &Values,
        release: Option<&Release>,
        chart: Option<&Chart>,
    ) -> Effect {
        self.n_renderings += 1;
        let mut inputs = self.author.inputs;
        inputs.options = Options { skips_schema: true, ..inputs.options };
        inputs.release = release.unwrap_or(inputs.release);
        let chart = chart.unwrap_or(self.author.chart);
        let Ok(rendered) = render_with(chart, values, &inputs) else { return Effect::Unknown };
        let same = |it: &Object| {
            it.source == self.object.source
                && it.place == self.object.place
                && kind(&it.value) == kind(&self.object.value)
        };
        match objects(&rendered).into_iter().find(same) {
            None => Effect::Gone,
            Some(it) if own(&it.value, self.path) == self.before => Effect::None,
            Some(_) => Effect::Changed,
        }
    }
}

fn cause(path: &str, value: &Value, origins: &Origins, decides_presence: bool) -> Cause {
    let name = format!(".Values.{path}");
    Cause { name, value: value.clone(), origins: origins.of(path), decides_presence }
}

/// The leaves of a field.
fn own(object: &Value, path: &str) -> Vec<(String, Value)> {
    let leaves = fields::leaves(object).into_iter();
    leaves.filter(|(it, _)| is_within(it, path)).map(|(it, value)| (it, value.clone())).collect()
}

/// Other values, as alike as can be: a chart may refuse one that is of another kind.
fn variants(value: &Value) -> Vec<Value> {
    let text = |text: &str| Value::String(text.into());
    match value {
        Value::Null => vec![text("zarpa"), Value::Bool(true)],
        Value::Bool(truth) => vec![Value::Bool(!truth)],
        Value::Int(number) => vec![Value::Int(number.wrapping_add(1))],
        Value::Uint(number) => vec![Value::Uint(number.wrapping_add(1))],
        Value::Float(number) => vec![Value::Float(number + 1.0)],
        Value::String(it) if it.is_empty() => vec![text("zarpa"), text("1")],
        Value::String(it) => vec![text(&format!("{it}1")), text("")],
        Value::List(items) if items.is_empty() => {
            vec![
                Value::List(vec![text("zarpa")]),
                Value::List(vec![Value::Map(vec![("name".into(), text("zarpa"))])]),
            ]
        }
        Value::Map(entries) if entries.is_empty() => {
            vec![Value::Map(vec![("zarpa".into(), text("zarpa"))])]
        }
        Value::List(items) => {
            let changed = items.iter().filter_map(|it| variants(it).into_iter().next());
            vec![Value::List(changed.collect())]
        }
        Value::Map(entries) => {
            let changed = entries.iter().filter_map(|(key, value)| {
                Some((key.clone(), variants(value).into_iter().next()?))
            });
            vec![Value::Map(changed.collect())]
        }
    }
}

/// Sets a value among a user's; a list on the way is taken over from what templates see.
fn set(table: &mut Table, seen: &Value, path: &str, value: Value) {
    let Value::Map(entries) = seen else { return };
    let Some((key, below)) = entries.iter().find_map(|(key, below)| {
        let rest = path.strip_prefix(&**key)?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then_some((key, below))
    }) else {
        return;
    };
    let rest = path[key.len()..].trim_start_matches('.');
    if rest.is_empty() {
        return insert(table, key, value);
    }
    match below {
        Value::List(_) => {
            let mut list = below.clone();
            replace(&mut list, rest, value);
            insert(table, key, list);
        }
        below => {
            if !matches!(get_mut(table, key), Some(Value::Map(_))) {
                insert(table, key, Value::Map(Table::new()));
            }
            if let Some(Value::Map(inner)) = get_mut(table, key) {
                set(inner, below, rest, value);
            }
        }
    }
}

/// Replaces what stands at a path that is there.
fn replace(at: &mut Value, path: &str, value: Value) {
    if path.is_empty() {
        *at = value;
        return;
    }
    match at {
        Value::List(items) => {
            let Some((number, rest)) = path.strip_prefix('[').and_then(|it| it.split_once(']'))
            else {
                return;
            };
            if let Some(item) = number.parse::<usize>().ok().and_then(|it| items.get_mut(it)) {
                replace(item, rest.trim_start_matches('.'), value);
            }
        }
        Value::Map(entries) => {
            let found = entries.iter_mut().find_map(|(key, below)| {
                let rest = path.strip_prefix(&**key)?;
                (rest.is_empty() || rest.starts_with(['.', '['])).then_some((rest, below))
            });
            if let Some((rest, below)) = found {
                replace(below, rest.trim_start_matches('.'), value);
            }
        }
        _ => {}
    }
}

/// Values as files and flags have them.
fn from_live(value: &Live) -> Value {
    match value {
        Live::Bool(truth) => Value::Bool(*truth),
        Live::Int(number) | Live::Int64(number) => Value::Int(*number),
        Live::Float64(number) => Value::Float(*number),
        Live::String(text) => Value::String(text.to_text().as_ref().into()),
        Live::List(items) => Value::List(items.iter().map(from_live).collect()),
        Live::Map(map) | Live::Values(map) => Value::Map(table(map)),
        _ => Value::Null,
    }
}

fn table(map: &Map) -> Table {
    let entry = |(key, value): &(Rc<str>, Live)| (Box::from(&**key), from_live(value));
    let mut table: Table = map.entries().iter().map(entry).collect();
    table.sort_by(|one, two| one.0.cmp(&two.0));
    table
}
