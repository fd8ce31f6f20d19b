//! From the stored release, the new manifest and the live objects to everything that a deploy will do.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::{
    diff::{self, FieldChange, Previous},
    fields, hook,
    object::{self, ObjectId},
    order,
    ownership::{self, Owner},
    record::{Hook, HookEvent},
    scaling,
};

/// What a plan is made from. Every object has its namespace, or belongs to the cluster.
#[derive(Debug)]
pub struct Inputs<'a> {
    pub owner: &'a Owner,
    pub operation: Operation,
    pub revision: u32,
    /// The objects of the new manifest, without ownership metadata.
    pub desired: &'a [Value],
    /// The objects of the stored manifests that the release may have in the cluster, the newest last.
    pub previous: &'a [Value],
    /// The last of those manifests was applied to its end: no revision after it failed.
    pub previous_was_applied: bool,
    /// What exists in the cluster of the objects above; what is missing here does not exist.
    pub live: &'a BTreeMap<ObjectId, Value>,
    pub hooks: &'a [Hook],
    /// Take objects over that belong to another release or to nobody.
    pub takes_ownership: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    Install,
    Upgrade,
    Rollback { to: u32 },
}

impl Operation {
    pub fn hooks_before(self) -> HookEvent {
        match self {
            Self::Install => HookEvent::PreInstall,
            Self::Upgrade => HookEvent::PreUpgrade,
            Self::Rollback { .. } => HookEvent::PreRollback,
        }
    }

    pub fn hooks_after(self) -> HookEvent {
        match self {
            Self::Install => HookEvent::PostInstall,
            Self::Upgrade => HookEvent::PostUpgrade,
            Self::Rollback { .. } => HookEvent::PostRollback,
        }
    }
}

/// Everything that a deploy does, in order: hooks before, changes, deletes, hooks after.
///
/// Guarantees: the plan of the state that it leads to has no changes and no deletes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    pub owner: Owner,
    pub operation: Operation,
    pub revision: u32,
    pub hooks_before: Vec<PlannedHook>,
    /// In install order; objects of one kind that follow each other go in parallel.
    pub changes: Vec<Change>,
    /// In uninstall order.
    pub deletes: Vec<ObjectDelete>,
    pub hooks_after: Vec<PlannedHook>,
    /// What left the manifest and stays, because its resource policy says so or it belongs to others.
    pub kept: Vec<Kept>,
    pub unchanged: Vec<ObjectId>,
    /// Everything that must become ready, in install order.
    #[serde(skip)]
    pub objects: Vec<Value>,
}

/// One object to apply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    pub id: ObjectId,
    pub action: Action,
    /// What is sent: the manifest with the ownership metadata.
    #[serde(skip)]
    pub object: Value,
    /// A JSON patch to send first, that changes who owns which field.
    #[serde(skip)]
    pub managed_fields: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    Create,
    /// The values of Secrets are hidden.
    Patch(Vec<FieldChange>),
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectDelete {
    pub id: ObjectId,
    #[serde(skip)]
    pub object: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kept {
    pub id: ObjectId,
    pub reason: KeptReason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptReason {
    ResourcePolicy,
    /// The live object is marked as another release's, or nobody's.
    Foreign,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedHook {
    pub name: String,
    pub kind: String,
    pub event: HookEvent,
    pub weight: i64,
    /// Where it stands in the record's hooks.
    pub position: usize,
}

#[derive(Debug, Error)]
pub enum PlanError {
    #[error(
        "{id} exists and cannot be imported into the current release: invalid ownership metadata; {}",
        problems.join("; ")
    )]
    Ownership { id: ObjectId, problems: Vec<String> },
    #[error("the manifest holds {id} twice")]
    Twice { id: ObjectId },
}

/// Compares what should be with what is.
///
/// Objects new to the release that exist already must carry its ownership metadata, or be taken over;
/// those of the stored manifests need not, as Helm has it.
pub fn plan(inputs: &Inputs<'_>) -> Result<Plan, PlanError> {
    let previous: BTreeMap<ObjectId, &Value> =
        inputs.previous.iter().map(|it| (ObjectId::of(it), it)).collect();
    let mut desired = inputs.desired.to_vec();
    order::sort_install(&mut desired, |it| it);
    let mut plan = Plan {
        owner: inputs.owner.clone(),
        operation: inputs.operation,
        revision: inputs.revision,
        hooks_before: planned_hooks(inputs.hooks, inputs.operation.hooks_before()),
        changes: Vec::new(),
        deletes: Vec::new(),
        hooks_after: planned_hooks(inputs.hooks, inputs.operation.hooks_after()),
        kept: Vec::new(),
        unchanged: Vec::new(),
        objects: Vec::new(),
    };
    let mut ids = BTreeMap::new();
    for object in desired {
        let id = ObjectId::of(&object);
        if ids.insert(id.clone(), ()).is_some() && !id.name.is_empty() {
            return Err(PlanError::Twice { id });
        }
        let before = previous.get(&id).copied();
        add_object(&mut plan, inputs, (id, object), before)?;
    }
    for (id, _) in previous.into_iter().filter(|(id, _)| !ids.contains_key(id)) {
        if let Some(live) = inputs.live.get(&id) {
            add_delete(&mut plan, id, live);
        }
    }
    order::sort_uninstall(&mut plan.deletes, |it| &it.object);
    Ok(plan)
}

impl Plan {
    /// Says that the cluster holds everything as the manifest has it; hooks are not asked.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.deletes.is_empty()
    }

    /// The fields that other managers set otherwise, each as a line; applying over them must be asked for.
    pub fn conflicts(&self) -> Vec<String> {
        let mut conflicts = Vec::new();
        for change in &self.changes {
            let Action::Patch(fields) = &change.action else { continue };
            let taken = fields.iter().filter(|it| it.set_by.is_some());
            conflicts.extend(taken.map(|it| format!("{} {it}", change.id)));
        }
        conflicts
    }

    /// One line for each thing that will be done, in its order, with the fields that change below their object.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for change in &self.changes {
            match &change.action {
                Action::Create => lines.push(format!("create {}", change.id)),
                Action::Patch(fields) => {
                    lines.push(format!("change {}", change.id));
                    lines.extend(fields.iter().map(|it| format!("  {it}")));
                }
            }
        }
        lines.extend(self.deletes.iter().map(|it| format!("delete {}", it.id)));
        lines.push(self.to_string());
        lines
    }

    pub fn n_creates(&self) -> usize {
        self.changes.iter().filter(|it| it.action == Action::Create).count()
    }

    pub fn n_patches(&self) -> usize {
        self.changes.len() - self.n_creates()
    }
}

