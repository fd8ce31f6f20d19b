//! Which hooks run for an event, in which order, and when they are deleted.

use crate::record::{Hook, HookDeletePolicy, HookEvent};

/// The annotation that makes a manifest a hook.
pub const ANNOTATION: &str = "helm.sh/hook";

/// The positions of the hooks of an event, in the order they run: by weight, then name, ties as they stand.
///
/// Source: Helm 4.1.4, `pkg/action/hooks.go`, `hookByWeight`, over hooks that are sorted by kind already.
pub fn for_event(hooks: &[Hook], event: HookEvent) -> Vec<usize> {
    let mut running: Vec<usize> =
        (0..hooks.len()).filter(|it| hooks[*it].events.contains(&event)).collect();
    running.sort_by_key(|it| (hooks[*it].weight, &hooks[*it].name));
    running
}

/// Says that a hook's object goes under a policy; without any the old one goes before the new one is made.
///
/// CustomResourceDefinitions never go, for their objects would go with them.
pub fn is_deleted(hook: &Hook, policy: HookDeletePolicy) -> bool {
    if hook.kind == "CustomResourceDefinition" {
        return false;
    }
    if hook.delete_policies.is_empty() {
        return policy == HookDeletePolicy::BeforeHookCreation;
    }
    hook.delete_policies.contains(&policy)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Hook, HookDeletePolicy, HookEvent, for_event, is_deleted};

    pub(crate) fn hook(name: &str, weight: i64, events: &[HookEvent]) -> Hook {
        Hook {
            name: name.to_owned(),
            kind: "Job".to_owned(),
            path: format!("c/templates/{name}.yaml"),
            manifest: String::new(),
            events: events.to_vec(),
            last_run: Default::default(),
            weight,
            delete_policies: vec![],
            output_log_policies: vec![],
            rest: Default::default(),
        }
    }

    #[test]
    fn hooks_run_by_weight_then_name() {
        use HookEvent::{PostInstall, PreInstall};
        let hooks = [
            hook("c", 0, &[PreInstall]),
            hook("b", 0, &[PreInstall, PostInstall]),
            hook("z", -5, &[PreInstall]),
            hook("a", 0, &[PostInstall]),
        ];
        assert_eq!(for_event(&hooks, PreInstall), [2, 1, 0]);
        assert_eq!(for_event(&hooks, PostInstall), [3, 1]);
    }

    #[test]
    fn without_a_policy_the_old_hook_goes_first() {
        let mut hook = hook("a", 0, &[]);
        assert!(is_deleted(&hook, HookDeletePolicy::BeforeHookCreation));
        assert!(!is_deleted(&hook, HookDeletePolicy::HookSucceeded));
        hook.delete_policies = vec![HookDeletePolicy::HookSucceeded];
        assert!(!is_deleted(&hook, HookDeletePolicy::BeforeHookCreation));
        hook.kind = "CustomResourceDefinition".to_owned();
        assert!(!is_deleted(&hook, HookDeletePolicy::HookSucceeded));
    }
}
