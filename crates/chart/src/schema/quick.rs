//! A first look at a schema: whether values surely meet it.
//!
//! Most values do, and most schemas use few keywords. This judges those many times faster than a whole
//! validator, and leaves everything else to one: what it does not know, and every refusal, since only
//! the validator can word it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use crate::functions::GoRegex;

/// How deep schemas and values may nest here.
const DEPTH_MAX: usize = 200;

/// Whether the schema is well-formed and the values meet it. False says nothing.
pub(super) fn surely_meets(schema: &Json, values: &Json) -> bool {
    let mut quick = Quick {
        root: schema,
        references: BTreeSet::new(),
        regexes: BTreeMap::new(),
        is_ref_alone: false,
    };
    match quick.prepare() {
        Some(()) => quick.meets(schema, values, 0) == Some(true),
        None => false,
    }
}

struct Quick<'s> {
    root: &'s Json,
    /// What is referred to, and well-formed.
    references: BTreeSet<&'s str>,
    /// Every pattern of the schema, compiled.
    regexes: BTreeMap<&'s str, GoRegex>,
    /// Up to draft 7, what stands beside a `$ref` does not count.
    is_ref_alone: bool,
}

/// What a keyword's value must be for the schema to be well-formed.
enum Shape {
    Anything,
    Text,
    Truth,
    Number,
    Count,
    Texts,
    Schema,
    Schemas,
    SchemaMap,
}

/// Nothing for a keyword that is left to the validator. Keywords that nobody defines are allowed, and
/// mean nothing.
fn shape(keyword: &str) -> Option<Shape> {
    Some(match keyword {
        "$comment" | "title" | "description" | "format" | "pattern" | "$ref" | "$schema" => {
            Shape::Text
        }
        "default" | "examples" | "const" | "enum" | "type" => Shape::Anything,
        "readOnly" | "writeOnly" | "deprecated" | "uniqueItems" => Shape::Truth,
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
            Shape::Number
        }
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
            Shape::Count
        }
        "required" => Shape::Texts,
        "items" | "not" | "if" | "then" | "else" | "propertyNames" | "additionalProperties" => {
            Shape::Schema
        }
        "allOf" | "anyOf" | "oneOf" => Shape::Schemas,
        "properties" | "patternProperties" | "definitions" | "$defs" => Shape::SchemaMap,
        "$id"
        | "id"
        | "$anchor"
        | "$dynamicAnchor"
        | "$dynamicRef"
        | "$recursiveAnchor"
        | "$recursiveRef"
        | "$vocabulary"
        | "additionalItems"
        | "prefixItems"
        | "contains"
        | "minContains"
        | "maxContains"
        | "contentEncoding"
        | "contentMediaType"
        | "contentSchema"
        | "dependencies"
        | "dependentRequired"
        | "dependentSchemas"
        | "unevaluatedItems"
        | "unevaluatedProperties" => return None,
        _ => Shape::Anything,
    })
}

impl<'s> Quick<'s> {
    /// Nothing when the schema is not well-formed, or not for this.
    fn prepare(&mut self) -> Option<()> {
        self.is_ref_alone = match self.root.get("$schema") {
            None => false,
            Some(draft) => is_ref_alone(draft)?,
        };
        self.check(self.root, 0)
    }

    fn check(&mut self, schema: &'s Json, depth: usize) -> Option<()> {
        let entries = match schema {
            Json::Bool(_) => return Some(()),
            Json::Object(entries) if depth <= DEPTH_MAX => entries,
            _ => return None,
        };
        for (keyword, value) in entries {
            if depth == 0 && keyword == "$id" {
                // References are to the schema itself, whatever its address is.
                value.as_str().filter(|it| is_plain_address(it))?;
                continue;
            }
            match (shape(keyword)?, value) {
                (Shape::Anything, _)
                | (Shape::Text, Json::String(_))
                | (Shape::Truth, Json::Bool(_))
                | (Shape::Number, Json::Number(_)) => {}
                (Shape::Count, Json::Number(number)) if number.as_u64().is_some() => {}
                (Shape::Texts, Json::Array(items))
                    if items.iter().all(Json::is_string) && !has_twins(items) => {}
                (Shape::Schema, schema) => self.check(schema, depth + 1)?,
                (Shape::Schemas, Json::Array(schemas)) if !schemas.is_empty() => {
                    schemas.iter().try_for_each(|schema| self.check(schema, depth + 1))?;
                }
                (Shape::SchemaMap, Json::Object(schemas)) => {
                    schemas.values().try_for_each(|schema| self.check(schema, depth + 1))?;
                }
                _ => return None,
            }
        }
        self.check_more(entries, depth)
    }

