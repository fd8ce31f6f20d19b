//! Server-side apply as upstream's merge tests have it, on real kinds.

use serde_json::{Value, json};

use super::*;
use crate::schema::of_kind;

fn at(second: u32) -> Timestamp {
    format!("2026-11-20T10:00:{second:02}Z").parse().unwrap()
}

fn writer(manager: &str, second: u32) -> Writer<'_> {
    Writer { manager, api_version: "apps/v1", subresource: "", now: at(second) }
}

fn schema() -> Schema {
    of_kind("apps/v1", "Deployment").unwrap()
}

fn deployment(spec: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
}

fn container(name: &str, rest: &Value) -> Value {
    let mut container = rest.clone();
    container["name"] = name.into();
    container
}

fn pods(containers: &[Value]) -> Value {
    json!({"template": {"spec": {"containers": containers}}})
}

fn applied(live: Option<&Value>, by: &Writer<'_>, object: &Value) -> Result<Value, ApplyError> {
    apply(&schema(), live, object, by, false)
}

/// The spec without the empty structs that a new object has.
fn spec_of(object: &Value) -> Value {
    fn without_empty(value: &Value) -> Value {
        let Value::Object(map) = value else { return value.clone() };
        let kept = map.iter().map(|(key, it)| (key.clone(), without_empty(it)));
        Value::Object(
            kept.filter(|(_, it)| it.as_object().is_none_or(|it| !it.is_empty())).collect(),
        )
    }
    without_empty(&object["spec"])
}

fn fields_of(object: &Value, manager: &str) -> Value {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    entries
        .iter()
        .find(|it| it["manager"] == manager)
        .map_or(Value::Null, |it| it["fieldsV1"].clone())
}

