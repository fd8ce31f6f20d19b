//! Containers: output, limits, files, rights, failures.

use std::{fs, path::PathBuf};

use sandbox::{ContainerSpec, Mount, MountSource, PodError, StartError};

use super::stage::Stage;

#[tokio::test]
async fn output_and_exit_code_are_kept() {
    let stage = Stage::open("output");
    let (exit, log) = stage.run("echo hello; echo oops >&2; printf rest; exit 7", |_| {}).await;
    assert_eq!((exit.code, exit.signal, exit.oom_killed), (7, None, false));
    let mut lines: Vec<_> = log.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["stderr F oops", "stdout F hello", "stdout P rest"]);
}

#[tokio::test]
async fn the_environment_is_complete() {
    let stage = Stage::open("environment");
    let (_, log) = stage
        .run("echo $HOME $HOSTNAME $(hostname) $(pwd) $GREETING $$ > /dev/stdout", |spec| {
            spec.env.push(("GREETING".to_owned(), "hi".to_owned()));
            spec.cwd = PathBuf::from("/new/folder");
            spec.uid = 1000;
        })
        .await;
    assert_eq!(log, "stdout F /srv one one /new/folder hi 1\n");
}

#[tokio::test]
async fn memory_is_bounded() {
    let stage = Stage::open("memory");
    let (exit, _) =
        stage.run("tail /dev/zero", |spec| spec.memory_limit_bytes = Some(16 << 20)).await;
    assert!(exit.oom_killed, "{exit:?}");
    assert_eq!(exit.code, 137);
}

#[tokio::test]
async fn the_root_is_read_only_and_mounts_are_not() {
    let stage = Stage::open("read-only");
    let host = stage.dir.path().join("host");
    fs::create_dir(&host).unwrap();
    fs::write(stage.dir.path().join("hosts"), "127.0.0.1 localhost\n").unwrap();
    fs::write(stage.dir.path().join("word"), "").unwrap();
    let script = "echo last word > /dev/termination-log; touch /file; touch /data/file && touch /shared/file && cat /etc/hosts; \
                  touch /fixed/x; touch /tmp/a; ls -d /shared/sub; ls /part";
    let mount = |source, target: &str| Mount {
        source,
        sub_path: None,
        target: PathBuf::from(target),
        read_only: false,
    };
    let (_, log) = stage
        .run(&format!("({script}) 2>&1"), |spec| {
            spec.read_only_root = true;
            spec.mounts = vec![
                mount(MountSource::HostPath(host.clone()), "/data"),
                mount(MountSource::Memory("scratch".to_owned()), "/shared"),
                mount(MountSource::HostPath(stage.dir.path().join("hosts")), "/etc/hosts"),
                Mount { read_only: true, ..mount(MountSource::HostPath(host.clone()), "/fixed") },
                mount(MountSource::Tmpfs, "/tmp"),
                mount(MountSource::HostPath(stage.dir.path().join("word")), "/dev/termination-log"),
                Mount {
                    sub_path: Some(PathBuf::from("sub")),
                    ..mount(MountSource::Memory("scratch".to_owned()), "/part")
                },
            ];
        })
        .await;
    let expect = "stdout F touch: /file: Read-only file system\n\
                  stdout F 127.0.0.1 localhost\n\
                  stdout F touch: /fixed/x: Read-only file system\n\
                  stdout F /shared/sub\n";
    assert_eq!(log, expect);
    assert!(host.join("file").exists());
    assert_eq!(fs::read_to_string(stage.dir.path().join("word")).unwrap(), "last word\n");
}

#[tokio::test]
async fn rights_are_those_of_the_spec() {
    let stage = Stage::open("rights");
    let (_, log) = stage
        .run("id; grep -E 'Cap(Bnd|Eff)|NoNewPrivs|Seccomp:' /proc/self/status", |spec| {
            (spec.uid, spec.gid, spec.additional_gids) = (1000, 1001, vec![2000]);
            spec.capabilities = vec!["CAP_CHOWN".to_owned()];
            spec.no_new_privileges = true;
        })
        .await;
    let text = log.replace("stdout F ", "").replace('\t', " ");
    let (identity, rest) = text.split_once('\n').unwrap();
    assert!(identity.starts_with("uid=1000(web) gid=1001 "), "{identity}");
    assert!(identity.contains("2000"), "{identity}");
    let expect = "CapEff: 0000000000000000\nCapBnd: 0000000000000001\nNoNewPrivs: 1\nSeccomp: 2\n";
    assert_eq!(rest, expect);
}

