//! Cases for the description of a container.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::*;
use crate::{environment::Sources, fields::Addresses, resources::Machine};

const MACHINE: Machine =
    Machine { cpu_milli: 2000, memory_bytes: 1 << 30, disk_bytes: 0, pods_max: 110 };

fn image() -> Image {
    Image {
        id: "faro@sha256:0".to_owned(),
        config: ImageConfig {
            entrypoint: vec!["/faro".to_owned()],
            cmd: vec!["serve".to_owned()],
            env: vec!["PATH=/bin".to_owned(), "MODE=image".to_owned()],
            working_dir: "/data".to_owned(),
            ..ImageConfig::default()
        },
        layers: vec![PathBuf::from("/layers/a")],
        users: ImageUsers::default(),
    }
}

fn describe(container: &Value) -> Result<ContainerSpec, ContainerError> {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "p", "namespace": "ns"},
        "spec": {"containers": [container]},
    }))
    .unwrap();
    let host = |path: &str| MountSource::HostPath(PathBuf::from(path));
    let volumes = BTreeMap::from([
        ("data".to_owned(), Mounted { source: host("/v/data"), is_read_only: false }),
        ("config".to_owned(), Mounted { source: host("/v/config"), is_read_only: true }),
    ]);
    let files = PodFiles {
        hosts: PathBuf::from("/p/hosts"),
        hostname: PathBuf::from("/p/hostname"),
        resolv_conf: PathBuf::from("/p/resolv.conf"),
    };
    let (sources, services) = (Sources::default(), BTreeMap::new());
    container_spec(&Parts {
        pod: &pod,
        container: &pod.spec.as_ref().unwrap().containers[0],
        image: &image(),
        volumes: &volumes,
        files: &files,
        hostname: "p",
        facts: Facts {
            sources: &sources,
            services: &services,
            addresses: Addresses { pod: None, host: Ipv4Addr::LOCALHOST },
            machine: &MACHINE,
        },
        id: "web.0",
        log_path: Path::new("/p/log"),
        termination_log: Path::new("/p/end"),
    })
}

#[test]
fn the_image_says_what_the_pod_does_not() {
    let spec = describe(&json!({"name": "web"})).unwrap();
    assert_eq!(spec.args, ["/faro", "serve"]);
    assert_eq!(spec.cwd, Path::new("/data"));
    let env: Vec<String> = spec.env.iter().map(|(name, it)| format!("{name}={it}")).collect();
    assert_eq!(env, ["PATH=/bin", "HOSTNAME=p", "MODE=image", "HOME=/"]);
    assert_eq!((spec.uid, spec.gid), (0, 0));
    assert_eq!(spec.seccomp, Seccomp::Unconfined);
}

fn check_args(container: &Value, want: &[&str]) {
    assert_eq!(describe(container).unwrap().args, want);
}

#[test]
fn commands_and_arguments_replace_the_images() {
    check_args(&json!({"name": "c", "args": ["check"]}), &["/faro", "check"]);
    check_args(&json!({"name": "c", "command": ["sh"]}), &["sh"]);
    let env = json!([{"name": "WHO", "value": "me"}]);
    check_args(
        &json!({"name": "c", "command": ["echo"], "args": ["$(WHO)", "$(NO)", "$$(WHO)"],
            "env": env}),
        &["echo", "me", "$(NO)", "$(WHO)"],
    );
}

fn targets(spec: &ContainerSpec) -> Vec<(&str, bool)> {
    spec.mounts.iter().map(|it| (it.target.to_str().unwrap(), it.read_only)).collect()
}

#[test]
fn mounts_are_ordered_by_depth_and_keep_their_rights() {
    let spec = describe(&json!({"name": "c",
    "terminationMessagePath": "/end",
    "volumeMounts": [
        {"name": "data", "mountPath": "/a/b/c", "subPath": "sub"},
        {"name": "config", "mountPath": "/a"},
        {"name": "data", "mountPath": "/etc/hosts", "readOnly": true},
    ]}))
    .unwrap();
    let want = [
        ("/end", false),
        ("/a", true),
        ("/etc/hostname", false),
        ("/etc/resolv.conf", false),
        ("/etc/hosts", true),
        ("/a/b/c", false),
    ];
    assert_eq!(targets(&spec), want);
    assert_eq!(spec.mounts[5].sub_path.as_deref(), Some(Path::new("sub")));
}

#[test]
fn sub_paths_are_expanded_and_stay_inside() {
    let mount = |key: &str, path: &str| {
        let mut mount = json!({"name": "data", "mountPath": "/d"});
        mount[key] = json!(path);
        let env = json!([{"name": "POD", "value": "p-1"}]);
        describe(&json!({"name": "c", "env": env, "volumeMounts": [mount]}))
    };
    let expanded = mount("subPathExpr", "logs/$(POD)").unwrap();
    let data = expanded.mounts.iter().find(|it| it.target == Path::new("/d")).unwrap();
    assert_eq!(data.sub_path.as_deref(), Some(Path::new("logs/p-1")));
    assert!(matches!(mount("subPathExpr", "$(NO)"), Err(ContainerError::SubPath { .. })));
    assert!(matches!(mount("subPath", "../x"), Err(ContainerError::SubPathLeaves(_))));
    assert!(matches!(mount("subPath", "/x"), Err(ContainerError::SubPathLeaves(_))));
}

#[test]
fn what_is_not_supported_is_named() {
    let check = |container: &Value, want: &str| {
        assert_eq!(describe(container).unwrap_err().to_string(), want);
    };
    let devices = json!({"name": "c", "volumeDevices": [{"name": "d", "devicePath": "/dev/x"}]});
    check(&devices, "volumeDevices (a block volume) is not supported");
    let volume = json!({"name": "c", "volumeMounts": [{"name": "none", "mountPath": "/x"}]});
    check(&volume, "no volume named \"none\" is mounted");
}
