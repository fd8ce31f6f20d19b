//! Fields that nobody can own: identity, and what a path resets whatever is sent.

use super::set::FieldSet;
use crate::schema::Schema;

/// Fields that are never part of an entry (upstream `stripmeta.go`).
pub(super) fn unmanaged() -> FieldSet {
    FieldSet::of_paths(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
}

/// Fields that writing to the object, or to one of its subresources, does not change.
///
/// Source: Kubernetes 1.34, `GetResetFields` of `pkg/registry/*/*/strategy.go`.
pub(super) fn fields(schema: &Schema, subresource: &str) -> FieldSet {
    let paths: &[&[&str]] = match (subresource, schema.kind()) {
        ("", "CertificateSigningRequest") => &[&["spec"], &["status"]],
        ("status", "CertificateSigningRequest") => &[&["spec"], &["status", "conditions"]],
        ("approval", "CertificateSigningRequest") => &[&["spec"], &["status", "certificate"]],
        ("finalize", "Namespace") => &[&["status"]],
        ("", _) if schema.has_status_subresource() => &[&["status"]],
        ("status", "Pod") => {
            &[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]]
        }
        ("status", "Deployment") => &[&["spec"], &["metadata", "labels"]],
        (
            "status",
            "ValidatingAdmissionPolicy"
            | "FlowSchema"
            | "PriorityLevelConfiguration"
            | "VolumeAttachment",
        ) => &[&["spec"], &["metadata"]],
        ("status", _) if schema.is_custom() => &[&["spec"], &["metadata"]],
        ("status", _) => &[&["spec"]],
        _ => &[],
    };
    FieldSet::of_paths(paths)
}
