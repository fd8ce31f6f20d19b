//! Objects in the order they are created and deleted in.

use kobject::order::{INSTALL, UNINSTALL, rank};
use serde_json::Value;

use crate::object;

/// Sorts objects into the order they are created in: by kind, unknown kinds last by name; ties stay as they were.
pub fn sort_install<T>(items: &mut [T], object: impl Fn(&T) -> &Value) {
    items.sort_by(|a, b| key(object(a), &INSTALL).cmp(&key(object(b), &INSTALL)));
}

/// Sorts objects into the order they are deleted in.
pub fn sort_uninstall<T>(items: &mut [T], object: impl Fn(&T) -> &Value) {
    items.sort_by(|a, b| key(object(a), &UNINSTALL).cmp(&key(object(b), &UNINSTALL)));
}

fn key<'v>(object: &'v Value, order: &[&str]) -> (usize, &'v str) {
    rank(object::kind(object), order)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{sort_install, sort_uninstall};

    fn kinds(kinds: &[&str], sort: fn(&mut [Value])) -> Vec<String> {
        let mut objects: Vec<Value> = kinds.iter().map(|kind| json!({ "kind": kind })).collect();
        sort(&mut objects);
        objects.iter().map(|it| it["kind"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn unknown_kinds_come_last_by_name() {
        let given = ["Zebra", "Ingress", "Deployment", "Ant", "Secret", "Service"];
        let install = kinds(&given, |it| sort_install(it, |it| it));
        assert_eq!(install, ["Secret", "Service", "Deployment", "Ingress", "Ant", "Zebra"]);
        let uninstall = kinds(&given, |it| sort_uninstall(it, |it| it));
        assert_eq!(uninstall, ["Ingress", "Service", "Deployment", "Secret", "Ant", "Zebra"]);
    }
}
