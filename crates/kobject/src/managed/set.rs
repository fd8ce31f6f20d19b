//! A set of fields of an object, as a tree; its JSON form is FieldsV1.

use std::collections::{BTreeMap, btree_map::Entry};

use serde_json::{Map, Value};

use crate::schema::{Shape, Type};

/// A set of fields. Steps are written as FieldsV1 writes them: `f:spec`, `k:{"name":"web"}`, `v:"a"`, `i:0`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSet {
    nodes: BTreeMap<String, Node>,
}

/// A step: whether the field itself is in the set, and what lies beneath.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) is_member: bool,
    pub(super) children: FieldSet,
}

impl Node {
    pub(super) fn member() -> Self {
        Self { is_member: true, children: FieldSet::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.is_member && self.children.is_empty()
    }
}

/// The step to a named field.
pub(super) fn field_step(name: &str) -> String {
    format!("f:{name}")
}

impl FieldSet {
    /// Whether no field is in the set.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The fields of named steps: `["metadata", "labels"]`.
    pub(super) fn of_paths(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let Some((last, parents)) = path.split_last() else { continue };
            let mut at = &mut set;
            for step in parents {
                at = &mut at.nodes.entry(field_step(step)).or_default().children;
            }
            at.nodes.entry(field_step(last)).or_default().is_member = true;
        }
        set
    }

    /// Adds a step with all beneath it; an empty one is not added.
    pub(super) fn insert(&mut self, step: String, node: Node) {
        if node.is_empty() {
            return;
        }
        match self.nodes.entry(step) {
            Entry::Vacant(place) => {
                place.insert(node);
            }
            Entry::Occupied(mut place) => {
                let place = place.get_mut();
                place.is_member |= node.is_member;
                place.children = place.children.union(&node.children);
            }
        }
    }

    pub(super) fn node(&self, step: &str) -> Option<&Node> {
        self.nodes.get(step)
    }

    /// The fields of either set.
    pub fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        for (step, node) in &other.nodes {
            let place = union.nodes.entry(step.clone()).or_default();
            place.is_member |= node.is_member;
            place.children = place.children.union(&node.children);
        }
        union
    }

    /// The fields of both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(|step, node| {
            let other = other.nodes.get(step);
            Node {
                is_member: node.is_member && other.is_some_and(|it| it.is_member),
                children: other
                    .map(|it| node.children.intersection(&it.children))
                    .unwrap_or_default(),
            }
        })
    }

    /// The fields of this set that are not in the other.
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(|step, node| match other.nodes.get(step) {
            Some(other) => Node {
                is_member: node.is_member && !other.is_member,
                children: node.children.difference(&other.children),
            },
            None => node.clone(),
        })
    }

    /// The fields of this set that are neither in the other nor beneath one that is.
    pub(super) fn recursive_difference(&self, other: &Self) -> Self {
        self.combine(|step, node| match other.nodes.get(step) {
            Some(other) if other.is_member => Node::default(),
            Some(other) => Node {
                is_member: node.is_member,
                children: node.children.recursive_difference(&other.children),
            },
            None => node.clone(),
        })
    }

    fn combine(&self, rule: impl Fn(&str, &Node) -> Node) -> Self {
        let combined = self.nodes.iter().map(|(step, node)| (step.clone(), rule(step, node)));
        Self { nodes: combined.filter(|(_, node)| !node.is_empty()).collect() }
    }

    /// The set, and every field that the schema names on the way to one of the set.
    pub(super) fn with_named_members(&self, at: &Type) -> Self {
        self.combine(|step, node| {
            let name = step.strip_prefix("f:");
            let is_named = name.is_some_and(|it| at.field(it).is_some());
            let below = match name {
                Some(name) => at.at_key(name),
                None => at.element(),
            };
            let below = below.unwrap_or(&crate::schema::ANY);
            Node {
                is_member: node.is_member || (is_named && !node.children.is_empty()),
                children: node.children.with_named_members(below),
            }
        })
    }

    /// Every field as messages print it, parents before what lies beneath them.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        paths
    }

    fn collect_paths(&self, prefix: &str, paths: &mut Vec<String>) {
        let printed: Vec<(String, &Node)> = self
            .nodes
            .iter()
            .map(|(step, node)| (format!("{prefix}{}", print(step)), node))
            .collect();
        let members = printed.iter().filter(|(_, node)| node.is_member);
        paths.extend(members.map(|(path, _)| path.clone()));
        for (path, node) in &printed {
            node.children.collect_paths(path, paths);
        }
    }

    /// The FieldsV1 form.
    pub fn to_json(&self) -> Value {
        Value::Object(self.to_map(false))
    }

    fn to_map(&self, includes_self: bool) -> Map<String, Value> {
        let mut map = Map::new();
        if includes_self && !self.is_empty() {
            map.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (step, node) in &self.nodes {
            map.insert(step.clone(), Value::Object(node.children.to_map(node.is_member)));
        }
        map
    }

    /// Reads the FieldsV1 form; steps of a kind that is not known are dropped, as upstream does.
    pub fn from_json(fields: &Value) -> Self {
        Self::read(fields).children
    }

    fn read(fields: &Value) -> Node {
        let mut node = Node::default();
        for (step, below) in fields.as_object().into_iter().flatten() {
            if step == "." {
                node.is_member = true;
            } else if let Some(step) = normal_step(step) {
                node.children.insert(step, Self::read(below));
            }
        }
        node.is_member |= node.children.is_empty();
        node
    }
}

