//! The log: a line for each event, with the ids of the request that it belongs to, written by a thread of its own.

mod format;
mod writer;

use std::fmt;

use axum::http::HeaderValue;
use tokio::task::futures::TaskLocalFuture;
use tracing_subscriber::{EnvFilter, fmt as lines, layer::SubscriberExt as _};

use crate::{
    config::{LogFormat, ServeConfig},
    trace::Hex,
};

use self::{
    format::{Json, Text},
    writer::Writer,
};

pub use writer::Flush;

tokio::task_local! {
    static IDS: Ids;
}

/// Who asked, for every line that is written meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct Ids {
    pub(crate) request: RequestId,
    pub(crate) trace: u128,
}

/// The client's own, or one that was made here.
#[derive(Debug, Clone)]
pub(crate) enum RequestId {
    Given(HeaderValue),
    Made(u128),
}

impl RequestId {
    pub(crate) fn to_header(&self) -> HeaderValue {
        match self {
            Self::Given(value) => value.clone(),
            Self::Made(id) => HeaderValue::from_bytes(&Hex(*id).digits())
                .expect("hexadecimal digits may stand in a header"),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(value) => f.write_str(value.to_str().unwrap_or_default()),
            Self::Made(id) => Hex(*id).fmt(f),
        }
    }
}

/// Runs a request's work: its lines carry the ids.
pub(crate) fn within<F: Future>(ids: Ids, work: F) -> TaskLocalFuture<Ids, F> {
    IDS.scope(ids, work)
}

/// Starts the log of this process; what still waits is written when the value is dropped.
pub fn start(config: &ServeConfig) -> Flush {
    let filter = EnvFilter::try_new(&config.log_level).unwrap_or_else(|_| EnvFilter::new("info"));
    let (writer, flush) = Writer::start(std::io::stdout());
    let registry = tracing_subscriber::registry().with(filter);
    let lines = lines::layer().with_writer(writer);
    // An error says that there is a log already: then that one is used.
    match config.log_format {
        LogFormat::Json => {
            tracing::subscriber::set_global_default(registry.with(lines.event_format(Json)))
        }
        LogFormat::Text => {
            let lines = lines.event_format(Text::default());
            tracing::subscriber::set_global_default(registry.with(lines))
        }
    }
    .ok();
    flush
}
