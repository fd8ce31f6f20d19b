//! The documents by which clients learn what is served, aggregated (v2) and one by one (v1).
//!
//! Every function takes the resources, so that custom ones are described beside [`super::all`].
//! Groups and versions come in the order in which the slice first names them.

use serde_json::{Map, Value, json};

use super::{Resource, Subresource, api_version};

/// The aggregated document of `/api`: the core group's resources.
pub fn aggregated_core(resources: &[&Resource]) -> Value {
    aggregated(resources, |group| group.is_empty())
}

/// The aggregated document of `/apis`: every other group's resources.
pub fn aggregated_groups(resources: &[&Resource]) -> Value {
    aggregated(resources, |group| !group.is_empty())
}

/// The unaggregated document of `/api`; `address` is where the server is reached: `10.0.0.1:6443`.
pub fn api_versions(address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": address }],
    })
}

/// The unaggregated document of `/apis`: every group but the core one.
pub fn api_group_list(resources: &[&Resource]) -> Value {
    let groups: Vec<Value> = groups(resources)
        .into_iter()
        .filter(|it| !it.is_empty())
        .map(|group| group_value(resources, group))
        .collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// The document of `/apis/GROUP`; `None` when no resource is of this group.
pub fn api_group(resources: &[&Resource], group: &str) -> Option<Value> {
    if !resources.iter().any(|it| it.group == group) {
        return None;
    }
    let mut value = group_value(resources, group);
    value["kind"] = "APIGroup".into();
    value["apiVersion"] = "v1".into();
    Some(value)
}

/// The document of `/api/v1` or `/apis/GROUP/VERSION`; `None` when there is no such resource.
pub fn api_resource_list(resources: &[&Resource], group: &str, version: &str) -> Option<Value> {
    let mut listed = Vec::new();
    for resource in resources.iter().filter(|it| it.group == group && it.version == version) {
        listed.push(resource_entry(resource));
        listed.extend(resource.subresources.iter().map(|it| subresource_entry(resource, it)));
    }
    if listed.is_empty() {
        return None;
    }
    let mut list = json!({
        "kind": "APIResourceList",
        "groupVersion": api_version(group, version),
        "resources": listed,
    });
    // The real server leaves it out for the core group, whose document is older than the field.
    if !group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    Some(list)
}

fn groups<'a>(resources: &[&'a Resource]) -> Vec<&'a str> {
    let mut groups: Vec<&str> = Vec::new();
    for resource in resources {
        if !groups.contains(&resource.group.as_str()) {
            groups.push(&resource.group);
        }
    }
    groups
}

fn versions<'a>(resources: &[&'a Resource], group: &str) -> Vec<&'a str> {
    let mut versions: Vec<&str> = Vec::new();
    for resource in resources.iter().filter(|it| it.group == group) {
        if !versions.contains(&resource.version.as_str()) {
            versions.push(&resource.version);
        }
    }
    versions
}

fn group_value(resources: &[&Resource], group: &str) -> Value {
    let versions: Vec<Value> = versions(resources, group)
        .into_iter()
        .map(|it| json!({ "groupVersion": api_version(group, it), "version": it }))
        .collect();
    let preferred = versions.first().cloned();
    json!({ "name": group, "versions": versions, "preferredVersion": preferred })
}

fn resource_entry(resource: &Resource) -> Value {
    let mut entry = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.is_namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
    });
    insert_words(&mut entry, "shortNames", &resource.short_names);
    insert_words(&mut entry, "categories", &resource.categories);
    if !resource.storage_version_hash.is_empty() {
        entry["storageVersionHash"] = resource.storage_version_hash.as_str().into();
    }
    entry
}

fn subresource_entry(resource: &Resource, subresource: &Subresource) -> Value {
    let mut entry = json!({
        "name": format!("{}/{}", resource.plural, subresource.name),
        "singularName": "",
        "namespaced": resource.is_namespaced,
        "kind": subresource.kind,
        "verbs": subresource.verbs,
    });
    if subresource.group != resource.group || subresource.version != resource.version {
        entry["group"] = subresource.group.as_str().into();
        entry["version"] = subresource.version.as_str().into();
    }
    entry
}

fn insert_words(entry: &mut Value, key: &str, words: &[String]) {
    if !words.is_empty() {
        entry[key] = words.into();
    }
}

fn aggregated(resources: &[&Resource], is_wanted: impl Fn(&str) -> bool) -> Value {
    let items: Vec<Value> = groups(resources)
        .into_iter()
        .filter(|group| is_wanted(group))
        .map(|group| aggregated_group(resources, group))
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    })
}

fn aggregated_group(resources: &[&Resource], group: &str) -> Value {
    let mut metadata = Map::new();
    if !group.is_empty() {
        metadata.insert("name".into(), group.into());
    }
    let versions: Vec<Value> = versions(resources, group)
        .into_iter()
        .map(|version| {
            let of_version =
                resources.iter().filter(|it| it.group == group && it.version == version);
            let resources: Vec<Value> = of_version.map(|it| aggregated_resource(it)).collect();
            json!({ "version": version, "resources": resources, "freshness": "Current" })
        })
        .collect();
    json!({ "metadata": metadata, "versions": versions })
}

fn aggregated_resource(resource: &Resource) -> Value {
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": { "group": "", "version": "", "kind": resource.kind },
        "scope": if resource.is_namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    insert_words(&mut entry, "shortNames", &resource.short_names);
    insert_words(&mut entry, "categories", &resource.categories);
    let subresources: Vec<Value> =
        resource.subresources.iter().map(|it| aggregated_subresource(resource, it)).collect();
    if !subresources.is_empty() {
        entry["subresources"] = subresources.into();
    }
    entry
}

/// A kind of the resource's own group version is written without them, as upstream does.
fn aggregated_subresource(resource: &Resource, subresource: &Subresource) -> Value {
    let is_own = subresource.group == resource.group && subresource.version == resource.version;
    let (group, version) =
        if is_own { ("", "") } else { (subresource.group.as_str(), subresource.version.as_str()) };
    json!({
        "subresource": subresource.name,
        "responseKind": { "group": group, "version": version, "kind": subresource.kind },
        "verbs": subresource.verbs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<&'static Resource> {
        super::super::all().iter().collect()
    }

    #[test]
    fn aggregated_documents_divide_the_groups() {
        let core = aggregated_core(&all());
        assert_eq!(core["items"].as_array().unwrap().len(), 1);
        assert_eq!(core["items"][0]["versions"][0]["version"], "v1");
        let groups = aggregated_groups(&all());
        let names: Vec<&str> = groups["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["metadata"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(names[..3], ["apiregistration.k8s.io", "apps", "events.k8s.io"]);
        assert!(names.contains(&"rbac.authorization.k8s.io"));
    }

    #[test]
    fn autoscaling_prefers_v2() {
        let group = api_group(&all(), "autoscaling").unwrap();
        assert_eq!(group["preferredVersion"]["groupVersion"], "autoscaling/v2");
        assert_eq!(group["versions"][1]["version"], "v1");
        assert_eq!(api_group(&all(), "nothing.example.com"), None);
    }

    #[test]
    fn legacy_list_names_subresources_with_their_own_group() {
        let list = api_resource_list(&all(), "apps", "v1").unwrap();
        let scale = list["resources"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["name"] == "deployments/scale")
            .unwrap()
            .clone();
        assert_eq!(
            scale,
            json!({"name": "deployments/scale", "singularName": "", "namespaced": true, "kind": "Scale",
                "group": "autoscaling", "version": "v1", "verbs": ["get", "patch", "update"]})
        );
    }
}
