//! The four walks over an object with its schema: which fields it has, how two differ, merging, removing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::set::{FieldSet, Node, field_step, is_associative, item_step};
use crate::schema::{ANY, Shape, Type};

/// How a value is taken: as one, by items, or by keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Atom {
    Scalar,
    List { is_atomic: bool },
    Map { is_atomic: bool },
}

/// Where the schema leaves it open, the value says what it is; null is a map then.
fn atom(at: &Type, value: Option<&Value>) -> Atom {
    match at.shape() {
        Shape::Object | Shape::Map => Atom::Map { is_atomic: at.is_atomic() },
        Shape::List => Atom::List { is_atomic: !is_associative(at) },
        shape @ (Shape::Any | Shape::AnyAtomic | Shape::IntOrString) => match value {
            Some(Value::Object(_) | Value::Null) | None => {
                Atom::Map { is_atomic: shape == Shape::AnyAtomic || at.is_atomic() }
            }
            Some(Value::Array(_)) => Atom::List { is_atomic: true },
            Some(_) => Atom::Scalar,
        },
        _ => Atom::Scalar,
    }
}

fn below_key<'a>(at: &'a Type, key: &str) -> &'a Type {
    at.at_key(key).unwrap_or(&ANY)
}

fn below_item(at: &Type) -> &Type {
    at.element().unwrap_or(&ANY)
}

fn is_empty_map(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

/// The fields that an object has: leaves, items of associative lists, and keys that the schema does not name.
pub(super) fn field_set(at: &Type, object: &Value) -> FieldSet {
    fields_below(at, object).children
}

fn fields_below(at: &Type, value: &Value) -> Node {
    let mut node = Node::default();
    match (atom(at, Some(value)), value) {
        (Atom::Scalar | Atom::List { is_atomic: true } | Atom::Map { is_atomic: true }, _) => {
            return Node::member();
        }
        (Atom::List { .. }, Value::Array(items)) => {
            for (step, items) in by_step(at, Some(items)) {
                let mut below = match items[..] {
                    [only] => fields_below(below_item(at), only),
                    // Items that the key does not tell apart are owned as one.
                    _ => Node::default(),
                };
                below.is_member = true;
                node.children.insert(step, below);
            }
        }
        (Atom::Map { .. }, Value::Object(map)) => {
            for (key, value) in map {
                let mut below = fields_below(below_key(at, key), value);
                let is_leaf = value.is_null() || is_empty_map(value) || at.field(key).is_none();
                below.is_member |= is_leaf;
                node.children.insert(field_step(key), below);
            }
        }
        _ => {}
    }
    node
}

/// The items of an associative list by their step; items without one are left out.
fn by_step<'a>(at: &Type, items: Option<&'a Vec<Value>>) -> BTreeMap<String, Vec<&'a Value>> {
    let mut found: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for item in items.into_iter().flatten() {
        if let Ok(step) = item_step(at, item) {
            found.entry(step).or_default().push(item);
        }
    }
    found
}

/// The fields in which two objects differ.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) removed: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) added: FieldSet,
}

impl Comparison {
    /// Leaves out these fields, and all beneath them.
    pub(super) fn without(self, fields: &FieldSet) -> Self {
        Self {
            removed: self.removed.recursive_difference(fields),
            modified: self.modified.recursive_difference(fields),
            added: self.added.recursive_difference(fields),
        }
    }
}

/// What changes from one object to the other.
pub(super) fn compare(at: &Type, left: &Value, right: &Value) -> Comparison {
    let mut found = Difference::default();
    found.value(at, Some(left), Some(right));
    Comparison {
        removed: found.removed.children,
        modified: found.modified.children,
        added: found.added.children,
    }
}

/// The difference at one place: of the place itself, and of what lies beneath.
#[derive(Default)]
struct Difference {
    removed: Node,
    modified: Node,
    added: Node,
}

impl Difference {
    fn value(&mut self, at: &Type, left: Option<&Value>, right: Option<&Value>) {
        if left == right {
            return;
        }
        let (of_left, of_right) = (atom(at, left), atom(at, right));
        let is_leaf = match (left, right) {
            (_, None) => self.atom(of_left, at, left, right),
            (None, _) => self.atom(of_right, at, left, right),
            _ if of_left == of_right => self.atom(of_right, at, left, right),
            _ => {
                self.atom(of_left, at, left, right);
                self.atom(of_right, at, left, right)
            }
        };
        if !is_leaf {
            self.added.is_member |= left.is_none();
            self.removed.is_member |= right.is_none();
        }
    }

