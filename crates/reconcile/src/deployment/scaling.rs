//! How many replicas each ReplicaSet of a Deployment gets.

use serde_json::Value;

use super::{Rollout, sets::ReplicaSet};
use crate::{intstr, object};

fn is_rolling(deployment: &Value) -> bool {
    object::str_at(deployment, "spec.strategy.type") != "Recreate"
}

/// (maxSurge, maxUnavailable) as counts: surge rounds up, unavailability down, and both are never zero.
fn fenceposts(deployment: &Value, replicas: i64) -> (i64, i64) {
    let bound = |field: &str, is_up: bool| {
        let path = format!("spec.strategy.rollingUpdate.{field}");
        object::at(deployment, &path).map_or(0, |it| intstr::scaled(it, replicas, is_up))
    };
    match (bound("maxSurge", true), bound("maxUnavailable", false)) {
        (0, 0) => (0, 1),
        bounds => bounds,
    }
}

pub(super) fn max_surge(deployment: &Value, replicas: i64) -> i64 {
    if is_rolling(deployment) { fenceposts(deployment, replicas).0 } else { 0 }
}

pub(super) fn max_unavailable(deployment: &Value, replicas: i64) -> i64 {
    if is_rolling(deployment) && replicas > 0 {
        fenceposts(deployment, replicas).1.min(replicas)
    } else {
        0
    }
}

/// How many replicas the new ReplicaSet may have now, when it has `current`.
pub(super) fn new_replicas(rollout: &Rollout<'_>, current: i64) -> i64 {
    if !is_rolling(rollout.object) {
        return rollout.replicas;
    }
    let max_total = rollout.replicas + max_surge(rollout.object, rollout.replicas);
    let room = max_total - rollout.total();
    if room <= 0 { current } else { current + room.min(rollout.replicas - current) }
}

/// Scales the new ReplicaSet as far as the surge allows; tells whether it did.
pub(super) fn scale_up_new(rollout: &mut Rollout<'_>) -> bool {
    let Some(current) = rollout.new.as_ref().map(|it| it.replicas) else { return false };
    let wanted =
        if current > rollout.replicas { rollout.replicas } else { new_replicas(rollout, current) };
    if let Some(new) = &mut rollout.new {
        new.scale_to(wanted);
    }
    wanted != current
}

/// Scales old ReplicaSets as far as availability allows, the unhealthy first; tells whether it did.
///
/// Unlike upstream it waits for every status to speak of the current spec: when a template comes back in the middle
/// of a rollout, pods that are about to go would count as available.
pub(super) fn scale_down_old(rollout: &mut Rollout<'_>) -> bool {
    if rollout.old.iter().all(|it| it.replicas == 0) || rollout.all().any(ReplicaSet::is_lagging) {
        return false;
    }
    let min_available = rollout.replicas - max_unavailable(rollout.object, rollout.replicas);
    let new_unavailable = rollout.new.as_ref().map_or(0, |it| it.replicas - it.available);
    let max_down = rollout.total() - min_available - new_unavailable;
    if max_down <= 0 {
        return false;
    }
    let Some(cleaned) = drop_unhealthy(rollout, max_down) else { return false };
    cleaned + drop_available(rollout, min_available) > 0
}

/// Takes away replicas that are not available; `None` when a status lags behind its spec.
fn drop_unhealthy(rollout: &mut Rollout<'_>, max_down: i64) -> Option<i64> {
    let mut n_down = 0;
    for set in &mut rollout.old {
        if n_down >= max_down {
            break;
        }
        if set.replicas == 0 || set.replicas == set.available {
            continue;
        }
        let n = (max_down - n_down).min(set.replicas - set.available);
        if n < 0 {
            return None;
        }
        set.scale_to(set.replicas - n);
        n_down += n;
    }
    Some(n_down)
}

fn drop_available(rollout: &mut Rollout<'_>, min_available: i64) -> i64 {
    let mut rest = rollout.all().map(|it| it.available).sum::<i64>() - min_available;
    let mut n_down = 0;
    for set in rollout.old.iter_mut().filter(|it| it.replicas > 0) {
        if rest <= 0 {
            break;
        }
        let n = set.replicas.min(rest);
        set.scale_to(set.replicas - n);
        rest -= n;
        n_down += n;
    }
    n_down
}

