//! Which fields of a live object change when a manifest is applied to it.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    fields::{self, Fields, MANAGER, key_value},
    object,
};

/// One field that changes; neither side is ever both absent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// `spec.template.spec.containers[name=faro].image`.
    pub path: String,
    pub old: Option<Value>,
    pub new: Option<Value>,
    /// The other managers that set the live value: to apply the new one conflicts with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
}

/// `spec.replicas: 2 → 3`, with values as JSON; what is absent is left out.
impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "{}: {old} → {new}", self.path),
            (Some(old), None) => write!(f, "{}: {old} removed", self.path),
            (None, Some(new)) => write!(f, "{}: {new} added", self.path),
            (None, None) => f.write_str(&self.path),
        }?;
        self.set_by.iter().try_for_each(|managers| write!(f, " (set by {managers})"))
    }
}

/// Compares the manifest to apply with the live object.
///
/// - Fields that only the server set (defaults, status) do not count.
/// - A field that `helm` owns and whose manifest has not changed since it was applied does not count either,
///   for then the server holds it in its own notation (`1000m` as `1`).
/// - A field goes when `helm` owns it alone and the manifest no longer has it; without such ownership data in
///   the live object, or when Helm wrote it client-side, when the `previous` manifest had it.
pub fn changes(desired: &Value, previous: Option<Previous<'_>>, live: &Value) -> Vec<FieldChange> {
    let ours = fields::owned_by(live, |it| it == MANAGER);
    let others = fields::owned_by(live, |it| it != MANAGER);
    let desired = normal(desired);
    let was_applied = previous.is_some_and(|it| it.was_applied);
    let previous = previous.map(|it| normal(it.manifest));
    let is_owner_known = ours.is_object() && !fields::is_client_side(live);
    let sides = Sides {
        previous: previous.as_ref(),
        was_applied,
        ours: Fields::of(&ours),
        others: Fields::of(&others),
        trusts_previous: !is_owner_known,
    };
    let mut walk = Walk { path: Vec::new(), changes: Vec::new() };
    walk.value(&desired, live, sides);
    walk.changes
}

/// The manifest of an object in the revision before.
#[derive(Debug, Clone, Copy)]
pub struct Previous<'a> {
    pub manifest: &'a Value,
    /// It is what was applied last. After a revision that failed, nobody knows how far that one came.
    pub was_applied: bool,
}

/// What is known of a place beside its desired and its live value.
#[derive(Clone, Copy)]
struct Sides<'a> {
    previous: Option<&'a Value>,
    was_applied: bool,
    ours: Fields<'a>,
    others: Fields<'a>,
    /// The live object has no fields of ours, or this is inside a list that is owned as a whole.
    trusts_previous: bool,
}

impl<'a> Sides<'a> {
    fn field(self, name: &str) -> Self {
        Self {
            previous: self.previous.and_then(|it| it.get(name)),
            ours: self.ours.field(name),
            others: self.others.field(name),
            was_applied: self.was_applied,
            // Owned as one value, or owned when it was empty: the server may have filled it.
            trusts_previous: self.trusts_previous || matches!(self.ours, Fields::Whole(_)),
        }
    }

    fn item(self, item: &Value, keys: &[String]) -> Self {
        let previous = self.previous.and_then(|it| find(it, item, keys));
        Self { previous, ours: self.ours.item(item), others: self.others.item(item), ..self }
    }

    fn position(self, position: usize) -> Self {
        Self {
            previous: self.previous.and_then(|it| it.get(position)),
            trusts_previous: true,
            ..self
        }
    }

    /// Says that the server holds our unchanged value in its own notation.
    fn is_settled(self, desired: &Value) -> bool {
        self.was_applied && !self.ours.is_nothing() && self.previous == Some(desired)
    }
}

struct Walk {
    path: Vec<String>,
    changes: Vec<FieldChange>,
}

impl Walk {
    fn value(&mut self, desired: &Value, live: &Value, sides: Sides<'_>) {
        match (desired, live) {
            (Value::Object(desired), Value::Object(live)) => self.map(desired, live, sides),
            (Value::Array(items), Value::Array(live_items)) => {
                match list_keys(&self.path, items, sides.ours) {
                    Some(keys) => self.keyed_list((desired, live), &keys, sides),
                    None if sides.ours.is_set() => self.set(items, live_items, sides),
                    None => self.plain_list((desired, live), sides),
                }
            }
            (desired, live) if desired == live || sides.is_settled(desired) => {}
            (desired, live) => self.push_over(live, desired, sides),
        }
    }

