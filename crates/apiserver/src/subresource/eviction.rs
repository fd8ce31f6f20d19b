//! `eviction`: a deletion that respects disruption budgets.

use http::{Response, StatusCode};
use kobject::{LabelSelector, Resource, catalog, meta, schema};
use serde_json::Value;

use crate::{
    api::{Api, prefix_in},
    body::{Body, json_response},
    call::Call,
    decode::{self, Expected},
    error::{ApiError, Cause},
    path::Target,
    status,
    strategy::Part,
    verb::{Options, delete_named, find},
    write::{Proposed, Writing},
};

pub(crate) async fn evict(
    api: &Api,
    call: &Call,
    target: &Target,
) -> Result<Response<Body>, ApiError> {
    if call.method != http::Method::POST {
        return Err(ApiError::MethodNotAllowed);
    }
    let options = options(call)?;
    let pod = find(api, target)?.object();
    let is_running =
        !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed" | "Pending"));
    if is_running && meta::deletion_timestamp(&pod).is_none() && !options.is_dry_run {
        spend_budget(api, call, target, &pod).await?;
    }
    let place = (target.namespace.as_str(), target.name.as_str());
    delete_named(api, target.resource, place, &options, call.now).await?;
    Ok(json_response(StatusCode::CREATED, &status::created()))
}

fn options(call: &Call) -> Result<Options, ApiError> {
    let untyped = || kobject::Schema::untyped("policy", "Eviction");
    let schema = schema::of_kind("policy/v1", "Eviction").unwrap_or_else(untyped);
    let expected = Expected { api_version: "policy/v1", kind: "Eviction", schema: &schema };
    let (eviction, _) = decode::body(call, &expected)?;
    let wanted = &eviction["deleteOptions"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Ok(Options {
        grace_seconds: wanted["gracePeriodSeconds"].as_i64(),
        uid: text(&wanted["preconditions"]["uid"]),
        resource_version: text(&wanted["preconditions"]["resourceVersion"]),
        is_dry_run: call.is_dry_run()? || !wanted["dryRun"].is_null(),
        ..Options::default()
    })
}

/// Takes one disruption from the budget that covers the pod; refuses when it has none.
///
/// Source: kubernetes 1.34, `pkg/registry/core/pod/storage/eviction.go`.
async fn spend_budget(
    api: &Api,
    call: &Call,
    target: &Target,
    pod: &Value,
) -> Result<(), ApiError> {
    let resource = catalog::by_plural("policy", "v1", "poddisruptionbudgets")
        .expect("disruption budgets are built in");
    let Some(name) = budget_of(api, resource, target, pod) else { return Ok(()) };
    let budget = Target { resource, name, subresource: "status".to_owned(), ..target.clone() };
    let writing = Writing::new(api, call, &budget, Part::Status)?;
    writing.update(&budget.name, &|live| spend(live, &target.name, &meta::time(call.now))).await?;
    Ok(())
}

fn budget_of(api: &Api, resource: &Resource, target: &Target, pod: &Value) -> Option<String> {
    let (entries, _) = api.store.list(&prefix_in(resource, &target.namespace));
    let covers = |budget: &Value| {
        LabelSelector::from_object(&budget["spec"]["selector"])
            .is_ok_and(|selector| selector.matches_object(pod))
    };
    let mut budgets = entries.iter().map(store::Entry::object).filter(covers);
    budgets.next().map(|it| meta::name(&it).to_owned())
}

fn spend(budget: &Value, pod: &str, now: &str) -> Result<Proposed, ApiError> {
    let allowed = budget["status"]["disruptionsAllowed"].as_i64().unwrap_or(0);
    if allowed <= 0 {
        let number = |name: &str| budget["status"][name].as_i64().unwrap_or(0);
        return Err(ApiError::TooManyRequests {
            message: "Cannot evict pod as it would violate the pod's disruption budget.".to_owned(),
            causes: vec![Cause {
                reason: "DisruptionBudget".to_owned(),
                message: format!(
                    "The disruption budget {} needs {} healthy pods and has {} currently",
                    meta::name(budget),
                    number("desiredHealthy"),
                    number("currentHealthy")
                ),
                field: String::new(),
            }],
        });
    }
    let mut budget = budget.clone();
    budget["status"]["disruptionsAllowed"] = (allowed - 1).into();
    budget["status"]["disruptedPods"][pod] = now.into();
    Ok(Proposed::Updated(budget))
}