/// A step in the one form in which we write it, so that equal steps are equal texts.
fn normal_step(step: &str) -> Option<String> {
    match step.split_at_checked(2)? {
        ("f:" | "i:", _) => Some(step.to_owned()),
        (prefix @ ("k:" | "v:"), json) => {
            let value: Value = serde_json::from_str(json).ok()?;
            Some(format!("{prefix}{value}"))
        }
        _ => None,
    }
}

/// Prints a step as messages do: `.name`, `[name="web"]`, `[="a"]`, `[0]`.
pub(super) fn print(step: &str) -> String {
    let (prefix, rest) = step.split_at_checked(2).unwrap_or(("", step));
    match prefix {
        "f:" => format!(".{rest}"),
        "k:" => {
            let keys: Map<String, Value> = serde_json::from_str(rest).unwrap_or_default();
            let keys: Vec<String> = keys.iter().map(|(name, it)| format!("{name}={it}")).collect();
            format!("[{}]", keys.join(","))
        }
        "v:" => format!("[={rest}]"),
        _ => format!("[{rest}]"),
    }
}

/// The step to an item of an associative list.
///
/// # Errors
/// The item has none, with upstream's words for why.
pub(super) fn item_step(list: &Type, item: &Value) -> Result<String, String> {
    let keys = list.map_keys();
    if keys.is_empty() {
        return match item {
            Value::Object(_) => {
                Err("associative list without keys has an element that's a map type".to_owned())
            }
            Value::Array(_) => {
                Err("not supported: associative list with lists as elements".to_owned())
            }
            Value::Null => {
                Err("associative list without keys has an element that's an explicit null"
                    .to_owned())
            }
            scalar => Ok(format!("v:{scalar}")),
        };
    }
    let Value::Object(item) = item else {
        let what = if item.is_null() { "a null element" } else { "non-map elements" };
        return Err(format!("associative list with keys may not have {what}"));
    };
    let mut found = Map::new();
    for key in keys {
        let default = || list.element().and_then(|it| it.field(key)).and_then(Type::default_value);
        if let Some(value) = item.get(&**key).or_else(default) {
            found.insert(key.to_string(), value.clone());
        }
    }
    if found.is_empty() {
        let names: Vec<String> = keys.iter().map(|it| format!("{it:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] \
             (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    Ok(format!("k:{}", Value::Object(found)))
}

/// Whether a list is merged item by item.
pub(super) fn is_associative(at: &Type) -> bool {
    at.shape() == Shape::List && at.list_type() != crate::schema::ListType::Atomic
}