    /// Compares as this atom; whether the value was taken as one.
    fn atom(&mut self, atom: Atom, at: &Type, left: Option<&Value>, right: Option<&Value>) -> bool {
        let is_leaf = match atom {
            Atom::Scalar => true,
            Atom::List { is_atomic } => {
                let list =
                    |it: Option<&Value>| it.and_then(Value::as_array).is_none_or(Vec::is_empty);
                is_atomic || (list(left) && list(right))
            }
            Atom::Map { is_atomic } => {
                let map =
                    |it: Option<&Value>| it.and_then(Value::as_object).is_none_or(Map::is_empty);
                is_atomic || (map(left) && map(right))
            }
        };
        match (is_leaf, atom) {
            (true, _) => self.leaf(left, right),
            (false, Atom::List { .. }) => {
                self.items(at, left.and_then(Value::as_array), right.and_then(Value::as_array));
            }
            (false, _) => {
                self.keys(at, left.and_then(Value::as_object), right.and_then(Value::as_object));
            }
        }
        is_leaf
    }

    fn leaf(&mut self, left: Option<&Value>, right: Option<&Value>) {
        match (left, right) {
            (None, _) => self.added.is_member = true,
            (_, None) => self.removed.is_member = true,
            (left, right) => self.modified.is_member |= left != right,
        }
    }

    fn keys(
        &mut self,
        at: &Type,
        left: Option<&Map<String, Value>>,
        right: Option<&Map<String, Value>>,
    ) {
        let keys: BTreeSet<&String> =
            [left, right].into_iter().flatten().flat_map(Map::keys).collect();
        for key in keys {
            let mut below = Self::default();
            let (left, right) = (left.and_then(|it| it.get(key)), right.and_then(|it| it.get(key)));
            below.value(below_key(at, key), left, right);
            self.insert(field_step(key), below);
        }
    }

    fn items<'v>(
        &mut self,
        at: &Type,
        left: Option<&'v Vec<Value>>,
        right: Option<&'v Vec<Value>>,
    ) {
        let (left, right) = (by_step(at, left), by_step(at, right));
        let steps: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        for step in steps {
            let mut below = Self::default();
            let of = |side: Option<&Vec<&'v Value>>| side.cloned().unwrap_or_default();
            below.item(below_item(at), &of(left.get(step)), &of(right.get(step)));
            self.insert(step.clone(), below);
        }
    }

    /// Items that share a step are compared as one; so a step that is no longer shared is removed and added.
    fn item(&mut self, at: &Type, left: &[&Value], right: &[&Value]) {
        match (left, right) {
            ([] | [_], [] | [_]) => self.value(at, left.first().copied(), right.first().copied()),
            ([_, _, ..], [_, _, ..]) => self.modified.is_member |= left != right,
            ([_, _, ..], _) => {
                if let Some(right) = right.first() {
                    self.value(at, None, Some(right));
                }
                self.removed.is_member = true;
            }
            _ => {
                if let Some(left) = left.first() {
                    self.value(at, Some(left), None);
                }
                self.added.is_member = true;
            }
        }
    }

    fn insert(&mut self, step: String, below: Self) {
        self.removed.children.insert(step.clone(), below.removed);
        self.modified.children.insert(step.clone(), below.modified);
        self.added.children.insert(step, below.added);
    }
}

/// The left object with the right one merged into it.
pub(super) fn merge<'v>(
    at: &Type,
    left: Option<&'v Value>,
    right: Option<&'v Value>,
) -> Option<Value> {
    let of_right = atom(at, right.or(left));
    let whole = || right.or(left).cloned();
    match of_right {
        Atom::Scalar | Atom::List { is_atomic: true } | Atom::Map { is_atomic: true } => whole(),
        Atom::List { .. } => {
            let side =
                |it: Option<&'v Value>| it.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let (left, right) = (side(left), side(right));
            if left.is_empty() && right.is_empty() { whole() } else { merge_items(at, left, right) }
        }
        Atom::Map { .. } => {
            let side =
                |it: Option<&'v Value>| it.and_then(Value::as_object).filter(|it| !it.is_empty());
            match (side(left), side(right)) {
                (None, None) => whole(),
                (left, right) => merge_keys(at, left, right),
            }
        }
    }
}

