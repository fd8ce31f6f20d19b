//! Commands in containers, terminals, attached callers.

use sandbox::TerminalSize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::stage::{Stage, command, run_in};

#[tokio::test]
async fn commands_run_in_a_container() {
    let stage = Stage::open("exec");
    let pod = stage.pod("one", 2).await;
    pod.start(&stage.spec("main", &["sleep", "1000"])).await.unwrap();
    let (code, output) =
        run_in(&pod, "main", &["sh", "-c", "readlink /proc/1/exe; echo $$; exit 3"]).await;
    assert_eq!((code, output.as_str()), (3, "/bin/busybox\n2\n"));
    let missing = pod.exec("main", command(&["nothing"])).await.unwrap_err();
    assert_eq!(missing.to_string(), "exec `nothing`: no such file in the image");

    let mut spec = command(&["cat"]);
    spec.stdin = true;
    let mut exec = pod.exec("main", spec).await.unwrap();
    let mut stdin = exec.stdin.take().unwrap();
    stdin.write_all(b"to and fro").await.unwrap();
    drop(stdin);
    let mut output = String::new();
    exec.stdout.take().unwrap().read_to_string(&mut output).await.unwrap();
    assert_eq!(output, "to and fro");
    assert_eq!(exec.wait().await.unwrap().code, 0);
}

#[tokio::test]
async fn commands_have_terminals() {
    let stage = Stage::open("terminal");
    let pod = stage.pod("one", 2).await;
    pod.start(&stage.spec("main", &["sleep", "1000"])).await.unwrap();
    let mut spec = command(&["sh", "-c", "stty size; read line; stty size; echo got $line"]);
    spec.tty = Some(TerminalSize { columns: 100, rows: 30 });
    spec.stdin = true;
    let mut exec = pod.exec("main", spec).await.unwrap();
    let mut stdout = exec.stdout.take().unwrap();
    let mut first = [0; 8];
    stdout.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"30 100\r\n");
    exec.resize(TerminalSize { columns: 90, rows: 20 }).unwrap();
    exec.stdin.take().unwrap().write_all(b"word\n").await.unwrap();
    let mut output = String::new();
    stdout.read_to_string(&mut output).await.unwrap();
    assert_eq!(output, "word\r\n20 90\r\ngot word\r\n");
    assert_eq!(exec.wait().await.unwrap().code, 0);
}

#[tokio::test]
async fn a_dropped_command_dies() {
    let stage = Stage::open("dropped");
    let pod = stage.pod("one", 2).await;
    pod.start(&stage.spec("main", &["sleep", "1000"])).await.unwrap();
    let script = ["sh", "-c", "sleep 2000 & echo ready; wait"];
    let mut exec = pod.exec("main", command(&script)).await.unwrap();
    let mut ready = [0; 6];
    exec.stdout.as_mut().unwrap().read_exact(&mut ready).await.unwrap();
    let (_, processes) = run_in(&pod, "main", &["ps"]).await;
    assert!(processes.contains("sleep 2000"), "{processes}");
    drop(exec);
    let (_, processes) = run_in(&pod, "main", &["ps"]).await;
    assert!(!processes.contains("sleep 2000"), "{processes}");
}

#[tokio::test]
async fn attached_callers_read_and_write() {
    let stage = Stage::open("attach");
    let pod = stage.pod("one", 2).await;
    let mut spec = stage.spec("main", &["cat"]);
    (spec.stdin, spec.stdin_once) = (true, true);
    pod.start(&spec).await.unwrap();
    let mut attached = pod.attach("main", true, true, false).await.unwrap();
    let mut stdin = attached.stdin.take().unwrap();
    stdin.write_all(b"line\n").await.unwrap();
    drop(stdin);
    let mut output = String::new();
    attached.stdout.take().unwrap().read_to_string(&mut output).await.unwrap();
    assert_eq!(output, "line\n");
    assert_eq!(attached.wait().await.unwrap().code, 0);
    assert_eq!(stage.log("main"), "stdout F line\n");
}
