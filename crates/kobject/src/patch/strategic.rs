//! Strategic merge: lists of maps are merged by key, and directives in the patch say what else to do.

use serde_json::{Map, Value};

use super::PatchError;
use crate::schema::{ANY, PatchStrategy, Type};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

const BAD_RETAIN_KEYS: PatchError =
    PatchError::Strategic { problem: "invalid patch format of retainKeys" };
const BAD_ORDER: PatchError =
    PatchError::Strategic { problem: "invalid patch format of setElementOrder list" };
const BAD_DELETE: PatchError =
    PatchError::Strategic { problem: "invalid patch format of primitive list" };

type Object = Map<String, Value>;

/// Merges a patch into a map of this type.
pub(super) fn merge_map(
    at: &Type,
    mut target: Object,
    mut patch: Object,
) -> Result<Object, PatchError> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => Ok(patch),
            Some("delete") => Ok(Object::new()),
            _ => Err(PatchError::UnknownDirective { directive, item: patch.into() }),
        };
    }
    retain_keys(&mut target, &mut patch)?;
    merge_ordered_lists(at, &mut target, &mut patch)?;
    for (key, value) in patch {
        match key.strip_prefix(DELETE_FROM) {
            Some(list) => delete_from(&mut target, list, &value)?,
            None => merge_field(at, &mut target, key, value)?,
        }
    }
    Ok(target)
}

/// `$retainKeys` names the keys that stay; the patch may name no other.
fn retain_keys(target: &mut Object, patch: &mut Object) -> Result<(), PatchError> {
    let Some(kept) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let kept = kept.as_array().ok_or(BAD_RETAIN_KEYS)?;
    let is_kept = |key: &str| kept.iter().any(|it| it == key);
    let is_directive = |key: &str| key.starts_with(DELETE_FROM) || key.starts_with(ORDER);
    if patch.iter().any(|(key, value)| !value.is_null() && !is_directive(key) && !is_kept(key)) {
        return Err(BAD_RETAIN_KEYS);
    }
    target.retain(|key, _| is_kept(key));
    Ok(())
}

/// `$setElementOrder/LIST` says how the list is ordered after it was merged.
fn merge_ordered_lists(
    at: &Type,
    target: &mut Object,
    patch: &mut Object,
) -> Result<(), PatchError> {
    let directives: Vec<String> =
        patch.keys().filter(|it| it.starts_with(ORDER)).cloned().collect();
    for directive in directives {
        let list = directive.trim_start_matches(ORDER).to_owned();
        let order = patch.remove(&directive);
        let Some(Value::Array(order)) = order else { return Err(BAD_ORDER) };
        let field = at.at_key(&list).unwrap_or(&ANY);
        let merge_key = field.merge_key();
        let live = target.remove(&list);
        let patched = patch.remove(&list);
        if let Some(patched) = &patched {
            check_order(patched, &order, merge_key)?;
        }
        let before = live.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
        let merged = match (live, patched) {
            (Some(Value::Array(live)), Some(Value::Array(patched))) => {
                merge_list(field, live, patched)?
            }
            (Some(Value::Array(live)), None) => live,
            (_, Some(patched)) => match without_directives(patched) {
                Some(Value::Array(patched)) => patched,
                _ => return Err(BAD_ORDER),
            },
            (Some(live), None) => {
                target.insert(list, live);
                continue;
            }
            (None, None) => continue,
        };
        target.insert(list, Value::Array(ordered(merged, &order, &before, merge_key)?));
    }
    Ok(())
}

/// The items of the patch must stand in the order that the directive gives.
fn check_order(
    patched: &Value,
    order: &[Value],
    merge_key: Option<&str>,
) -> Result<(), PatchError> {
    let Value::Array(items) = patched else { return Err(BAD_ORDER) };
    if order.is_empty() {
        return Ok(());
    }
    let mut rest = order.iter();
    let kept = items.iter().filter(|it| it.get(DIRECTIVE).is_none());
    for item in kept {
        if !rest.any(|it| is_same(it, item, merge_key)) {
            return Err(PatchError::Order { patch: patched.clone(), order: order.into() });
        }
    }
    Ok(())
}

fn delete_from(target: &mut Object, list: &str, deleted: &Value) -> Result<(), PatchError> {
    let Value::Array(deleted) = deleted else { return Err(BAD_DELETE) };
    if let Some(Value::Array(items)) = target.get_mut(list) {
        items.retain(|it| !deleted.contains(it));
    }
    Ok(())
}

fn merge_field(
    at: &Type,
    target: &mut Object,
    key: String,
    patch: Value,
) -> Result<(), PatchError> {
    if patch.is_null() {
        target.remove(&key);
        return Ok(());
    }
    let field = at.at_key(&key).unwrap_or(&ANY);
    let merged = match (target.remove(&key), patch) {
        (Some(Value::Object(live)), Value::Object(patch)) if !field.patch_strategy().is_replace => {
            Some(Value::Object(merge_map(field, live, patch)?))
        }
        (Some(Value::Object(_)), patch @ Value::Object(_)) => Some(patch),
        (Some(Value::Array(live)), Value::Array(patch)) => {
            Some(Value::Array(merge_list(field, live, patch)?))
        }
        (_, patch) => without_directives(without_nulls(patch)),
    };
    target.extend(merged.map(|it| (key, it)));
    Ok(())
}

