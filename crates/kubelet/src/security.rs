//! Whose rights a container has: user, groups, capabilities, seccomp, from pod, container and image.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Capabilities, Container, Pod, SecurityContext};

/// The set that containerd gives when nothing is said.
const CAPABILITIES_DEFAULT: &[&str] = &[
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];
/// Every capability of Linux 5.9 and later, `capabilities(7)`.
const CAPABILITIES_ALL: &[&str] = &[
    "CAP_AUDIT_CONTROL",
    "CAP_AUDIT_READ",
    "CAP_AUDIT_WRITE",
    "CAP_BLOCK_SUSPEND",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_KILL",
    "CAP_LEASE",
    "CAP_LINUX_IMMUTABLE",
    "CAP_MAC_ADMIN",
    "CAP_MAC_OVERRIDE",
    "CAP_MKNOD",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_RAW",
    "CAP_PERFMON",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYSLOG",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
    "CAP_SYS_MODULE",
    "CAP_SYS_NICE",
    "CAP_SYS_PACCT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_WAKE_ALARM",
];

/// What an image says about users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ImageUsers {
    /// `User` of the image's configuration: `user`, `uid`, `user:group` or `uid:gid`; empty is root.
    pub(crate) user: String,
    /// `/etc/passwd` of the image; empty when it has none.
    pub(crate) passwd: String,
    /// `/etc/group` of the image; empty when it has none.
    pub(crate) group: String,
}

/// The rights of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Security {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) additional_gids: Vec<u32>,
    /// Sorted.
    pub(crate) capabilities: Vec<String>,
    pub(crate) is_privileged: bool,
    pub(crate) no_new_privileges: bool,
    pub(crate) has_read_only_root: bool,
    pub(crate) is_confined: bool,
    /// Home directory from the image's `/etc/passwd`.
    pub(crate) home: String,
}

/// Why a container must not or cannot run as its pod asks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SecurityError {
    #[error(
        "container's runAsUser breaks non-root policy (pod: \"{pod}\", container: {container})"
    )]
    RunAsRoot { pod: String, container: String },
    #[error(
        "container has runAsNonRoot and image will run as root (pod: \"{pod}\", container: {container})"
    )]
    ImageIsRoot { pod: String, container: String },
    #[error(
        "container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root (pod: \"{pod}\", container: {container})"
    )]
    ImageUserUnclear { user: String, pod: String, container: String },
    #[error("unable to find user {0}: no matching entries in passwd file")]
    NoUser(String),
    #[error("unable to find group {0}: no matching entries in group file")]
    NoGroup(String),
    #[error("seccomp profile type `{0}` is not supported")]
    Seccomp(String),
    #[error("{0} {1} is no valid user or group id")]
    Id(&'static str, i64),
}

/// Decides the rights of a container.
///
/// What the container says wins over the pod, and the pod over the image.
/// Source: Kubernetes 1.34, `verifyRunAsNonRoot`, and containerd 2, `oci.WithUser` and
/// `WithAdditionalGIDs`.
pub(crate) fn security(
    pod: &Pod,
    container: &Container,
    image: &ImageUsers,
) -> Result<Security, SecurityError> {
    let context = container.security_context.clone().unwrap_or_default();
    let of_pod = pod.spec.as_ref().and_then(|it| it.security_context.clone()).unwrap_or_default();
    let run_as_user = id("runAsUser", context.run_as_user.or(of_pod.run_as_user))?;
    let run_as_group = id("runAsGroup", context.run_as_group.or(of_pod.run_as_group))?;
    if context.run_as_non_root.or(of_pod.run_as_non_root) == Some(true) {
        verify_non_root(pod, container, run_as_user, image)?;
    }
    let user = user(run_as_user, image)?;
    let gid = run_as_group.unwrap_or(user.gid);
    let mut gids = BTreeSet::from([gid]);
    for group in of_pod.supplemental_groups.iter().flatten().chain(&of_pod.fs_group) {
        gids.extend(id("supplementalGroups", Some(*group))?);
    }
    if of_pod.supplemental_groups_policy.as_deref() != Some("Strict") {
        gids.extend(memberships(&image.group, &user.name));
    }
    let is_privileged = context.privileged == Some(true);
    let profile = context.seccomp_profile.as_ref().or(of_pod.seccomp_profile.as_ref());
    let is_confined = match profile.map(|it| it.type_.as_str()) {
        _ if is_privileged => false,
        Some("RuntimeDefault") => true,
        Some("Unconfined") | None => false,
        Some(other) => return Err(SecurityError::Seccomp(other.to_owned())),
    };
    Ok(Security {
        uid: user.uid,
        gid,
        additional_gids: gids.into_iter().collect(),
        capabilities: capabilities(&context, is_privileged),
        is_privileged,
        no_new_privileges: context.allow_privilege_escalation == Some(false),
        has_read_only_root: context.read_only_root_filesystem == Some(true),
        is_confined,
        home: user.home,
    })
}

