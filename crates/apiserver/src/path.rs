//! From a path to what it addresses.

use kobject::{Resource, catalog};

/// What a path addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// `/`: the list of paths.
    Root,
    Version,
    /// `/healthz`, `/livez`, `/readyz`, and their named checks.
    Health,
    /// `/api`: the versions of the core group.
    CoreVersions,
    /// `/apis`: all groups.
    Groups,
    /// `/apis/GROUP`.
    Group(&'a str),
    /// `/api/v1` and `/apis/GROUP/VERSION`: the resources of a version.
    Resources {
        group: &'a str,
        version: &'a str,
    },
    OpenApiIndex,
    OpenApiDocument {
        group: &'a str,
        version: &'a str,
    },
    OpenApiV2,
    OpenIdConfiguration,
    OpenIdKeys,
    Object(Target),
    Nothing,
}

/// An object, a collection, or a part of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) resource: &'static Resource,
    /// Empty for all namespaces, and for what has none.
    pub(crate) namespace: String,
    /// Empty for the collection.
    pub(crate) name: String,
    /// `status`, `log`; empty for the object itself.
    pub(crate) subresource: String,
}

/// Finds what a path addresses; the segments are still percent-encoded.
pub(crate) fn route(path: &str) -> Route<'_> {
    let segments: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
    match segments[..] {
        [] => Route::Root,
        ["version"] => Route::Version,
        ["healthz" | "livez" | "readyz", ..] => Route::Health,
        ["api"] => Route::CoreVersions,
        ["apis"] => Route::Groups,
        ["apis", group] => Route::Group(group),
        ["openapi", "v2"] => Route::OpenApiV2,
        ["openapi", "v3"] => Route::OpenApiIndex,
        ["openapi", "v3", "api", version] => Route::OpenApiDocument { group: "", version },
        ["openapi", "v3", "apis", group, version] => Route::OpenApiDocument { group, version },
        [".well-known", "openid-configuration"] => Route::OpenIdConfiguration,
        ["openid", "v1", "jwks"] => Route::OpenIdKeys,
        ["api", version] => Route::Resources { group: "", version },
        ["apis", group, version] => Route::Resources { group, version },
        ["api", version, ref rest @ ..] => object("", version, rest),
        ["apis", group, version, ref rest @ ..] => object(group, version, rest),
        _ => Route::Nothing,
    }
}

fn object<'a>(group: &str, version: &str, segments: &[&str]) -> Route<'a> {
    let target = match segments {
        ["namespaces", namespace, plural, rest @ ..] if !is_namespace_part(rest, plural) => {
            find(group, version, plural, namespace, rest)
        }
        [plural, rest @ ..] => find(group, version, plural, "", rest),
        [] => None,
    };
    target.map_or(Route::Nothing, Route::Object)
}

/// Whether `/namespaces/NAME/PLURAL` is a part of the Namespace rather than a resource in it.
fn is_namespace_part(rest: &[&str], plural: &str) -> bool {
    rest.is_empty() && matches!(plural, "status" | "finalize")
}

fn find(
    group: &str,
    version: &str,
    plural: &str,
    namespace: &str,
    rest: &[&str],
) -> Option<Target> {
    let resource = catalog::by_plural(group, version, plural)?;
    let (name, subresource) = match rest {
        [] => ("", ""),
        [name] => (*name, ""),
        [name, subresource] => (*name, *subresource),
        // Everything behind `proxy` belongs to the proxied server.
        [name, "proxy", ..] => (*name, "proxy"),
        _ => return None,
    };
    let is_in_namespace = !namespace.is_empty();
    // Objects of namespaces are only listed without one.
    if is_in_namespace && !resource.is_namespaced
        || resource.is_namespaced && !is_in_namespace && !name.is_empty()
    {
        return None;
    }
    Some(Target {
        resource,
        namespace: decode(namespace),
        name: decode(name),
        subresource: subresource.to_owned(),
    })
}

fn decode(segment: &str) -> String {
    crate::query::percent_decode(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expect: &str) {
        let found = match route(path) {
            Route::Object(target) => format!(
                "{} [{}] [{}] [{}]",
                target.resource.group_resource(),
                target.namespace,
                target.name,
                target.subresource
            ),
            other => format!("{other:?}"),
        };
        assert_eq!(found, expect, "{path}");
    }

    #[test]
    fn paths_of_objects_are_taken_apart() {
        check("/api/v1/pods", "pods [] [] []");
        check("/api/v1/namespaces/a/pods", "pods [a] [] []");
        check("/api/v1/namespaces/a/pods/b/log", "pods [a] [b] [log]");
        check("/api/v1/namespaces/a", "namespaces [] [a] []");
        check("/api/v1/namespaces/a/finalize", "namespaces [] [a] [finalize]");
        check("/api/v1/namespaces/a/services/b/proxy/x/y", "services [a] [b] [proxy]");
        check("/apis/apps/v1/namespaces/a/deployments/b/scale", "deployments.apps [a] [b] [scale]");
        check(
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a%2Fb",
            "clusterroles.rbac.authorization.k8s.io [] [system:a/b] []",
        );
    }

    #[test]
    fn what_is_no_object_is_told_apart() {
        check("/", "Root");
        check("/api", "CoreVersions");
        check("/apis/apps", "Group(\"apps\")");
        check("/apis/apps/v1", "Resources { group: \"apps\", version: \"v1\" }");
        check("/openapi/v3/api/v1", "OpenApiDocument { group: \"\", version: \"v1\" }");
        check("/readyz/ping", "Health");
        check("/api/v1/pods/b", "Nothing");
        check("/api/v1/namespaces/a/nodes", "Nothing");
        check("/apis/apps/v1/unicorns", "Nothing");
        check("/metrics", "Nothing");
    }

    proptest::proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "(/[a-z0-9%.]{0,9}){0,8}", any in ".{0,60}") {
            let _found = route(&path);
            let _found = route(&any);
            let _found = route(&format!("/api/v1{path}"));
        }
    }
}