#[tokio::test]
async fn the_host_is_out_of_reach() {
    let stage = Stage::open("reach");
    let script = "mount -t tmpfs x /tmp; unshare -U true; mknod /disk b 8 0 && cat /disk; \
                  echo 1 > /proc/sys/kernel/pid_max; cat /proc/kcore; \
                  grep -c . /proc/mounts > /dev/null; ls /proc/1/root/work; echo done";
    let (exit, log) = stage.run(&format!("({script}) 2>&1"), |_| {}).await;
    assert_eq!(exit.code, 0);
    let refused = log.lines().filter(|it| {
        it.contains("permitted")
            || it.contains("denied")
            || it.contains("Read-only")
            || it.contains("No such file")
    });
    assert_eq!(refused.count(), 6, "{log}");
    assert!(log.ends_with("stdout F done\n"), "{log}");
}

#[tokio::test]
async fn failures_name_the_step_and_the_thing() {
    let stage = Stage::open("failures");
    let pod = stage.pod("one", 2).await;
    let check = async |args: &[&str], adapt: &dyn Fn(&mut ContainerSpec), expect: &str| {
        let mut spec = stage.spec("bad", args);
        adapt(&mut spec);
        let error = pod.start(&spec).await.unwrap_err();
        let source = std::error::Error::source(&error).map(|it| format!(": {it}"));
        assert_eq!(format!("{error}{}", source.unwrap_or_default()), expect);
    };
    check(&["/faro"], &|_| {}, "exec `/faro`: no such file in the image").await;
    check(&["faro"], &|_| {}, "exec `faro`: no such file in the image").await;
    check(&["/bin/plain"], &|_| {}, "exec `/bin/plain`: Permission denied (os error 13)").await;
    let unknown = |spec: &mut ContainerSpec| spec.capabilities = vec!["CAP_FLY".to_owned()];
    check(&["sh"], &unknown, "unknown capability `CAP_FLY`: Invalid argument (os error 22)").await;
    let missing = |spec: &mut ContainerSpec| {
        spec.mounts = vec![Mount {
            source: MountSource::HostPath(PathBuf::from("/nowhere")),
            sub_path: None,
            target: PathBuf::from("/data"),
            read_only: false,
        }];
    };
    let expect = "could not open `/nowhere` for `/data`: No such file or directory (os error 2)";
    check(&["sh"], &missing, expect).await;
    pod.start(&stage.spec("good", &["sleep", "1000"])).await.unwrap();
    let again = pod.start(&stage.spec("good", &["sh"])).await.unwrap_err();
    assert!(matches!(again, StartError::Exists { .. }), "{again}");
    assert!(matches!(pod.signal("ghost", 15).await, Err(PodError::NoSuchContainer { .. })));
}

#[tokio::test]
async fn a_privileged_container_has_everything() {
    let stage = Stage::open("privileged");
    let script = "grep -E 'CapBnd|Seccomp:' /proc/self/status; mount -t tmpfs x /tmp && echo mounted; \
                  ls /dev/kmsg; head -c 0 /dev/urandom && echo read";
    let (_, log) = stage.run(script, |spec| spec.privileged = true).await;
    let bounding = fs::read_to_string("/proc/self/status").unwrap();
    let bounding = bounding.lines().find(|it| it.starts_with("CapBnd")).unwrap().to_owned();
    let expect = [&*bounding, "Seccomp:\t0", "mounted", "/dev/kmsg", "read"];
    assert_eq!(log, expect.map(|it| format!("stdout F {it}\n")).concat());
}

#[tokio::test]
async fn usage_is_counted() {
    let stage = Stage::open("usage");
    let pod = stage.pod("one", 2).await;
    pod.start(&stage.spec("main", &["sleep", "1000"])).await.unwrap();
    let usage = pod.usage("main").await.unwrap();
    assert_eq!(usage.pids, 1);
    assert!(usage.memory_bytes > 0 && usage.cpu_nanoseconds > 0, "{usage:?}");
}
