//! Required affinity and anti-affinity between pods.

use serde_json::Value;

use super::fit::{Node, Verdict, refuse};
use crate::{kinds, labels, object, world::World};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

pub(super) fn check(world: &World, nodes: &[Node<'_>], node: &Node<'_>, pod: &Value) -> Verdict {
    if terms(pod, "podAffinity").iter().any(|it| topology(it, node).is_none()) {
        return refuse(false, "node(s) didn't match pod affinity rules");
    }
    if !is_attracted(world, nodes, node, pod) {
        return refuse(false, "node(s) didn't match pod affinity rules");
    }
    let is_repelled = terms(pod, "podAntiAffinity")
        .iter()
        .any(|term| near(nodes, node, term).any(|other| is_selected(world, term, pod, other)));
    if is_repelled {
        return refuse(true, "node(s) didn't match pod anti-affinity rules");
    }
    let repels = nodes.iter().flat_map(|it| it.pods.iter().map(move |other| (it, *other))).any(
        |(at, other)| {
            terms(other, "podAntiAffinity").iter().any(|term| {
                topology(term, at).is_some_and(|it| topology(term, node) == Some(it))
                    && is_selected(world, term, other, pod)
            })
        },
    );
    if repels {
        return refuse(true, "node(s) didn't satisfy existing pods anti-affinity rules");
    }
    Ok(())
}

fn terms<'a>(pod: &'a Value, affinity: &str) -> &'a [Value] {
    object::list_at(pod, &format!("spec.affinity.{affinity}.{REQUIRED}"))
}

/// A pod that matches all terms is near; or no such pod exists and the pod would itself be the first of its kind.
fn is_attracted(world: &World, nodes: &[Node<'_>], node: &Node<'_>, pod: &Value) -> bool {
    let terms = terms(pod, "podAffinity");
    let is_match = |other: &Value| terms.iter().all(|term| is_selected(world, term, pod, other));
    let is_near = |term: &Value| near(nodes, node, term).any(is_match);
    terms.iter().all(is_near)
        || (is_match(pod) && !nodes.iter().any(|it| it.pods.iter().any(|other| is_match(other))))
}

fn topology<'a>(term: &Value, node: &Node<'a>) -> Option<&'a str> {
    node.labels()?.get(object::str_at(term, "topologyKey"))?.as_str()
}

/// The pods in the same topology domain.
fn near<'n>(
    nodes: &'n [Node<'n>],
    node: &Node<'n>,
    term: &Value,
) -> impl Iterator<Item = &'n Value> {
    let domain = topology(term, node).map(str::to_owned);
    let key = object::str_at(term, "topologyKey").to_owned();
    let is_near = move |other: &&Node<'n>| {
        let value = other.labels().and_then(|it| it.get(&key)).and_then(Value::as_str);
        domain.is_some() && value == domain.as_deref()
    };
    nodes.iter().filter(is_near).flat_map(|it| it.pods.iter().copied())
}

/// Whether a term of `owner` selects `other`, by namespace and labels.
fn is_selected(world: &World, term: &Value, owner: &Value, other: &Value) -> bool {
    let namespace = object::namespace(other);
    let listed = object::list_at(term, "namespaces");
    let selector = object::at(term, "namespaceSelector");
    let is_namespace = if listed.is_empty() && selector.is_none() {
        namespace == object::namespace(owner)
    } else {
        listed.iter().any(|it| it == namespace)
            || world
                .find(kinds::NAMESPACE, "", namespace)
                .is_some_and(|it| labels::selects(selector, object::labels(it)))
    };
    is_namespace && labels::selects(object::at(term, "labelSelector"), object::labels(other))
}