    /// What the shapes do not say.
    fn check_more(&mut self, entries: &'s Map<String, Json>, depth: usize) -> Option<()> {
        // Up to draft 7 formats are checked, and that is left to the validator.
        if self.is_ref_alone && entries.contains_key("format") {
            return None;
        }
        // The drafts after 7 are alike in what is read here.
        if let Some(draft) = entries.get("$schema").filter(|_| 0 < depth)
            && (self.is_ref_alone || is_ref_alone(draft)?)
        {
            return None;
        }
        if let Some(multiple) = entries.get("multipleOf") {
            multiple.as_f64().filter(|it| 0.0 < *it)?;
        }
        match entries.get("type") {
            None => {}
            Some(Json::String(name)) => is_type(name).then_some(())?,
            Some(Json::Array(names)) if !names.is_empty() && !has_twins(names) => {
                names.iter().all(|it| it.as_str().is_some_and(is_type)).then_some(())?;
            }
            Some(_) => return None,
        }
        if let Some(choices) = entries.get("enum") {
            choices.as_array().filter(|it| !it.is_empty())?;
        }
        if let Some(pattern) = entries.get("pattern").and_then(Json::as_str) {
            self.compile(pattern)?;
        }
        let by_pattern = entries.get("patternProperties").and_then(Json::as_object);
        by_pattern.into_iter().flat_map(Map::keys).try_for_each(|it| self.compile(it))?;
        match entries.get("$ref").and_then(Json::as_str) {
            Some(reference) if self.references.insert(reference) => {
                self.check(self.target(reference)?, depth + 1)
            }
            _ => Some(()),
        }
    }

    fn compile(&mut self, pattern: &'s str) -> Option<()> {
        if !self.regexes.contains_key(pattern) {
            self.regexes.insert(pattern, GoRegex::new(pattern)?);
        }
        Some(())
    }

