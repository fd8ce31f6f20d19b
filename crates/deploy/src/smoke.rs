//! Smoke checks: requests that a healthy release answers, before its revision counts as deployed.

mod expect;
mod grpc;
mod http;
mod stream;

use std::time::Duration;

use thiserror::Error;
use tokio::time::{Instant, timeout};

use crate::{
    api,
    cluster::Cluster,
    progress::{Context, Progress},
};
pub use expect::{BodyRule, Expect, JsonRule};

/// One check; it may fail until its time is over, for an ingress needs a moment to know its pods.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub name: String,
    pub route: Route,
    pub probe: Probe,
    pub timeout: Duration,
}

/// How a check reaches the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Through an address that listens, most often an ingress.
    Address { is_https: bool, host: String, port: u16, host_header: Option<String> },
    /// Through a port-forward to a ready pod behind a Service; the port is its number or name.
    Service { namespace: String, service: String, port: String },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    Http {
        method: String,
        path: String,
        headers: Vec<(String, String)>,
        expect: Expect,
    },
    /// The connection is accepted.
    Tcp,
    /// The health service of gRPC says SERVING; the empty name asks for the whole server.
    Grpc {
        service: String,
    },
}

#[derive(Debug, Error)]
pub enum SmokeError {
    #[error("check {check} failed after {seconds} s ({via}): {answer}")]
    Failed { check: String, via: String, seconds: u64, answer: String },
    #[error("interrupted")]
    Cancelled,
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address { is_https, host, port, host_header } => {
                write!(f, "{}://{host}:{port}", if *is_https { "https" } else { "http" })?;
                host_header.iter().try_for_each(|it| write!(f, " as {it}"))
            }
            Self::Service { service, port, .. } => {
                write!(f, "port-forward to service/{service}:{port}")
            }
        }
    }
}

/// Runs checks one after the other; the first that does not pass in its time ends the run.
pub async fn run(cluster: &Cluster, checks: &[Check], ctx: Context<'_>) -> Result<(), SmokeError> {
    for check in checks {
        let answer = run_one(cluster, check, ctx).await?;
        let (check, via) = (check.name.clone(), check.route.to_string());
        ctx.tell(Progress::CheckPassed { check, answer, via });
    }
    Ok(())
}

/// Tries a check until it passes or its time is over; what it answered.
async fn run_one(cluster: &Cluster, check: &Check, ctx: Context<'_>) -> Result<String, SmokeError> {
    let deadline = Instant::now() + check.timeout;
    let mut n_failures = 0;
    let mut said = String::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let tried = tokio::select! {
            tried = timeout(left, attempt(cluster, check)) => tried,
            () = ctx.cancel.cancelled() => return Err(SmokeError::Cancelled),
        };
        let answer = match tried {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(answer)) => answer,
            Err(_) if said.is_empty() => "no answer".to_owned(),
            Err(_) => said.clone(),
        };
        let pause = api::backoff(n_failures);
        if Instant::now() + pause >= deadline {
            let (name, via) = (check.name.clone(), check.route.to_string());
            return Err(SmokeError::Failed {
                check: name,
                via,
                seconds: check.timeout.as_secs(),
                answer,
            });
        }
        if said != answer {
            said.clone_from(&answer);
            ctx.tell(Progress::CheckPending { check: check.name.clone(), answer });
        }
        n_failures += 1;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = ctx.cancel.cancelled() => return Err(SmokeError::Cancelled),
        }
    }
}

/// One try: what it answered, or what is wrong with that.
async fn attempt(cluster: &Cluster, check: &Check) -> Result<String, String> {
    let stream = stream::open(cluster, &check.route).await.map_err(|error| with_source(&error))?;
    match &check.probe {
        Probe::Tcp => Ok("the connection is accepted".to_owned()),
        Probe::Http { method, path, headers, expect } => {
            let request = http::request(&check.route, (method, path), headers)?;
            http::send(stream, request, expect).await
        }
        Probe::Grpc { service } => grpc::check(stream, service).await,
    }
}

fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_source(source)),
        None => error.to_string(),
    }
}