    fn map(&mut self, desired: &Map<String, Value>, live: &Map<String, Value>, sides: Sides<'_>) {
        for (name, value) in desired {
            if value.is_null() || self.is_ignored(name) {
                continue;
            }
            self.path.push(field_step(name));
            match live.get(name) {
                Some(live) => self.value(value, live, sides.field(name)),
                None if is_empty(value) => {}
                None => self.push(&Value::Null, value),
            }
            self.path.pop();
        }
        for (name, value) in live {
            if desired.get(name).is_none_or(Value::is_null) && !self.is_ignored(name) {
                self.path.push(field_step(name));
                self.gone(value, sides.field(name));
                self.path.pop();
            }
        }
    }

    fn keyed_list(&mut self, (desired, live): (&Value, &Value), keys: &[String], sides: Sides<'_>) {
        for item in object::items(desired) {
            self.path.push(item_step(item, keys));
            match find(live, item, keys) {
                Some(live) => self.value(item, live, sides.item(item, keys)),
                None => self.push(&Value::Null, item),
            }
            self.path.pop();
        }
        for item in object::items(live).filter(|it| find(desired, it, keys).is_none()) {
            self.path.push(item_step(item, keys));
            self.gone(item, sides.item(item, keys));
            self.path.pop();
        }
        let order = |list: &Value, among: &Value| -> Vec<String> {
            object::items(list)
                .filter(|it| find(among, it, keys).is_some())
                .map(|it| item_step(it, keys))
                .collect()
        };
        let (is, wanted) = (order(live, desired), order(desired, live));
        if is != wanted && !sides.is_settled(desired) {
            self.push(&Value::from(is), &Value::from(wanted));
        }
    }

    fn set(&mut self, desired: &[Value], live: &[Value], sides: Sides<'_>) {
        for member in desired.iter().filter(|it| !live.contains(it)) {
            self.path.push(format!("[{member}]"));
            self.push(&Value::Null, member);
            self.path.pop();
        }
        for member in live.iter().filter(|it| !desired.contains(it)) {
            if sides.ours.has_member(member) && !sides.others.has_member(member) {
                self.path.push(format!("[{member}]"));
                self.push(member, &Value::Null);
                self.path.pop();
            }
        }
    }

    /// A list that is replaced as a whole; its items may still have gained defaults.
    fn plain_list(&mut self, (desired, live): (&Value, &Value), sides: Sides<'_>) {
        let (n_desired, n_live) = (object::items(desired).count(), object::items(live).count());
        let is_scalar = object::items(desired).chain(object::items(live)).any(|it| !it.is_object());
        if n_desired != n_live || is_scalar {
            if desired != live && !sides.is_settled(desired) {
                self.push_over(live, desired, sides);
            }
            return;
        }
        for (position, (desired, live)) in
            object::items(desired).zip(object::items(live)).enumerate()
        {
            self.path.push(format!("[{position}]"));
            self.value(desired, live, sides.position(position));
            self.path.pop();
        }
    }

    /// Records what leaves the object with a field that the manifest does not have.
    fn gone(&mut self, live: &Value, sides: Sides<'_>) {
        if sides.trusts_previous {
            if sides.previous.is_some_and(|it| !it.is_null() && !is_empty(it)) {
                self.push(live, &Value::Null);
            }
            return;
        }
        match (sides.ours, sides.others, live) {
            (Fields::Nothing, ..) => {}
            (_, Fields::Nothing, _) => self.push(live, &Value::Null),
            // Others own it as well, or own parts of it: only what is ours alone goes.
            (Fields::Some(_), Fields::Some(_), Value::Object(map)) => {
                for (name, value) in map {
                    self.path.push(field_step(name));
                    self.gone(value, sides.field(name));
                    self.path.pop();
                }
            }
            _ => {}
        }
    }