/// The pod as upstream's messages name it.
pub(crate) fn pod_name(pod: &Pod) -> String {
    let metadata = &pod.metadata;
    format!(
        "{}_{}({})",
        metadata.name.as_deref().unwrap_or_default(),
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.uid.as_deref().unwrap_or_default(),
    )
}

fn id(field: &'static str, id: Option<i64>) -> Result<Option<u32>, SecurityError> {
    id.map(|it| u32::try_from(it).map_err(|_| SecurityError::Id(field, it))).transpose()
}

fn verify_non_root(
    pod: &Pod,
    container: &Container,
    run_as_user: Option<u32>,
    image: &ImageUsers,
) -> Result<(), SecurityError> {
    let (pod, container) = (pod_name(pod), container.name.clone());
    let user = image.user.split(':').next().unwrap_or_default();
    match (run_as_user, user, user.parse::<u32>()) {
        (Some(0), ..) => Err(SecurityError::RunAsRoot { pod, container }),
        (Some(_), ..) => Ok(()),
        (None, "", _) | (None, _, Ok(0)) => Err(SecurityError::ImageIsRoot { pod, container }),
        (None, _, Ok(_)) => Ok(()),
        (None, _, Err(_)) => {
            Err(SecurityError::ImageUserUnclear { user: user.to_owned(), pod, container })
        }
    }
}

struct User {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
}

fn user(run_as_user: Option<u32>, image: &ImageUsers) -> Result<User, SecurityError> {
    let (name, group) = match run_as_user {
        Some(uid) => (uid.to_string(), None),
        None => match image.user.split_once(':') {
            Some((user, group)) => (user.to_owned(), Some(group)),
            None => (image.user.clone(), None),
        },
    };
    let name = if name.is_empty() { "0".to_owned() } else { name };
    let uid = name.parse::<u32>().ok();
    let entry = passwd(&image.passwd).find(|it| match uid {
        Some(uid) => it.uid == uid,
        None => it.name == name,
    });
    let mut user = match (entry, uid) {
        (Some(entry), _) => entry,
        (None, Some(uid)) => User { name: String::new(), uid, gid: 0, home: "/".to_owned() },
        (None, None) => return Err(SecurityError::NoUser(name)),
    };
    if let Some(group) = group.filter(|it| !it.is_empty()) {
        user.gid = group_id(&image.group, group)?;
    }
    Ok(user)
}

/// `name:password:uid:gid:comment:home:shell`.
fn passwd(text: &str) -> impl Iterator<Item = User> {
    text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        Some(User {
            name: (*fields.first()?).to_owned(),
            uid: fields.get(2)?.parse().ok()?,
            gid: fields.get(3)?.parse().ok()?,
            home: fields.get(5).filter(|it| !it.is_empty()).map_or("/", |it| it).to_owned(),
        })
    })
}

/// `name:password:gid:member,member`.
fn group_id(text: &str, group: &str) -> Result<u32, SecurityError> {
    if let Ok(gid) = group.parse() {
        return Ok(gid);
    }
    let found = text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (*fields.first()? == group).then(|| fields.get(2)?.parse().ok())?
    });
    found.ok_or_else(|| SecurityError::NoGroup(group.to_owned()))
}

fn memberships(text: &str, name: &str) -> Vec<u32> {
    let of_line = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let is_member = fields.get(3)?.split(',').any(|it| it == name);
        is_member.then(|| fields.get(2)?.parse().ok())?
    };
    if name.is_empty() { vec![] } else { text.lines().filter_map(of_line).collect() }
}

fn capabilities(context: &SecurityContext, is_privileged: bool) -> Vec<String> {
    let Capabilities { add, drop } = context.capabilities.clone().unwrap_or_default();
    let (add, drop) = (full_names(add), full_names(drop));
    let mut set: BTreeSet<String> = if is_privileged || add.contains("CAP_ALL") {
        CAPABILITIES_ALL.iter().map(|it| (*it).to_owned()).collect()
    } else {
        CAPABILITIES_DEFAULT.iter().map(|it| (*it).to_owned()).collect()
    };
    if is_privileged {
        return set.into_iter().collect();
    }
    if drop.contains("CAP_ALL") {
        set.clear();
    }
    set.extend(add.into_iter().filter(|it| it != "CAP_ALL"));
    set.retain(|it| !drop.contains(it));
    set.into_iter().collect()
}