#[test]
fn creation_records_what_was_applied() {
    let made = applied(
        None,
        &writer("helm", 1),
        &deployment(&json!({"replicas": 2, "selector": {"matchLabels": {"a": "b"}}})),
    );
    assert_eq!(
        made.unwrap()["metadata"]["managedFields"],
        json!([{"manager": "helm", "operation": "Apply", "apiVersion": "apps/v1",
            "time": "2026-11-20T10:00:01Z", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:replicas": {}, "f:selector": {}}}}])
    );
}

#[test]
fn items_are_owned_by_key_and_ports_have_a_default_one() {
    let object = deployment(&pods(&[container(
        "web",
        &json!({"image": "a", "ports": [{"containerPort": 80}]}),
    )]));
    let made = applied(None, &writer("helm", 1), &object).unwrap();
    assert_eq!(
        fields_of(&made, "helm")["f:spec"]["f:template"]["f:spec"]["f:containers"],
        json!({r#"k:{"name":"web"}"#: {".": {}, "f:name": {}, "f:image": {}, "f:ports": {
            r#"k:{"containerPort":80,"protocol":"TCP"}"#: {".": {}, "f:containerPort": {}}}}})
    );
}

#[test]
fn fields_no_longer_applied_are_removed() {
    let first = deployment(
        &json!({"replicas": 2, "paused": true, "template": {"metadata": {"labels": {"a": "1", "b": "2"}}}}),
    );
    let second =
        deployment(&json!({"replicas": 2, "template": {"metadata": {"labels": {"a": "1"}}}}));
    let live = applied(None, &writer("helm", 1), &first).unwrap();
    let live = applied(Some(&live), &writer("helm", 2), &second).unwrap();
    assert_eq!(spec_of(&live), spec_of(&second));
}

#[test]
fn removed_items_go_and_those_of_others_stay() {
    let both = deployment(&pods(&[
        container("a", &json!({"image": "1"})),
        container("b", &json!({"image": "1"})),
    ]));
    let only_b = deployment(&pods(&[container("b", &json!({"image": "1"}))]));
    let only_a = deployment(&pods(&[container("a", &json!({"image": "1"}))]));
    let live = applied(None, &writer("one", 1), &both).unwrap();
    let after = applied(Some(&live), &writer("one", 2), &only_b).unwrap();
    assert_eq!(spec_of(&after), spec_of(&only_b));
    let shared = applied(Some(&live), &writer("two", 2), &only_a).unwrap();
    let after = applied(Some(&shared), &writer("one", 3), &only_b).unwrap();
    assert_eq!(spec_of(&after), spec_of(&both));
}

#[test]
fn conflicts_name_owner_and_field() {
    let live =
        applied(None, &writer("helm", 1), &deployment(&json!({"replicas": 2, "paused": true})))
            .unwrap();
    let error = applied(Some(&live), &writer("kubectl", 2), &deployment(&json!({"replicas": 3})))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"Apply failed with 1 conflict: conflict with "helm": .spec.replicas"#
    );
    let both = deployment(&json!({"replicas": 3, "paused": false}));
    let error = applied(Some(&live), &writer("kubectl", 2), &both).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 2 conflicts: conflicts with \"helm\":\n- .spec.paused\n- .spec.replicas"
    );
}

#[test]
fn conflicts_with_updaters_name_the_version() {
    let live = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": pods(&[container("web", &json!({"image": "a"}))])});
    let live = update(&schema(), None, live, &writer("kubectl-edit", 1));
    let object = deployment(&pods(&[container("web", &json!({"image": "b"}))]));
    let error = applied(Some(&live), &writer("helm", 2), &object).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using apps/v1: \
         .spec.template.spec.containers[name=\"web\"].image"
    );
    let ApplyError::Conflicts { conflicts } = error else { panic!("conflicts") };
    assert_eq!(conflicts[0].message(), "conflict with \"kubectl-edit\" using apps/v1");
}

#[test]
fn equal_values_are_shared_and_force_takes() {
    let live = applied(None, &writer("helm", 1), &deployment(&json!({"replicas": 2}))).unwrap();
    let shared =
        applied(Some(&live), &writer("kubectl", 2), &deployment(&json!({"replicas": 2}))).unwrap();
    assert_eq!(fields_of(&shared, "helm"), fields_of(&shared, "kubectl"));
    let by = writer("kubectl", 2);
    let taken =
        apply(&schema(), Some(&live), &deployment(&json!({"replicas": 3})), &by, true).unwrap();
    assert_eq!(taken["spec"]["replicas"], 3);
    assert_eq!(fields_of(&taken, "helm"), Value::Null);
}

#[test]
fn applying_again_changes_nothing_not_even_times() {
    let object = deployment(&json!({"replicas": 2, "template": {"metadata": {"annotations": {}}}}));
    let live = applied(None, &writer("helm", 1), &object).unwrap();
    assert_eq!(applied(Some(&live), &writer("helm", 9), &object).unwrap(), live);
}

#[test]
fn fields_of_the_server_survive() {
    let mut live = applied(None, &writer("helm", 1), &deployment(&json!({"replicas": 2}))).unwrap();
    live["spec"]["revisionHistoryLimit"] = 10.into();
    live["metadata"]["uid"] = "u".into();
    live["status"] = json!({"replicas": 2});
    let after =
        applied(Some(&live), &writer("helm", 2), &deployment(&json!({"paused": true}))).unwrap();
    assert_eq!(spec_of(&after), json!({"paused": true, "revisionHistoryLimit": 10}));
    assert_eq!(after["metadata"]["uid"], "u");
    assert_eq!(after["status"], json!({"replicas": 2}));
}

#[test]
fn status_is_not_owned_through_the_object() {
    let mut object = deployment(&json!({"replicas": 1}));
    object["status"] = json!({"replicas": 1});
    let made = applied(None, &writer("helm", 1), &object).unwrap();
    assert_eq!(fields_of(&made, "helm"), json!({"f:spec": {"f:replicas": {}}}));
    let by = Writer { subresource: "status", ..writer("controller", 2) };
    let mut new = made.clone();
    new["status"] = json!({"replicas": 2});
    new["spec"]["replicas"] = 7.into();
    let after = update(&schema(), Some(&made), new, &by);
    assert_eq!(fields_of(&after, "controller"), json!({"f:status": {"f:replicas": {}}}));
    assert_eq!(after["metadata"]["managedFields"][1]["subresource"], "status");
}

#[test]
fn updates_take_what_they_change() {
    let live =
        applied(None, &writer("helm", 1), &deployment(&json!({"replicas": 2, "paused": true})))
            .unwrap();
    let mut new = live.clone();
    new["spec"]["replicas"] = 5.into();
    new["spec"].as_object_mut().unwrap().remove("paused");
    let after = update(&schema(), Some(&live), new, &writer("kubectl-scale", 2));
    assert_eq!(fields_of(&after, "helm"), Value::Null);
    assert_eq!(fields_of(&after, "kubectl-scale"), json!({"f:spec": {"f:replicas": {}}}));
    let again = update(&schema(), Some(&after), after.clone(), &writer("other", 3));
    assert_eq!(again, after);
}

#[test]
fn clearing_managed_fields_stops_tracking() {
    let mut live = applied(None, &writer("helm", 1), &deployment(&json!({"replicas": 2}))).unwrap();
    live["metadata"]["uid"] = "u".into();
    let mut new = live.clone();
    new["metadata"]["managedFields"] = json!([]);
    new["spec"]["replicas"] = 3.into();
    let cleared = update(&schema(), Some(&live), new, &writer("kubectl", 2));
    assert!(cleared["metadata"].get("managedFields").is_none());
    let after =
        applied(Some(&cleared), &writer("helm", 3), &deployment(&json!({"replicas": 3}))).unwrap();
    assert_eq!(fields_of(&after, "before-first-apply"), json!({"f:spec": {"f:replicas": {}}}));
}

#[test]
fn more_than_ten_updaters_are_merged() {
    let mut live = update(&schema(), None, deployment(&json!({"replicas": 0})), &writer("m0", 0));
    for (second, manager) in
        ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "ma", "mb"].iter().enumerate()
    {
        let mut new = live.clone();
        new["metadata"]["labels"][*manager] = "x".into();
        live = update(
            &schema(),
            Some(&live),
            new,
            &writer(manager, u32::try_from(second).unwrap() + 1),
        );
    }
    let entries = live["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(entries.len(), 10);
    assert_eq!(entries[0]["manager"], "ancient-changes");
}

#[test]
fn ill_typed_objects_are_refused_in_upstreams_words() {
    let refuse = |spec: &Value| {
        applied(None, &writer("helm", 1), &deployment(spec)).unwrap_err().to_string()
    };
    assert_eq!(
        refuse(&json!({"replicas": "2"})),
        "failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.replicas: \
         expected numeric (int or float), got string"
    );
    assert_eq!(
        refuse(&json!({"foo": 1, "paused": 1})),
        "failed to create typed patch object (/web; apps/v1, Kind=Deployment): errors:\n  \
         .spec.foo: field not declared in schema\n  \
         .spec.paused: expected boolean, got &value.valueUnstructured{Value:1}"
    );
    let twice = pods(&[container("a", &json!({})), container("a", &json!({}))]);
    assert!(
        refuse(&twice)
            .ends_with(r#".spec.template.spec.containers: duplicate entries for key [name="a"]"#)
    );
}

#[test]
fn items_keep_the_order_of_the_applied_list() {
    let names = |object: &Value| -> Vec<String> {
        let containers = object["spec"]["template"]["spec"]["containers"].as_array().unwrap();
        containers.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    let of = |names: &[&str]| {
        deployment(&pods(&names.iter().map(|it| container(it, &json!({}))).collect::<Vec<_>>()))
    };
    let live = applied(None, &writer("one", 1), &of(&["a", "b", "c"])).unwrap();
    let after = applied(Some(&live), &writer("two", 2), &of(&["c", "x", "a"])).unwrap();
    assert_eq!(names(&after), ["b", "c", "x", "a"]);
}

#[test]
fn kubectls_annotation_follows() {
    let mut live = deployment(&json!({"replicas": 1}));
    live["metadata"]["annotations"] = json!({LAST_APPLIED: "{}"});
    let live = update(&schema(), None, live, &writer("kubectl-client-side-apply", 1));
    let after =
        applied(Some(&live), &writer("kubectl", 2), &deployment(&json!({"replicas": 1}))).unwrap();
    let annotation = meta::annotation(&after, LAST_APPLIED).unwrap();
    assert!(annotation.contains(r#""replicas":1"#) && annotation.ends_with('\n'), "{annotation}");
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    fn spec() -> impl Strategy<Value = Value> {
        let labels = prop::collection::btree_map("[ab]", "[xy]", 0..3);
        let containers = prop::collection::btree_map("[abc]", prop::option::of("[xy]"), 1..3);
        (prop::option::of(0_i32..3), labels, containers).prop_map(|(replicas, labels, containers)| {
            let containers: Vec<Value> = containers
                .into_iter()
                .map(|(name, image)| image.map_or(json!({"name": name}), |it| json!({"name": name, "image": it})))
                .collect();
            let mut spec = json!({"template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}});
            if let Some(replicas) = replicas {
                spec["replicas"] = replicas.into();
            }
            spec
        })
    }

    proptest! {
        #[test]
        fn applying_twice_is_applying_once(first in spec(), second in spec()) {
            let live = applied(None, &writer("one", 1), &deployment(&first)).unwrap();
            let by = writer("two", 2);
            let once = apply(&schema(), Some(&live), &deployment(&second), &by, true).unwrap();
            let twice = apply(&schema(), Some(&once), &deployment(&second), &by, true).unwrap();
            prop_assert_eq!(once, twice);
        }

        #[test]
        fn a_sole_applier_gets_what_it_applies(first in spec(), second in spec()) {
            let by = writer("one", 1);
            let live = applied(None, &by, &deployment(&first)).unwrap();
            let after = applied(Some(&live), &by, &deployment(&second)).unwrap();
            let fresh = applied(None, &by, &deployment(&second)).unwrap();
            prop_assert_eq!(after, fresh);
        }

        #[test]
        fn an_update_to_the_same_object_owns_nothing(first in spec()) {
            let live = applied(None, &writer("one", 1), &deployment(&first)).unwrap();
            prop_assert_eq!(update(&schema(), Some(&live), live.clone(), &writer("two", 2)), live);
        }

        #[test]
        fn fields_survive_encoding(first in spec()) {
            let set = field_set(schema().root(), &deployment(&first));
            prop_assert_eq!(FieldSet::from_json(&set.to_json()), set);
        }
    }
}
