//! Kinds that are stored but not acted on: each object gets an event that says so, once.

use serde_json::Value;

use crate::{
    action::{self, Action, Notice},
    facts::Facts,
    kinds::{self, Kind},
    object,
    world::Key,
};

const REASON: &str = "NotSupported";
const COMPONENT: &str = "zarpa";

/// The kinds, each with what does not happen.
pub const UNSUPPORTED: &[(Kind, &str)] = &[
    (
        kinds::HORIZONTAL_POD_AUTOSCALER,
        "HorizontalPodAutoscaler is stored but not acted on: replicas do not follow load",
    ),
    (kinds::CRON_JOB, "CronJob is stored but not acted on: no Job is started by its schedule"),
    (
        kinds::NETWORK_POLICY,
        "NetworkPolicy is stored but not enforced: all pods can reach each other",
    ),
    (
        kinds::REPLICATION_CONTROLLER,
        "ReplicationController is stored but not acted on: use a Deployment",
    ),
    (
        kinds::RESOURCE_QUOTA,
        "ResourceQuota is stored but not enforced, and its status is not computed",
    ),
    (kinds::LIMIT_RANGE, "LimitRange is stored but its limits and defaults are not applied"),
    (
        kinds::CERTIFICATE_SIGNING_REQUEST,
        "CertificateSigningRequest is stored but nothing is signed",
    ),
    (kinds::VOLUME_ATTACHMENT, "VolumeAttachment is stored but nothing is attached"),
    (kinds::CSI_DRIVER, "CSIDriver is stored but CSI drivers are not called"),
    (
        kinds::RUNTIME_CLASS,
        "RuntimeClass is stored but all pods run under the one built-in runtime",
    ),
    (
        kinds::MUTATING_WEBHOOK,
        "MutatingWebhookConfiguration is stored but no admission webhook is called",
    ),
    (
        kinds::VALIDATING_WEBHOOK,
        "ValidatingWebhookConfiguration is stored but no admission webhook is called",
    ),
    (
        kinds::API_SERVICE,
        "APIService is stored but requests are not forwarded to an aggregated API server",
    ),
];

pub(crate) fn message(kind: Kind) -> Option<&'static str> {
    UNSUPPORTED.iter().find(|(it, _)| *it == kind).map(|(_, message)| *message)
}

/// Decides on one object of such a kind.
pub(crate) fn unsupported(facts: &Facts<'_>, key: &Key) -> Vec<Action> {
    let Some(object) = facts.world.get(key) else { return Vec::new() };
    let Some(message) = message(key.kind).filter(|_| !is_told(facts, object)) else {
        return Vec::new();
    };
    let about = action::reference(key.kind, object);
    vec![Action::Record(Notice::warning(COMPONENT, about, REASON, message.to_owned()))]
}

fn is_told(facts: &Facts<'_>, object: &Value) -> bool {
    let namespace = match object::namespace(object) {
        "" => "default",
        namespace => namespace,
    };
    let mut events = facts.world.list_in(kinds::EVENT, namespace);
    events.any(|it| {
        it["reason"] == REASON && object::str_at(it, "involvedObject.uid") == object::uid(object)
    })
}