/// A null in what is new says nothing, and must not be stored.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, it)| !it.is_null());
            Value::Object(kept.map(|(key, it)| (key, without_nulls(it))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        scalar => scalar,
    }
}

/// The value without its directives; `None` when it is one itself.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => {
            let is_plain = |key: &str| {
                key != RETAIN_KEYS && !key.starts_with(DELETE_FROM) && !key.starts_with(ORDER)
            };
            let plain = map.into_iter().filter(|(key, _)| is_plain(key));
            Some(plain.filter_map(|(key, it)| Some((key, without_directives(it)?))).collect())
        }
        Value::Array(items) => Some(items.into_iter().filter_map(without_directives).collect()),
        scalar => Some(scalar),
    }
}

fn merge_list(field: &Type, live: Vec<Value>, patch: Vec<Value>) -> Result<Vec<Value>, PatchError> {
    let PatchStrategy { is_merge, .. } = field.patch_strategy();
    if !is_merge {
        return Ok(patch);
    }
    let n_maps = live.iter().chain(&patch).filter(|it| it.is_object()).count();
    if n_maps == 0 {
        let mut merged: Vec<Value> = Vec::new();
        for item in live.iter().chain(&patch) {
            if !merged.contains(item) {
                merged.push(item.clone());
            }
        }
        return ordered(merged, &patch, &live, None);
    }
    if n_maps != live.len() + patch.len() {
        return Err(PatchError::MixedList);
    }
    let Some(merge_key) = field.merge_key() else {
        return Err(PatchError::Strategic { problem: "cannot merge lists without merge key" });
    };
    merge_list_of_maps(field.element().unwrap_or(&ANY), live, patch, merge_key)
}

fn merge_list_of_maps(
    element: &Type,
    live: Vec<Value>,
    patch: Vec<Value>,
    merge_key: &str,
) -> Result<Vec<Value>, PatchError> {
    let before = live.clone();
    let mut merged = live;
    let mut plain = Vec::new();
    let mut is_replaced = false;
    for item in patch {
        match item.get(DIRECTIVE) {
            None => plain.push(item),
            Some(directive) if directive == "delete" => {
                let key = key_of(&item, merge_key)?;
                merged.retain(|it| it[merge_key] != *key);
            }
            Some(directive) if directive == "replace" => is_replaced = true,
            Some(directive) if directive == "merge" => {
                let problem = "merging lists cannot yet be specified in the patch";
                return Err(PatchError::Strategic { problem });
            }
            Some(directive) => {
                return Err(PatchError::UnknownDirective { directive: directive.clone(), item });
            }
        }
    }
    if is_replaced {
        return Ok(plain);
    }
    for item in &plain {
        let key = key_of(item, merge_key)?;
        let Value::Object(patch) = item.clone() else { continue };
        match merged.iter_mut().find(|it| it[merge_key] == *key) {
            Some(Value::Object(found)) => {
                *found = merge_map(element, std::mem::take(found), patch)?;
            }
            _ => merged.extend(without_directives(without_nulls(Value::Object(patch)))),
        }
    }
    ordered(merged, &plain, &before, Some(merge_key))
}

fn key_of<'a>(item: &'a Value, merge_key: &str) -> Result<&'a Value, PatchError> {
    item.get(merge_key).ok_or_else(|| PatchError::MissingMergeKey {
        item: item.clone(),
        merge_key: merge_key.to_owned(),
    })
}

fn is_same(left: &Value, right: &Value, merge_key: Option<&str>) -> bool {
    match merge_key {
        Some(key) => left.get(key).is_some() && left.get(key) == right.get(key),
        None => left == right,
    }
}

/// Orders a merged list: what the patch names in the patch's order, what only the server has in the
/// server's, and the two woven together by the server's order where it knows both.
fn ordered(
    merged: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    merge_key: Option<&str>,
) -> Result<Vec<Value>, PatchError> {
    let place =
        |order: &[Value], item: &Value| order.iter().position(|it| is_same(it, item, merge_key));
    if let Some(key) = merge_key {
        merged.iter().try_for_each(|it| key_of(it, key).map(|_| ()))?;
    }
    let (mut patched, mut server_only): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|it| place(patch_order, it).is_some());
    patched.sort_by_key(|it| place(patch_order, it));
    server_only.sort_by_key(|it| place(server_order, it).unwrap_or(usize::MAX));
    let mut woven = Vec::with_capacity(patched.len() + server_only.len());
    let mut patched = patched.into_iter().peekable();
    let mut server_only = server_only.into_iter().peekable();
    while let (Some(right), Some(left)) = (patched.peek(), server_only.peek()) {
        let is_left_first = match (place(server_order, left), place(server_order, right)) {
            (Some(left), Some(right)) => left < right,
            _ => false,
        };
        let next = if is_left_first { server_only.next() } else { patched.next() };
        woven.extend(next);
    }
    woven.extend(patched);
    woven.extend(server_only);
    Ok(woven)
}

#[cfg(test)]
mod tests;