/// Gives the change of `spec.replicas` to the ReplicaSets: to the only active one, or to all in proportion.
pub(super) fn scale(rollout: &mut Rollout<'_>) {
    let replicas = rollout.replicas;
    let n_active = rollout.all().filter(|it| it.replicas > 0).count();
    if n_active <= 1 {
        scale_active_or_latest(rollout, n_active == 1);
    } else if is_saturated(rollout) {
        for set in &mut rollout.old {
            set.scale_to(0);
        }
    } else if is_rolling(rollout.object) {
        let surge = max_surge(rollout.object, replicas);
        let allowed = if replicas > 0 { replicas + surge } else { 0 };
        scale_proportionally(rollout, allowed);
    }
}

fn scale_active_or_latest(rollout: &mut Rollout<'_>, is_one_active: bool) {
    let replicas = rollout.replicas;
    let latest = rollout.old.len().checked_sub(1);
    let old_active = rollout.old.iter().position(|it| it.replicas > 0).filter(|_| is_one_active);
    let old = match old_active {
        None if rollout.new.is_none() => latest,
        found => found,
    };
    match old {
        Some(idx) => rollout.old[idx].scale_to(replicas),
        None => {
            if let Some(new) = &mut rollout.new {
                new.scale_to(replicas);
            }
        }
    }
}

fn is_saturated(rollout: &Rollout<'_>) -> bool {
    rollout.new.as_ref().is_some_and(|it| {
        it.replicas == rollout.replicas
            && it.desired() == Some(rollout.replicas)
            && it.available == rollout.replicas
    })
}

fn scale_proportionally(rollout: &mut Rollout<'_>, allowed: i64) {
    let (object, replicas) = (rollout.object, rollout.replicas);
    let status_replicas = object::int_at(object, "status.replicas").unwrap_or_default();
    let new_max = replicas + max_surge(object, replicas);
    let mut sets: Vec<_> =
        rollout.old.iter_mut().chain(&mut rollout.new).filter(|it| it.replicas > 0).collect();
    let to_add = allowed - sets.iter().map(|it| it.replicas).sum::<i64>();
    // The larger first; among equals the newer when growing, the older when shrinking.
    sets.sort_by(|a, b| {
        let age = (a.created, &a.name).cmp(&(b.created, &b.name));
        b.replicas.cmp(&a.replicas).then(if to_add > 0 { age.reverse() } else { age })
    });
    let mut added = 0;
    for set in &mut sets {
        set.is_touched = true;
        if to_add == 0 || to_add == added {
            continue;
        }
        let fraction = if replicas == 0 {
            -set.replicas
        } else {
            let old_max = set.max().filter(|it| *it != 0).unwrap_or(status_replicas);
            if old_max == 0 { 0 } else { round(set.replicas * new_max, old_max) - set.replicas }
        };
        let rest = to_add - added;
        let share = if to_add > 0 { fraction.min(rest) } else { fraction.max(rest) };
        set.replicas += share;
        added += share;
    }
    if let Some(largest) = sets.first_mut().filter(|_| to_add != 0) {
        largest.replicas = (largest.replicas + to_add - added).max(0);
    }
}

/// Rounds half away from zero, for what is never negative.
fn round(numerator: i64, denominator: i64) -> i64 {
    (2 * numerator + denominator) / (2 * denominator)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(surge: &Value, unavailable: &Value, replicas: i64, expect: (i64, i64)) {
        let rolling = json!({ "maxSurge": surge, "maxUnavailable": unavailable });
        let deployment = json!({ "spec": { "strategy": { "type": "RollingUpdate", "rollingUpdate": rolling } } });
        assert_eq!(fenceposts(&deployment, replicas), expect);
    }

    #[test]
    fn bounds_round_as_upstream() {
        check(&json!("25%"), &json!("25%"), 3, (1, 0));
        check(&json!("25%"), &json!("25%"), 4, (1, 1));
        check(&json!("25%"), &json!("25%"), 10, (3, 2));
        check(&json!(1), &json!(0), 3, (1, 0));
        check(&json!(0), &json!(0), 3, (0, 1));
        check(&json!(0), &json!("10%"), 5, (0, 1));
        check(&json!("1%"), &json!("0%"), 2, (1, 0));
        check(&json!("100%"), &json!("100%"), 7, (7, 7));
    }

    #[test]
    fn rounding_goes_half_up() {
        assert_eq!([round(5, 2), round(4, 3), round(5, 3), round(0, 3)], [3, 1, 2, 0]);
    }
}
