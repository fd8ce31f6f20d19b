//! Patches, apply, defaults and managed fields together, compared with recorded answers.

use kobject::{
    catalog, default,
    managed::{self, Writer},
    patch,
    schema::{self, Schema},
};
use serde_json::Value;

const RECORDED: &str = include_str!("golden/writes.jsonl");

/// What the server allocates, counts or tells the time by.
fn scrub(object: &mut Value) {
    let is_service = object["kind"] == "Service";
    let metadata = object["metadata"].as_object_mut().expect("as recorded");
    for key in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
        metadata.remove(key);
    }
    // Times decide the order of entries.
    if let Some(entries) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
        for entry in entries.iter_mut() {
            entry.as_object_mut().expect("as recorded").remove("time");
        }
        entries.sort_by_key(ToString::to_string);
    }
    if is_service {
        let spec = object["spec"].as_object_mut().expect("as recorded");
        for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            spec.remove(key);
        }
    }
}

fn answer(case: &Value) -> Result<Value, String> {
    let (live, request) = (&case["live"], &case["request"]);
    let live = Some(live).filter(|it| !it.is_null());
    let (api_version, kind) = (
        request["apiVersion"].as_str().expect("as recorded"),
        request["kind"].as_str().expect("as recorded"),
    );
    let resource = catalog::by_kind(api_version, kind).expect("as recorded");
    let schema: Schema = schema::of(resource);
    let writer = Writer {
        manager: case["manager"].as_str().expect("as recorded"),
        api_version,
        subresource: "",
        now: "2030-01-01T00:00:00Z".parse().expect("as recorded"),
    };
    let is_forced = case["op"] == "force";
    let mut new = match case["op"].as_str().expect("as recorded") {
        "merge" => patch::merge_patch(live.expect("as recorded"), request),
        "smp" => patch::strategic_merge(&schema, live.expect("as recorded"), request)
            .map_err(|it| it.to_string())?,
        _ => {
            let applied = managed::apply(&schema, live, request, &writer, is_forced);
            let mut applied = applied.map_err(|it| it.to_string())?;
            default::apply_defaults(resource, &mut applied);
            return Ok(applied);
        }
    };
    schema::prune(&schema, &mut new);
    default::apply_defaults(resource, &mut new);
    Ok(managed::update(&schema, live, new, &writer))
}

#[test]
fn writes_are_answered_as_recorded() {
    for line in RECORDED.lines() {
        let mut case: Value = serde_json::from_str(line).unwrap();
        match answer(&case) {
            Ok(mut ours) => {
                scrub(&mut ours);
                scrub(&mut case["answer"]);
                assert_eq!(ours, case["answer"], "{line}");
            }
            Err(message) => {
                assert_eq!(message, case["message"].as_str().unwrap_or("done"), "{line}");
            }
        }
    }
}