    /// The schema that `#/definitions/name` means, or another path without escapes.
    fn target(&self, reference: &str) -> Option<&'s Json> {
        let path = reference.strip_prefix("#/")?;
        if path.contains(['~', '%']) {
            return None;
        }
        path.split('/').try_fold(self.root, |place, name| place.as_object()?.get(name))
    }

    /// Nothing when this is too deep to say.
    fn meets(&self, schema: &Json, value: &Json, depth: usize) -> Option<bool> {
        let entries = match schema {
            Json::Object(entries) if depth <= DEPTH_MAX => entries,
            schema => return schema.as_bool(),
        };
        if let Some(reference) = entries.get("$ref").and_then(Json::as_str) {
            let meets = self.meets(self.target(reference)?, value, depth + 1)?;
            if self.is_ref_alone || !meets {
                return Some(meets);
            }
        }
        if !has_type(entries, value) || !is_chosen(entries, value) {
            return Some(false);
        }
        let meets_own = match value {
            Json::Object(table) => self.meets_table(entries, table, depth)?,
            Json::Array(items) => self.meets_list(entries, items, depth)?,
            Json::String(text) => self.meets_text(entries, text),
            Json::Number(number) => meets_number(entries, number.as_f64()?),
            Json::Null | Json::Bool(_) => true,
        };
        if !meets_own {
            return Some(false);
        }
        self.meets_combinations(entries, value, depth)
    }

    fn meets_combinations(
        &self,
        entries: &Map<String, Json>,
        value: &Json,
        depth: usize,
    ) -> Option<bool> {
        let count = |keyword: &str| -> Option<Option<(usize, usize)>> {
            let Some(schemas) = entries.get(keyword).and_then(Json::as_array) else {
                return Some(None);
            };
            let mut n_met = 0;
            for schema in schemas {
                n_met += usize::from(self.meets(schema, value, depth + 1)?);
            }
            Some(Some((n_met, schemas.len())))
        };
        if count("allOf")?.is_some_and(|(n_met, n_all)| n_met < n_all)
            || count("anyOf")?.is_some_and(|(n_met, _)| n_met == 0)
            || count("oneOf")?.is_some_and(|(n_met, _)| n_met != 1)
        {
            return Some(false);
        }
        if let Some(not) = entries.get("not")
            && self.meets(not, value, depth + 1)?
        {
            return Some(false);
        }
        if let Some(condition) = entries.get("if") {
            let branch = if self.meets(condition, value, depth + 1)? { "then" } else { "else" };
            if let Some(schema) = entries.get(branch) {
                return self.meets(schema, value, depth + 1);
            }
        }
        Some(true)
    }

    fn meets_table(
        &self,
        entries: &Map<String, Json>,
        table: &Map<String, Json>,
        depth: usize,
    ) -> Option<bool> {
        let required = entries.get("required").and_then(Json::as_array).into_iter().flatten();
        let has_all = required.filter_map(Json::as_str).all(|name| table.contains_key(name));
        if !has_all || !is_within(entries, ("minProperties", "maxProperties"), table.len()) {
            return Some(false);
        }
        let properties = entries.get("properties").and_then(Json::as_object);
        let patterns = entries.get("patternProperties").and_then(Json::as_object);
        for (name, value) in table {
            let mut is_known = false;
            if let Some(schema) = properties.and_then(|it| it.get(name)) {
                is_known = true;
                if !self.meets(schema, value, depth + 1)? {
                    return Some(false);
                }
            }
            for (pattern, schema) in patterns.into_iter().flatten() {
                if self.regexes.get(pattern.as_str())?.is_match(name) {
                    is_known = true;
                    if !self.meets(schema, value, depth + 1)? {
                        return Some(false);
                    }
                }
            }
            if let Some(schema) = entries.get("additionalProperties").filter(|_| !is_known)
                && !self.meets(schema, value, depth + 1)?
            {
                return Some(false);
            }
            if let Some(schema) = entries.get("propertyNames")
                && !self.meets(schema, &Json::String(name.clone()), depth + 1)?
            {
                return Some(false);
            }
        }
        Some(true)
    }

    fn meets_list(
        &self,
        entries: &Map<String, Json>,
        items: &[Json],
        depth: usize,
    ) -> Option<bool> {
        if !is_within(entries, ("minItems", "maxItems"), items.len()) {
            return Some(false);
        }
        if entries.get("uniqueItems") == Some(&Json::Bool(true)) && has_twins(items) {
            return Some(false);
        }
        if let Some(schema) = entries.get("items") {
            for item in items {
                if !self.meets(schema, item, depth + 1)? {
                    return Some(false);
                }
            }
        }
        Some(true)
    }

    fn meets_text(&self, entries: &Map<String, Json>, text: &str) -> bool {
        let has_limits = entries.contains_key("minLength") || entries.contains_key("maxLength");
        if has_limits && !is_within(entries, ("minLength", "maxLength"), text.chars().count()) {
            return false;
        }
        let pattern = entries.get("pattern").and_then(Json::as_str);
        pattern.and_then(|it| self.regexes.get(it)).is_none_or(|regex| regex.is_match(text))
    }
}

/// Whether what stands beside a `$ref` counts in a draft; nothing for one that is left to the validator.
fn is_ref_alone(draft: &Json) -> Option<bool> {
    let url = draft.as_str()?.trim_end_matches('#');
    match url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))? {
        "json-schema.org/draft-06/schema" | "json-schema.org/draft-07/schema" => Some(true),
        "json-schema.org/schema"
        | "json-schema.org/draft/2019-09/schema"
        | "json-schema.org/draft/2020-12/schema" => Some(false),
        _ => None,
    }
}

fn is_plain_address(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./-_".contains(&byte);
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(is_plain)
    })
}

fn has_twins(items: &[Json]) -> bool {
    (1..items.len()).any(|place| items[..place].iter().any(|it| is_equal(it, &items[place])))
}

fn is_type(name: &str) -> bool {
    matches!(name, "null" | "boolean" | "number" | "integer" | "string" | "array" | "object")
}

fn has_type(entries: &Map<String, Json>, value: &Json) -> bool {
    let is = |name: &str| match value {
        Json::Null => name == "null",
        Json::Bool(_) => name == "boolean",
        Json::Number(number) => {
            name == "number"
                || name == "integer" && number.as_f64().is_some_and(|it| it.fract() == 0.0)
        }
        Json::String(_) => name == "string",
        Json::Array(_) => name == "array",
        Json::Object(_) => name == "object",
    };
    match entries.get("type") {
        Some(Json::String(name)) => is(name),
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).any(is),
        _ => true,
    }
}