    /// What the server alone writes, or what names the object.
    fn is_ignored(&self, name: &str) -> bool {
        match self.path.as_slice() {
            [] => matches!(name, "apiVersion" | "kind" | "status"),
            [only] if only == "metadata" => matches!(
                name,
                "name"
                    | "namespace"
                    | "generateName"
                    | "uid"
                    | "resourceVersion"
                    | "generation"
                    | "selfLink"
                    | "creationTimestamp"
                    | "deletionTimestamp"
                    | "deletionGracePeriodSeconds"
                    | "managedFields"
            ),
            _ => false,
        }
    }

    /// Records a live value that is replaced, and whose it is.
    fn push_over(&mut self, old: &Value, new: &Value, sides: Sides<'_>) {
        let n_before = self.changes.len();
        self.push(old, new);
        for change in &mut self.changes[n_before..] {
            change.set_by = sides.others.managers().map(str::to_owned);
        }
    }

    fn push(&mut self, old: &Value, new: &Value) {
        let some = |it: &Value| (!it.is_null()).then(|| it.clone());
        let (old, new) = (some(old), some(new));
        if old.is_some() || new.is_some() {
            self.changes.push(FieldChange { path: join(&self.path), old, new, set_by: None });
        }
    }
}

/// The keys that tell the items of a list apart, or none when the list is one value.
///
/// They are read from the ownership data where there is any, and else known from the field's name.
/// Source: `x-kubernetes-list-map-keys` of Kubernetes 1.34.4.
fn list_keys(path: &[String], items: &[Value], ours: Fields<'_>) -> Option<Vec<String>> {
    if !items.iter().all(Value::is_object) {
        return None;
    }
    if let Some(keys) = ours.key_names() {
        return Some(keys);
    }
    let keys: &[&str] = match path.last()?.as_str() {
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" | "secrets"
        | "webhooks" => &["name"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "hostAliases" => &["ip"],
        "topologySpreadConstraints" => &["topologyKey", "whenUnsatisfiable"],
        "ports" if path.iter().any(|it| it.starts_with('[')) => &["containerPort", "protocol"],
        "ports" => &["port", "protocol"],
        _ => return None,
    };
    let keys: Vec<String> = keys.iter().map(|it| (*it).to_owned()).collect();
    let has_keys = |it: &Value| keys.iter().all(|key| !key_value(it, key).is_null());
    let is_distinct =
        |(idx, it): (usize, &Value)| !items[..idx].iter().any(|other| same_keys(other, it, &keys));
    (items.iter().all(has_keys) && items.iter().enumerate().all(is_distinct)).then_some(keys)
}

fn same_keys(a: &Value, b: &Value, keys: &[String]) -> bool {
    keys.iter().all(|key| key_value(a, key) == key_value(b, key))
}

fn find<'v>(list: &'v Value, item: &Value, keys: &[String]) -> Option<&'v Value> {
    object::items(list).find(|it| same_keys(it, item, keys))
}

/// A Secret's `stringData` becomes `data`, as the server stores it.
fn normal(object: &Value) -> Value {
    let mut object = object.clone();
    if object::kind(&object) == "Secret"
        && let Some(fields) = object.as_object_mut()
        && let Some(Value::Object(texts)) = fields.remove("stringData")
    {
        use base64::Engine as _;
        let encode = |it: &str| Value::from(base64::engine::general_purpose::STANDARD.encode(it));
        let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
        if let Some(data) = data.as_object_mut() {
            data.extend(texts.iter().map(|(key, it)| (key.clone(), encode(object::text(it)))));
        }
    }
    object
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn field_step(name: &str) -> String {
    if name.contains(['.', '/', '[', ' ']) { format!("[\"{name}\"]") } else { name.to_owned() }
}

fn item_step(item: &Value, keys: &[String]) -> String {
    let text = |key: &String| match key_value(item, key) {
        Value::String(value) => format!("{key}={value}"),
        value => format!("{key}={value}"),
    };
    // The protocol is only worth a word when it is not the usual one.
    let keys = keys.iter().filter(|it| *it != "protocol" || key_value(item, it) != "TCP");
    format!("[{}]", keys.map(text).collect::<Vec<_>>().join(","))
}

fn join(path: &[String]) -> String {
    let mut joined = String::new();
    for step in path {
        if !joined.is_empty() && !step.starts_with('[') {
            joined.push('.');
        }
        joined.push_str(step);
    }
    joined
}

#[cfg(test)]
mod tests;
