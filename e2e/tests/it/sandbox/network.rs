//! The pods' network: each other, the node, the redirect.

use std::net::{Ipv4Addr, SocketAddr};

use sandbox::{Node, Pod, original_destination};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::stage::{DNS, PATIENCE, REDIRECT_PORT, Stage, wait_for};

#[tokio::test]
async fn pods_talk_to_each_other_and_to_themselves() {
    let stage = Stage::open("talk");
    let (server, client) = (stage.pod("server", 2).await, stage.pod("client", 3).await);
    let mut exits = client.exits();
    let listen = ["nc", "-ll", "-p", "8080", "-e", "echo", "answer"];
    server.start(&stage.spec("server", &listen)).await.unwrap();
    let address = SocketAddr::from(([10, 244, 0, 2], 8080));
    let mut stream = connect(&stage.node, address).await;
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "answer\n", "the node reaches the pod");

    client.start(&stage.spec("client", &["nc", "10.244.0.2", "8080"])).await.unwrap();
    assert_eq!(wait_for(&mut exits, "client").await.code, 0);
    assert_eq!(stage.log("client"), "stdout F answer\n", "a pod reaches the other");

    let mut stream = stage.node.connect_in_pod(&server, 8080).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "answer\n", "its loopback answers");
}

/// Connects as soon as the other side listens; each refusal lets others run.
async fn connect(node: &Node, address: SocketAddr) -> TcpStream {
    timeout(PATIENCE, async {
        loop {
            match node.connect(address).await {
                Ok(stream) => return stream,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
    .expect("nobody listens")
}

#[tokio::test]
async fn outside_connections_are_redirected_and_keep_their_destination() {
    let stage = Stage::open("redirect");
    let proxy = stage.node.listen(SocketAddr::from(([10, 244, 0, 1], REDIRECT_PORT))).unwrap();
    let dns = stage.node.listen(SocketAddr::from((DNS, 53))).unwrap();
    let pod = stage.pod("one", 2).await;
    let mut exits = pod.exits();
    for (id, host, port) in [("service", "10.96.0.1", "443"), ("world", "192.0.2.7", "80")] {
        pod.start(&stage.spec(id, &["nc", host, port])).await.unwrap();
        let (mut stream, peer) = timeout(PATIENCE, proxy.accept()).await.unwrap().unwrap();
        assert_eq!(peer.ip(), Ipv4Addr::new(10, 244, 0, 2));
        let wanted: SocketAddr = format!("{host}:{port}").parse().unwrap();
        assert_eq!(original_destination(&stream).unwrap(), wanted);
        stream.write_all(b"proxied\n").await.unwrap();
        drop(stream);
        assert_eq!(wait_for(&mut exits, id).await.code, 0);
        assert_eq!(stage.log(id), "stdout F proxied\n");
    }
    pod.start(&stage.spec("dns", &["nc", "10.96.0.10", "53"])).await.unwrap();
    let (stream, _) = timeout(PATIENCE, dns.accept()).await.unwrap().unwrap();
    drop(stream);
    assert_eq!(wait_for(&mut exits, "dns").await.code, 0);
}

#[tokio::test]
async fn a_pod_may_live_in_the_nodes_network() {
    let stage = Stage::open("host-network");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8088));
    let listener = stage.node.listen(address).unwrap();
    let mut config = stage.pod_config("one", 2);
    config.host_network = true;
    let pod = Pod::create(&stage.node, &config).await.unwrap();
    pod.start(&stage.spec("main", &["nc", "127.0.0.1", "8088"])).await.unwrap();
    let (_, peer) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    assert_eq!(peer.ip(), Ipv4Addr::LOCALHOST);
}