fn is_chosen(entries: &Map<String, Json>, value: &Json) -> bool {
    let choices = entries.get("enum").and_then(Json::as_array);
    choices.is_none_or(|choices| choices.iter().any(|choice| is_equal(choice, value)))
        && entries.get("const").is_none_or(|only| is_equal(only, value))
}

fn meets_number(entries: &Map<String, Json>, number: f64) -> bool {
    let limit = |keyword: &str| entries.get(keyword).and_then(Json::as_f64);
    limit("minimum").is_none_or(|it| it <= number)
        && limit("maximum").is_none_or(|it| number <= it)
        && limit("exclusiveMinimum").is_none_or(|it| it < number)
        && limit("exclusiveMaximum").is_none_or(|it| number < it)
        && limit("multipleOf").is_none_or(|it| (number / it).fract() == 0.0)
}

fn is_within(entries: &Map<String, Json>, (least, most): (&str, &str), count: usize) -> bool {
    let limit = |keyword: &str| entries.get(keyword).and_then(Json::as_u64);
    let count = count as u64;
    limit(least).is_none_or(|it| it <= count) && limit(most).is_none_or(|it| count <= it)
}

/// Equal as JSON: 1 is 1.0.
fn is_equal(one: &Json, two: &Json) -> bool {
    match (one, two) {
        (Json::Number(one), Json::Number(two)) => one.as_f64() == two.as_f64(),
        (Json::Array(one), Json::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| is_equal(one, two))
        }
        (Json::Object(one), Json::Object(two)) => {
            one.len() == two.len()
                && one.iter().all(|(key, one)| two.get(key).is_some_and(|two| is_equal(one, two)))
        }
        (one, two) => one == two,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_that_meet_a_schema_are_seen() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {
                "n": {"type": "integer", "minimum": 1, "maximum": 9},
                "s": {"type": ["string", "null"], "pattern": "^[\\w-\\.]+$"},
                "l": {"items": {"$ref": "#/definitions/item"}, "uniqueItems": true},
                "c": {"oneOf": [{"type": "string"}, {"enum": [1, null]}]},
            },
            "additionalProperties": false,
            "definitions": {"item": {"anyOf": [{"const": 5}, {"type": "boolean"}]}},
        });
        assert!(surely_meets(&schema, &json!({"n": 3.0, "s": "a.b-c", "l": [5, true], "c": 1})));
        for wrong in [
            json!({"n": 0}),
            json!({"s": "a b"}),
            json!({"l": [5, 5]}),
            json!({"c": true}),
            json!({"x": 1}),
            json!([]),
        ] {
            assert!(!surely_meets(&schema, &wrong), "{wrong}");
        }
    }

    #[test]
    fn references_are_followed_and_addresses_do_not_matter() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "http://example.com/example.json",
            "properties": {"a": {"$ref": "#/definitions/x/y"}, "b": {"$schema": "http://json-schema.org/schema#"}},
            "definitions": {"x": {"y": {"items": {"$ref": "#/definitions/x/y"}, "maxItems": 1}}},
        });
        assert!(surely_meets(&schema, &json!({"a": [[]], "b": 1})));
        assert!(!surely_meets(&schema, &json!({"a": [[1, 2]]})));
    }

    #[test]
    fn what_is_unknown_or_wrong_is_left_alone() {
        for schema in [
            json!({"type": 5}),
            json!({"required": "x"}),
            json!({"pattern": "("}),
            json!({"contains": {}}),
            json!({"properties": {"a": {"minimum": "x"}}}),
            json!({"$ref": "other.json"}),
            json!({"$ref": "#/properties/a"}),
            json!({"$ref": "#/x", "x": {"contains": {}}}),
            json!({"$id": "http://x/a#b"}),
            json!({"properties": {"b": {"$schema": "http://x/y"}}}),
            json!({"properties": {"a": {"$id": "http://x/a"}}}),
            json!({"$schema": "http://json-schema.org/draft-04/schema#"}),
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "format": "ipv4"}),
            json!({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
        ] {
            assert!(!surely_meets(&schema, &json!({})), "{schema}");
        }
    }
}
