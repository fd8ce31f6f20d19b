//! The cluster's DNS server: names of the cluster are answered, all others asked of the machine's resolvers.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, CNAME, PTR, SRV},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::{Semaphore, watch},
};

use crate::routes::{Answer, Routes};

const TTL_S: u32 = 5;
const UDP_BYTES_MAX: usize = 4096;
/// Without EDNS a client takes no more over UDP (RFC 1035, section 4.2.1).
const UDP_ANSWER_BYTES_MAX: usize = 512;
const UPSTREAM_MS_MAX: u64 = 2000;
const FORWARDED_AT_ONCE_MAX: usize = 256;

pub(crate) struct Dns {
    pub(crate) routes: watch::Receiver<Arc<Routes>>,
    pub(crate) domain: String,
    /// The machine's resolvers; without any, other names fail.
    pub(crate) upstreams: Vec<SocketAddr>,
    pub(crate) forwarded: Semaphore,
}

impl Dns {
    pub(crate) fn new(
        routes: watch::Receiver<Arc<Routes>>,
        domain: String,
        upstreams: Vec<SocketAddr>,
    ) -> Self {
        Self { routes, domain, upstreams, forwarded: Semaphore::new(FORWARDED_AT_ONCE_MAX) }
    }
}

/// Answers datagrams for ever.
pub(crate) async fn serve_udp(socket: UdpSocket, dns: Arc<Dns>) {
    let socket = Arc::new(socket);
    let mut buffer = vec![0; UDP_BYTES_MAX];
    loop {
        let (n_bytes, client) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(%error, "could not receive a DNS query");
                continue;
            }
        };
        let query = buffer[..n_bytes].to_vec();
        let (socket, dns) = (Arc::clone(&socket), Arc::clone(&dns));
        tokio::spawn(async move {
            if let Some(answer) = answer(&dns, &query, Some(UDP_ANSWER_BYTES_MAX)).await {
                socket.send_to(&answer, client).await.ok();
            }
        });
    }
}

/// Answers connections for ever.
pub(crate) async fn serve_tcp(listener: TcpListener, dns: Arc<Dns>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let dns = Arc::clone(&dns);
        tokio::spawn(async move {
            if let Err(error) = converse(stream, &dns).await {
                tracing::trace!(%error, "DNS connection ended");
            }
        });
    }
}

/// Each message has its length before it (RFC 1035, section 4.2.2).
async fn converse(mut stream: TcpStream, dns: &Dns) -> io::Result<()> {
    loop {
        let n_bytes = stream.read_u16().await?;
        let mut query = vec![0; usize::from(n_bytes)];
        stream.read_exact(&mut query).await?;
        let Some(answer) = answer(dns, &query, None).await else { return Ok(()) };
        let n_bytes = u16::try_from(answer.len()).map_err(io::Error::other)?;
        stream.write_u16(n_bytes).await?;
        stream.write_all(&answer).await?;
    }
}

/// `None` when the query is no query, which deserves no answer.
async fn answer(dns: &Dns, bytes: &[u8], n_bytes_max: Option<usize>) -> Option<Vec<u8>> {
    let query = Message::from_vec(bytes).ok()?;
    if query.metadata.message_type != MessageType::Query {
        return None;
    }
    let question = query.queries.first()?;
    let name = question.name().to_utf8();
    let found = dns.routes.borrow().lookup(&name, &dns.domain);
    if found == Answer::Elsewhere {
        return match forward(dns, bytes).await {
            Some(answer) => Some(answer),
            None => respond(&query, Vec::new(), ResponseCode::ServFail).to_vec().ok(),
        };
    }
    let (records, code) = records(question.name(), question.query_type(), &found);
    let mut response = respond(&query, records, code);
    let bytes = response.to_vec().ok()?;
    if n_bytes_max.is_some_and(|it| it < bytes.len()) && query.edns.is_none() {
        // The client asks again over TCP.
        response.answers.clear();
        response.metadata.truncation = true;
        return response.to_vec().ok();
    }
    Some(bytes)
}

fn respond(query: &Message, records: Vec<Record>, code: ResponseCode) -> Message {
    let mut response = Message::response(query.metadata.id, query.metadata.op_code);
    response.metadata.authoritative = code != ResponseCode::ServFail;
    response.metadata.recursion_desired = query.metadata.recursion_desired;
    response.metadata.recursion_available = true;
    response.metadata.response_code = code;
    response.add_queries(query.queries.iter().cloned());
    response.add_answers(records);
    response
}