fn full_names(names: Option<Vec<String>>) -> BTreeSet<String> {
    let names = names.into_iter().flatten().map(|it| it.to_uppercase());
    names.map(|it| if it.starts_with("CAP_") { it } else { format!("CAP_{it}") }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn image() -> ImageUsers {
        ImageUsers {
            user: "app:web".to_owned(),
            passwd: "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:\n".to_owned(),
            group: "root:x:0:\nweb:x:33:\nextra:x:44:other,app\n".to_owned(),
        }
    }

    fn decide(
        pod: &Value,
        container: &Value,
        image: &ImageUsers,
    ) -> Result<Security, SecurityError> {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "ns", "uid": "u"},
            "spec": {"securityContext": pod,
                "containers": [{"name": "c", "securityContext": container}]},
        }))
        .unwrap();
        security(&pod, &pod.spec.as_ref().unwrap().containers[0], image)
    }

    fn check_ids(pod: &Value, container: &Value, want: (u32, u32, &[u32])) {
        let security = decide(pod, container, &image()).unwrap();
        assert_eq!((security.uid, security.gid, security.additional_gids.as_slice()), want);
    }

    #[test]
    fn ids_come_from_container_then_pod_then_image() {
        check_ids(&json!({}), &json!({}), (1000, 33, &[33, 44]));
        check_ids(&json!({"runAsUser": 1000}), &json!({}), (1000, 1001, &[44, 1001]));
        check_ids(&json!({"runAsUser": 7, "runAsGroup": 8}), &json!({}), (7, 8, &[8]));
        check_ids(&json!({"runAsUser": 7}), &json!({"runAsUser": 9}), (9, 0, &[0]));
        let groups = json!({"runAsUser": 7, "fsGroup": 2000, "supplementalGroups": [5]});
        check_ids(&groups, &json!({}), (7, 0, &[0, 5, 2000]));
        let strict = json!({"supplementalGroupsPolicy": "Strict"});
        check_ids(&strict, &json!({}), (1000, 33, &[33]));
    }

    #[test]
    fn an_image_without_passwd_runs_numeric_users() {
        let numeric = ImageUsers { user: "65532:65532".to_owned(), ..ImageUsers::default() };
        let security = decide(&json!({}), &json!({}), &numeric).unwrap();
        assert_eq!((security.uid, security.gid), (65532, 65532));
        let named = ImageUsers { user: "web".to_owned(), ..ImageUsers::default() };
        let error = decide(&json!({}), &json!({}), &named).unwrap_err();
        assert_eq!(error, SecurityError::NoUser("web".to_owned()));
    }

    #[test]
    fn non_root_is_verified() {
        let check = |container: &Value, image: &ImageUsers, want: &str| {
            let pod = json!({"runAsNonRoot": true});
            assert_eq!(decide(&pod, container, image).unwrap_err().to_string(), want);
        };
        let root = ImageUsers::default();
        let at = "(pod: \"p_ns(u)\", container: c)";
        check(
            &json!({"runAsUser": 0}),
            &root,
            &format!("container's runAsUser breaks non-root policy {at}"),
        );
        check(
            &json!({}),
            &root,
            &format!("container has runAsNonRoot and image will run as root {at}"),
        );
        check(
            &json!({}),
            &image(),
            &format!(
                "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root {at}"
            ),
        );
        let pod = json!({"runAsNonRoot": true, "runAsUser": 1000});
        assert!(decide(&pod, &json!({}), &root).is_ok());
    }

    #[test]
    fn capabilities_are_added_and_dropped() {
        let check = |container: &Value, want: &[&str]| {
            let security = decide(&json!({}), container, &image()).unwrap();
            assert_eq!(security.capabilities, want);
        };
        check(&json!({}), CAPABILITIES_DEFAULT);
        check(&json!({"capabilities": {"drop": ["ALL"]}}), &[]);
        let bind = json!({"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}});
        check(&bind, &["CAP_NET_BIND_SERVICE"]);
        check(&json!({"privileged": true}), CAPABILITIES_ALL);
    }

    #[test]
    fn seccomp_profiles_are_honoured_or_refused() {
        let profile = |kind: &str| json!({"seccompProfile": {"type": kind}});
        let confined = |kind| decide(&profile(kind), &json!({}), &image()).map(|it| it.is_confined);
        assert_eq!(confined("RuntimeDefault"), Ok(true));
        assert_eq!(confined("Unconfined"), Ok(false));
        let refused = SecurityError::Seccomp("Localhost".to_owned());
        assert_eq!(confined("Localhost"), Err(refused));
    }
}
