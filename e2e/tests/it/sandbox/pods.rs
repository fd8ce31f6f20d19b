//! Pods from beginning to end: sharing, adopting, dying, leaving nothing.

use std::{fs, path::Path, process::Command};

use sandbox::{ContainerState, Node, Pod, PodError};

use super::stage::{Stage, make_layer, node_config, run_in, running_pid, wait_for};

#[tokio::test]
async fn a_failed_pod_leaves_nothing() {
    let stage = Stage::open("failed");
    let mut config = stage.pod_config("one", 2);
    config.sysctls = vec![("net.nothing".to_owned(), "1".to_owned())];
    let error = Pod::create(&stage.node, &config).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not set up the pod: could not set the sysctl `net.nothing` to `1`"
    );
    assert_eq!(fs::read_dir(&config.dir).unwrap().count(), 0);
    config.sysctls = vec![("net.ipv4.ip_unprivileged_port_start".to_owned(), "0".to_owned())];
    let pod = Pod::create(&stage.node, &config).await.unwrap();
    pod.start(&stage.spec("main", &["sleep", "1000"])).await.unwrap();
    let path = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    assert_eq!(run_in(&pod, "main", &["cat", path]).await, (0, "0\n".to_owned()));
}

#[tokio::test]
async fn a_shared_process_namespace_shows_the_others() {
    let stage = Stage::open("shared");
    let mut config = stage.pod_config("one", 2);
    config.share_process_namespace = true;
    let pod = Pod::create(&stage.node, &config).await.unwrap();
    let mut exits = pod.exits();
    pod.start(&stage.spec("first", &["sleep", "1000"])).await.unwrap();
    pod.start(&stage.spec("second", &["sh", "-c", "ps | grep -c 'sleep 100[0]'; sleep 2000 &"]))
        .await
        .unwrap();
    assert_eq!(wait_for(&mut exits, "second").await.code, 0);
    assert_eq!(stage.log("second"), "stdout F 1\n");
    let (_, processes) = run_in(&pod, "first", &["ps"]).await;
    assert!(!processes.contains("sleep 2000"), "what it started is gone too: {processes}");
    pod.destroy().await.unwrap();
}

#[tokio::test]
async fn pods_are_adopted_with_what_happened_meanwhile() {
    let stage = Stage::open("adopt");
    let pod = stage.pod("one", 2).await;
    let mut exits = pod.exits();
    pod.start(&stage.spec("lasting", &["sleep", "1000"])).await.unwrap();
    pod.start(&stage.spec("short", &["sh", "-c", "exit 5"])).await.unwrap();
    assert_eq!(wait_for(&mut exits, "short").await.code, 5);
    let shim = parent(running_pid(&pod).await);
    assert_ne!(parent(shim.parse().unwrap()), std::process::id().to_string(), "it is on its own");
    let dir = pod.config().dir.clone();
    drop(pod);

    let node = Node::open(stage.node.config().clone()).unwrap();
    let pod = Pod::adopt(&node, &dir).await.unwrap();
    let mut exits = pod.exits();
    assert_eq!(wait_for(&mut exits, "short").await.code, 5, "reported again");
    let containers = pod.containers().await.unwrap();
    assert_eq!(containers.len(), 2);
    assert!(matches!(containers[0].state, ContainerState::Running { .. }), "{containers:?}");
    pod.signal("lasting", 9).await.unwrap();
    let exit = wait_for(&mut exits, "lasting").await;
    assert_eq!((exit.code, exit.signal), (137, Some(9)));
    pod.remove("short").await.unwrap();
    assert_eq!(pod.containers().await.unwrap().len(), 1);
    pod.destroy().await.unwrap();
    assert!(matches!(Pod::adopt(&node, &dir).await, Err(PodError::Gone { .. })));
}

#[tokio::test]
async fn a_killed_shim_takes_its_containers_along() {
    let stage = Stage::open("killed");
    let pod = stage.pod("one", 2).await;
    let mut exits = pod.exits();
    pod.start(&stage.spec("main", &["sleep", "1000"])).await.unwrap();
    let pid = running_pid(&pod).await;
    let shim = parent(pid);
    assert!(Command::new("kill").args(["-9", &shim]).status().unwrap().success());
    assert_eq!(wait_for(&mut exits, "main").await.signal, Some(9));
    assert!(matches!(pod.containers().await, Err(PodError::Gone { .. })));
    Pod::discard(&pod.config().dir).await.unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

/// As a loss of power leaves it: the file that tells of the pod has a name and no content.
#[tokio::test]
async fn a_pod_whose_description_was_cut_off_is_made_anew() {
    let stage = Stage::open("cut");
    let config = stage.pod_config("one", 2);
    for text in ["", "{\"node\": {"] {
        fs::create_dir_all(&config.dir).unwrap();
        fs::write(config.dir.join("shim.json"), text).unwrap();
        assert!(matches!(Pod::adopt(&stage.node, &config.dir).await, Err(PodError::Gone { .. })));
        let pod = Pod::create(&stage.node, &config).await.unwrap();
        pod.destroy().await.unwrap();
    }
}

fn parent(pid: i32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|it| it.starts_with("PPid:")).unwrap();
    line.trim_start_matches("PPid:").trim().to_owned()
}

#[tokio::test]
async fn nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    make_layer(&dir.path().join("layer"));
    let stage = Stage { node: Node::open(node_config(dir.path(), "nothing")).unwrap(), dir };
    let pod = stage.pod("one", 2).await;
    pod.start(&stage.spec("main", &["sleep", "1000"])).await.unwrap();
    let pid = running_pid(&pod).await;
    let name = stage.dir.path().to_str().unwrap().to_owned();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert_eq!(mounts.lines().filter(|it| it.contains(&name)).count(), 1, "only the namespace");
    Node::remove(stage.node.config()).unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&name), "{mounts}");
    let cgroup = &stage.node.config().cgroup;
    for hierarchy in fs::read_dir("/sys/fs/cgroup").unwrap() {
        assert!(!hierarchy.unwrap().path().join(cgroup).exists());
    }
    let links = fs::read_to_string("/proc/net/dev").unwrap();
    assert!(!links.contains("veth") && !links.contains("zarpa"), "{links}");
}