/// The records that answer a question of this type; a name that exists without one gives none.
fn records(name: &Name, asked: RecordType, answer: &Answer) -> (Vec<Record>, ResponseCode) {
    let record = |data| Record::from_rdata(name.clone(), TTL_S, data);
    let parse = |text: &String| Name::from_utf8(text).ok();
    let data: Vec<RData> = match answer {
        Answer::Unknown | Answer::Elsewhere => return (Vec::new(), ResponseCode::NXDomain),
        Answer::Addresses(ips) => ips
            .iter()
            .filter_map(|ip| match (ip, asked) {
                (IpAddr::V4(ip), RecordType::A) => Some(RData::A(A(*ip))),
                (IpAddr::V6(ip), RecordType::AAAA) => Some(RData::AAAA(AAAA(*ip))),
                _ => None,
            })
            .collect(),
        Answer::Alias(target) => {
            parse(target).map(|it| RData::CNAME(CNAME(it))).into_iter().collect()
        }
        Answer::Ports(ports) if asked == RecordType::SRV => ports
            .iter()
            .filter_map(|(port, target)| Some(RData::SRV(SRV::new(0, 100, *port, parse(target)?))))
            .collect(),
        Answer::Name(target) if asked == RecordType::PTR => {
            parse(target).map(|it| RData::PTR(PTR(it))).into_iter().collect()
        }
        Answer::Ports(_) | Answer::Name(_) => Vec::new(),
    };
    (data.into_iter().map(record).collect(), ResponseCode::NoError)
}

/// Asks the machine's resolvers in turn; the first answer counts.
async fn forward(dns: &Dns, query: &[u8]) -> Option<Vec<u8>> {
    let _place = dns.forwarded.acquire().await.ok()?;
    for upstream in &dns.upstreams {
        let limit = Duration::from_millis(UPSTREAM_MS_MAX);
        if let Ok(Ok(answer)) = tokio::time::timeout(limit, ask(*upstream, query)).await {
            return Some(answer);
        }
    }
    None
}

#[expect(
    clippy::disallowed_methods,
    reason = "names outside the cluster are asked of the host's resolvers"
)]
async fn ask(upstream: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let local: SocketAddr =
        if upstream.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(upstream).await?;
    socket.send(query).await?;
    let mut buffer = vec![0; UDP_BYTES_MAX];
    let n_bytes = socket.recv(&mut buffer).await?;
    buffer.truncate(n_bytes);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::{OpCode, Query};

    async fn ask_for(name: &str, asked: RecordType) -> Message {
        let service = serde_json::json!({"metadata": {"namespace": "dev", "name": "faro"},
            "spec": {"clusterIP": "10.96.0.7", "ports": [{"name": "http", "port": 80}]}});
        let services = [serde_json::from_value(service).unwrap()];
        let (_tx, rx) = watch::channel(Arc::new(Routes::new(&services, &[], &[])));
        let dns = Dns::new(rx, "cluster.local".to_owned(), Vec::new());
        let mut query = Message::new(7, MessageType::Query, OpCode::Query);
        query.add_query(Query::query(Name::from_utf8(name).unwrap(), asked));
        let bytes = answer(&dns, &query.to_vec().unwrap(), Some(512)).await.unwrap();
        Message::from_vec(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_service_has_its_cluster_address_and_no_other_family() {
        let response = ask_for("faro.dev.svc.cluster.local.", RecordType::A).await;
        assert_eq!(response.metadata.id, 7);
        assert_eq!(response.answers[0].data, RData::A(A([10, 96, 0, 7].into())));
        let response = ask_for("faro.dev.svc.cluster.local.", RecordType::AAAA).await;
        assert_eq!(response.metadata.response_code, ResponseCode::NoError);
        assert!(response.answers.is_empty());
    }

    #[tokio::test]
    async fn unknown_names_differ_from_names_nobody_could_be_asked_for() {
        let response = ask_for("no.dev.svc.cluster.local.", RecordType::A).await;
        assert_eq!(response.metadata.response_code, ResponseCode::NXDomain);
        let response = ask_for("example.com.", RecordType::A).await;
        assert_eq!(response.metadata.response_code, ResponseCode::ServFail);
    }
}