/// `2 to create, 1 to change, 0 to delete, 7 unchanged`.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n_creates, n_patches) = (self.n_creates(), self.n_patches());
        let (n_deletes, n_unchanged) = (self.deletes.len(), self.unchanged.len());
        write!(
            f,
            "{n_creates} to create, {n_patches} to change, {n_deletes} to delete, {n_unchanged} unchanged"
        )
    }
}

fn add_object(
    plan: &mut Plan,
    inputs: &Inputs<'_>,
    (id, manifest): (ObjectId, Value),
    previous: Option<&Value>,
) -> Result<(), PlanError> {
    let marked = |object: &Value| {
        let mut object = object.clone();
        ownership::mark(&mut object, inputs.owner);
        object
    };
    let object = marked(&manifest);
    plan.objects.push(object.clone());
    let Some(live) = inputs.live.get(&id) else {
        plan.changes.push(Change { id, action: Action::Create, object, managed_fields: None });
        return Ok(());
    };
    if previous.is_none() && !inputs.takes_ownership {
        let problems = ownership::problems(live, inputs.owner);
        if !problems.is_empty() {
            return Err(PlanError::Ownership { id, problems });
        }
    }
    let is_handed_over = scaling::is_handed_over(&object, inputs.desired);
    let entries = fields::before_apply(live, is_handed_over);
    let mut live_then = Cow::Borrowed(live);
    let mut previous = previous.map(marked);
    if is_handed_over {
        previous = previous.as_ref().map(scaling::without_replicas);
        if let Some(entries) = &entries {
            live_then.to_mut()["metadata"]["managedFields"] = entries.clone().into();
        }
    }
    let previous = previous
        .as_ref()
        .map(|manifest| Previous { manifest, was_applied: inputs.previous_was_applied });
    let mut fields = diff::changes(&object, previous, &live_then);
    if object::kind(&object) == "Secret" {
        hide(&mut fields);
    }
    if fields.is_empty() {
        plan.unchanged.push(id);
    } else {
        let managed_fields = entries.map(|it| fields::patch(live, &it));
        plan.changes.push(Change { id, action: Action::Patch(fields), object, managed_fields });
    }
    Ok(())
}

fn add_delete(plan: &mut Plan, id: ObjectId, live: &Value) {
    if ownership::is_kept_live(live) {
        plan.kept.push(Kept { id, reason: KeptReason::ResourcePolicy });
    } else if !ownership::problems(live, &plan.owner).is_empty() {
        plan.kept.push(Kept { id, reason: KeptReason::Foreign });
    } else {
        plan.deletes.push(ObjectDelete { id, object: live.clone() });
    }
}

fn planned_hooks(hooks: &[Hook], event: HookEvent) -> Vec<PlannedHook> {
    let planned = |position: usize| {
        let hook: &Hook = &hooks[position];
        PlannedHook {
            name: hook.name.clone(),
            kind: hook.kind.clone(),
            event,
            weight: hook.weight,
            position,
        }
    };
    hook::for_event(hooks, event).into_iter().map(planned).collect()
}

/// What is secret is said to change, not what it is.
fn hide(fields: &mut [FieldChange]) {
    for field in fields
        .iter_mut()
        .filter(|it| it.path.starts_with("data") || it.path.starts_with("stringData"))
    {
        for side in [&mut field.old, &mut field.new] {
            if side.is_some() {
                *side = Some(Value::from("(hidden)"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
