//! ControllerRevisions: the history of the templates of StatefulSets and DaemonSets.
//!
//! Source: Kubernetes 1.34, `pkg/controller/history`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    action::{self, Action, Target},
    facts::Facts,
    kinds::{self, Kind},
    object, template,
};

pub(crate) const HASH: &str = "controller-revision-hash";

/// The revisions of one workload, oldest first.
pub(crate) struct History {
    pub(crate) revisions: Vec<Arc<Value>>,
    /// The one that the current template is.
    pub(crate) update: Arc<Value>,
}

/// Finds the revision of the current template, or says what has to be written before there is one.
pub(crate) fn history(
    facts: &Facts<'_>,
    kind: Kind,
    owner: &Value,
) -> Result<History, Box<Action>> {
    let all = facts.world.dependents_of(object::uid(owner), kinds::CONTROLLER_REVISION);
    let mut revisions: Vec<Arc<Value>> =
        all.filter(|it| object::is_controlled_by(it, owner)).cloned().collect();
    revisions.sort_by_key(|it| (number(it), object::created(it), object::name(it).to_owned()));
    let template = template::normalize(&owner["spec"]["template"]);
    let last = revisions.last().map_or(0, |it| number(it));
    match revisions.iter().rfind(|it| template_of(it) == template).cloned() {
        None => Err(Box::new(create(kind, owner, &template, last + 1))),
        Some(update) if number(&update) < last => {
            let mut new = (*update).clone();
            new["revision"] = (last + 1).into();
            let raise = action::update(kinds::CONTROLLER_REVISION, &update, &new);
            Err(Box::new(raise.expect("the number is another")))
        }
        Some(update) => Ok(History { revisions, update }),
    }
}

fn number(revision: &Value) -> i64 {
    object::int_at(revision, "revision").unwrap_or_default()
}

/// The pod template that a revision keeps.
pub(crate) fn template_of(revision: &Value) -> Value {
    let mut template = revision["data"]["spec"]["template"].clone();
    if let Some(template) = template.as_object_mut() {
        template.remove("$patch");
    }
    template::normalize(&template)
}

fn create(kind: Kind, owner: &Value, template: &Value, number: i64) -> Action {
    let hash = template::hash(template, object::int_at(owner, "status.collisionCount"));
    let mut data = template.clone();
    data["$patch"] = "replace".into();
    let mut labels = object::map_at(template, "metadata.labels").cloned().unwrap_or_default();
    labels.insert(HASH.to_owned(), hash.as_str().into());
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": format!("{}-{hash}", object::truncate(object::name(owner), 223)),
            "namespace": object::namespace(owner),
            "labels": labels,
            "annotations": object::map_at(owner, "metadata.annotations"),
            "ownerReferences": [object::controller_reference(kind, owner)],
        },
        "data": { "spec": { "template": data } },
        "revision": number,
    });
    Action::Create { kind: kinds::CONTROLLER_REVISION, object, report: None }
}

/// The name by which pods say which revision they are of.
pub(crate) fn hash(revision: &Value) -> &str {
    object::label(revision, HASH).unwrap_or_default()
}

/// Deletes the oldest revisions that no pod is of, beyond the limit.
pub(crate) fn clean_up(
    owner: &Value,
    history: &History,
    is_live: impl Fn(&Value) -> bool,
) -> Vec<Action> {
    let limit = object::int_at(owner, "spec.revisionHistoryLimit").unwrap_or(10);
    let unused: Vec<_> = history
        .revisions
        .iter()
        .filter(|it| object::uid(it) != object::uid(&history.update) && !is_live(it))
        .collect();
    let n_surplus = unused.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    let surplus = unused.into_iter().take(n_surplus);
    let target = |it: &Value| Target::of(kinds::CONTROLLER_REVISION, it);
    surplus
        .map(|it| Action::Delete { target: target(it), propagation: None, report: None })
        .collect()
}
