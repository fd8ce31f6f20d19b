//! Release records; from a stored release and new manifests to an ordered plan.
