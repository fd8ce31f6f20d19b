//! The lock of a release: a Lease beside the pending revision, and who may take it over.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// How long a lease holds without being renewed.
pub const LEASE_SECONDS: i64 = 30;

/// The process that holds a lock, so that its death can be seen from the same machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub host: String,
    /// Changes whenever the machine starts.
    pub boot_id: String,
    pub pid: u32,
    /// When the process started, in clock ticks since boot: a pid alone may be used again.
    pub started_ticks: u64,
}

impl Holder {
    /// Reads what `Display` wrote; `None` for the lease of another program.
    pub fn parse(identity: &str) -> Option<Self> {
        let mut parts = identity.split('/');
        let holder = Self {
            host: parts.next()?.to_owned(),
            boot_id: parts.next()?.to_owned(),
            pid: parts.next()?.parse().ok()?,
            started_ticks: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(holder)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.host, self.boot_id, self.pid, self.started_ticks)
    }
}

/// What a lease that exists already means for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    Ours,
    /// Nobody holds it any more: it may be taken over at once.
    Abandoned {
        why: &'static str,
    },
    Held {
        by: String,
        since: Option<Timestamp>,
    },
}

/// The name of a release's lease.
pub fn lease_name(release: &str) -> String {
    format!("zarpa-lock-{release}")
}

/// Judges a lease; `is_alive` is only asked for holders of this machine since it started.
pub fn judge(
    lease: &Value,
    me: &Holder,
    is_alive: impl Fn(&Holder) -> bool,
    now: Timestamp,
) -> Claim {
    let spec = &lease["spec"];
    let identity = spec["holderIdentity"].as_str().unwrap_or_default();
    let since = spec["acquireTime"].as_str().and_then(|it| it.parse().ok());
    let renewed: Option<Timestamp> = spec["renewTime"].as_str().and_then(|it| it.parse().ok());
    let seconds = spec["leaseDurationSeconds"].as_i64().unwrap_or(LEASE_SECONDS);
    if identity.is_empty() {
        return Claim::Abandoned { why: "it was released" };
    }
    if let Some(holder) = Holder::parse(identity) {
        if holder == *me {
            return Claim::Ours;
        }
        if holder.host == me.host && holder.boot_id != me.boot_id {
            return Claim::Abandoned { why: "this machine started again since" };
        }
        if holder.host == me.host && !is_alive(&holder) {
            return Claim::Abandoned { why: "its holder on this machine is gone" };
        }
    }
    match renewed {
        Some(renewed) if renewed + SignedDuration::from_secs(seconds) > now => {
            Claim::Held { by: identity.to_owned(), since }
        }
        _ => Claim::Abandoned { why: "it expired" },
    }
}

/// The lease as we write it; `existing` is what we take over, with its version.
pub fn lease(
    release: &str,
    namespace: &str,
    me: &Holder,
    now: Timestamp,
    existing: Option<&Value>,
) -> Value {
    let transitions =
        existing.map_or(0, |it| it["spec"]["leaseTransitions"].as_i64().unwrap_or_default() + 1);
    let mut lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": lease_name(release), "namespace": namespace },
        "spec": {
            "holderIdentity": me.to_string(),
            "leaseDurationSeconds": LEASE_SECONDS,
            "acquireTime": micro_time(now),
            "renewTime": micro_time(now),
            "leaseTransitions": transitions,
        },
    });
    if let Some(existing) = existing {
        lease["metadata"]["resourceVersion"] = existing["metadata"]["resourceVersion"].clone();
    }
    lease
}

/// The merge patch that keeps a lease alive.
pub fn renewal(now: Timestamp) -> Value {
    json!({ "spec": { "renewTime": micro_time(now) } })
}

fn micro_time(time: Timestamp) -> String {
    format!("{time:.6}")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::{Claim, Holder, judge, lease, micro_time};

    fn holder(host: &str, boot_id: &str, pid: u32) -> Holder {
        Holder { host: host.to_owned(), boot_id: boot_id.to_owned(), pid, started_ticks: 7 }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn lock_is_taken_over_when_its_holder_is_gone() {
        let me = holder("a", "boot", 1);
        let check = |other: Holder, is_alive, second| {
            let lease = lease("faro", "dev", &other, at(100), None);
            judge(&lease, &me, |_| is_alive, at(second))
        };
        let held = |by: Holder| Claim::Held { by: by.to_string(), since: Some(at(100)) };
        assert_eq!(check(me.clone(), true, 101), Claim::Ours);
        assert_eq!(check(holder("a", "boot", 2), true, 101), held(holder("a", "boot", 2)));
        assert!(matches!(check(holder("a", "boot", 2), false, 101), Claim::Abandoned { .. }));
        assert!(matches!(check(holder("a", "before", 2), true, 101), Claim::Abandoned { .. }));
        assert_eq!(check(holder("b", "x", 2), false, 129), held(holder("b", "x", 2)));
        assert!(matches!(
            check(holder("b", "x", 2), false, 131),
            Claim::Abandoned { why: "it expired" }
        ));
    }

    #[test]
    fn takeover_counts_transitions_and_keeps_the_version() {
        let old =
            json!({ "metadata": { "resourceVersion": "9" }, "spec": { "leaseTransitions": 2 } });
        let lease = lease("faro", "dev", &holder("a", "b", 1), at(0), Some(&old));
        assert_eq!(lease["metadata"]["resourceVersion"], "9");
        assert_eq!(lease["spec"]["leaseTransitions"], 3);
        assert_eq!(micro_time(at(0)), "1970-01-01T00:00:00.000000Z");
    }
}
