//! A rendering that does not stop at the first problem.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use gotmpl::{Context, ExecuteError, Map, ParseError, Templates, Value};

use crate::{
    actions::{Piece, first_word, segments},
    chart::Chart,
    coalesce::{Nulls, coalesce},
    dependency::enable,
    functions::Host,
    imports::import,
    pathname,
    render::{Inputs, to_template_values},
    scope::templates,
    tree::Node,
    values::Values,
};

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    /// The templates' texts, by their paths in the output.
    pub(crate) texts: BTreeMap<String, String>,
    /// What each template rendered to, where it did.
    pub(crate) files: BTreeMap<String, String>,
    /// Texts that are no templates; nothing was executed then.
    pub(crate) parse_errors: Vec<ParseError>,
    pub(crate) failures: Vec<(String, ExecuteError)>,
    /// In lint mode, what `required` and `fail` would have said.
    pub(crate) pardoned: Vec<String>,
    /// The values that templates saw at first.
    pub(crate) values: Map,
    defined: OnceCell<BTreeSet<String>>,
}

impl Attempt {
    /// The names that templates define.
    pub(crate) fn defined(&self) -> &BTreeSet<String> {
        self.defined.get_or_init(|| {
            let mut names = BTreeSet::new();
            for text in self.texts.values() {
                for segment in segments(text).into_iter().filter(|it| it.piece == Piece::Action) {
                    let inner = &text[segment.inner];
                    if ["define", "block"].contains(&first_word(inner)) {
                        names.extend(inner.split('"').nth(1).map(str::to_owned));
                    }
                }
            }
            names
        })
    }
}

/// Renders what can be rendered; nothing when not even the values fit together.
pub(crate) fn attempt(chart: &Chart, values: &Values, inputs: &Inputs<'_>) -> Option<Attempt> {
    let mut log = Vec::new();
    let values = to_template_values(values);
    let mut root = Node::new(chart);
    enable(&mut root, &values, "", &mut log).ok()?;
    import(&mut root, &mut log).ok()?;
    let values = coalesce(&root, &values, Nulls::Remove, &mut log).ok()?;
    let mut attempt = Attempt { values: values.deep_copy(), ..Attempt::default() };
    let templates = templates(&root, values, inputs.release, inputs.capabilities);
    let limits = inputs.options.limits;
    let host = Host::new(inputs.source, inputs.options.is_lint);
    let parsed = inputs.source.cache().map_or_else(Templates::new, Templates::with_cache);
    let mut order: Vec<_> = templates.iter().collect();
    let depth = |path: &str| path.bytes().filter(|byte| *byte == b'/').count();
    order.sort_by(|(one, _), (two, _)| (depth(two), two).cmp(&(depth(one), one)));
    for (path, template) in &order {
        let text = String::from_utf8_lossy(template.text).into_owned();
        attempt.texts.insert((*path).clone(), text);
        let result = parsed.parse(path, template.text.clone(), &host, limits.stack_bytes_max);
        attempt.parse_errors.extend(result.err());
    }
    if !attempt.parse_errors.is_empty() {
        return Some(attempt);
    }
    let mut context = Context::new(&parsed, &host, limits);
    for (path, template) in order {
        if pathname::base(path).starts_with('_') {
            continue;
        }
        let about = Map::from_iter([
            ("BasePath", Value::from(template.base_path.as_str())),
            ("Name", Value::from(path.as_str())),
        ]);
        template.scope.insert("Template", Value::Values(about));
        match context.execute(path, &Value::Values(template.scope.clone())) {
            Ok(text) => {
                attempt.files.insert(path.clone(), text.to_text().replace("<no value>", ""));
            }
            Err(error) => attempt.failures.push((path.clone(), error)),
        }
    }
    drop(context);
    attempt.pardoned = host.pardoned.take();
    Some(attempt)
}