fn merge_keys(
    at: &Type,
    left: Option<&Map<String, Value>>,
    right: Option<&Map<String, Value>>,
) -> Option<Value> {
    let keys: BTreeSet<&String> = [left, right].into_iter().flatten().flat_map(Map::keys).collect();
    let merged: Map<String, Value> = keys
        .into_iter()
        .filter_map(|key| {
            let merged = merge(
                below_key(at, key),
                left.and_then(|it| it.get(key)),
                right.and_then(|it| it.get(key)),
            )?;
            Some((key.clone(), merged))
        })
        .collect();
    (!merged.is_empty()).then_some(Value::Object(merged))
}

/// One side of a list that is merged.
struct Side<'a> {
    steps: Vec<String>,
    items: Vec<&'a Value>,
}

impl<'a> Side<'a> {
    fn new(at: &Type, items: &'a [Value]) -> Self {
        let known = items.iter().filter_map(|it| Some((item_step(at, it).ok()?, it)));
        let (steps, items) = known.unzip();
        Self { steps, items }
    }

    /// The item of a step; none when there are several.
    fn get(&self, step: &str) -> Option<&'a Value> {
        let mut found = self.steps.iter().zip(&self.items).filter(|(it, _)| *it == step);
        let first = found.next()?;
        found.next().is_none().then_some(first.1)
    }

    fn has(&self, step: &str) -> bool {
        self.steps.iter().any(|it| it == step)
    }
}

/// Merges items by step. The right side's order wins where both have items; what only the left has keeps
/// its place relative to them (upstream `visitListItems`).
fn merge_items(at: &Type, left: &[Value], right: &[Value]) -> Option<Value> {
    let (left, right) = (Side::new(at, left), Side::new(at, right));
    let below = below_item(at);
    let mut shared = right.steps.iter().filter(|it| left.has(it));
    let mut next_shared = shared.next();
    let mut done: BTreeSet<&String> = BTreeSet::new();
    let mut merged = Vec::new();
    let (mut left_idx, mut right_idx) = (0, 0);
    while left_idx < left.steps.len() || right_idx < right.steps.len() {
        let (of_left, of_right) = (left.steps.get(left_idx), right.steps.get(right_idx));
        if let (Some(step), Some(of_right)) = (of_left, of_right) {
            if step == of_right {
                done.insert(step);
                merged.extend(merge(below, left.get(step), right.get(step)));
                (left_idx, right_idx) = (left_idx + 1, right_idx + 1);
                next_shared = shared.next();
                continue;
            }
            if right.has(step) && next_shared.is_some_and(|it| it != step) {
                left_idx += 1;
                continue;
            }
        }
        if let Some(step) = of_left {
            if !right.has(step) {
                merged.extend(merge(below, Some(left.items[left_idx]), None));
                left_idx += 1;
                continue;
            }
            if done.contains(step) {
                left_idx += 1;
            }
        }
        if let Some(step) = of_right {
            done.insert(step);
            merged.extend(merge(below, left.get(step), right.get(step)));
            right_idx += 1;
            if next_shared == Some(step) {
                next_shared = shared.next();
            }
        }
    }
    (!merged.is_empty()).then_some(Value::Array(merged))
}

/// The object without these fields; what is emptied by it becomes null.
pub(super) fn remove(at: &Type, value: &Value, fields: &FieldSet) -> Value {
    match (atom(at, Some(value)), value) {
        (Atom::Scalar, _) => value.clone(),
        (Atom::List { is_atomic: false }, Value::Array(items)) => {
            let kept: Vec<Value> = items
                .iter()
                .filter_map(|item| {
                    let step = item_step(at, item).unwrap_or_default();
                    remove_below(below_item(at), item, fields.node(&step))
                })
                .collect();
            if kept.is_empty() { Value::Null } else { Value::Array(kept) }
        }
        (Atom::Map { is_atomic: false }, Value::Object(map)) => {
            let kept: Map<String, Value> = map
                .iter()
                .filter_map(|(key, value)| {
                    let node = fields.node(&field_step(key));
                    Some((key.clone(), remove_below(below_key(at, key), value, node)?))
                })
                .collect();
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        _ => Value::Null,
    }
}

fn remove_below(at: &Type, value: &Value, node: Option<&Node>) -> Option<Value> {
    match node {
        None => Some(value.clone()),
        Some(node) if node.is_member => None,
        Some(node) => Some(remove(at, value, &node.children)),
    }
}
