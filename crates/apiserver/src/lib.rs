//! The Kubernetes API over the store: a tower service for kubectl, helm and every client library.
//!
//! [`service()`] makes the service; in process a `kube::Client` wraps it, and [`serve()`] offers the same over TLS.
//! What there is (resources, schemas, defaults, validation, patches, tables) is `kobject`'s data; what is kept is the
//! `store`'s; this crate speaks HTTP between them: verbs, watch, admission, subresources, discovery.
//!
//! It does not run controllers, nodes or proxies, and it does not enforce roles: every authenticated user may do
//! everything, which access reviews say in their reason. It reads protobuf and answers in JSON.
//! CustomResourceDefinitions, webhooks and aggregated APIs are refused with errors that name them.
//!
//! Start at [`service()`], then `dispatch`, then any file of `verb`.

mod config;
mod node;

mod api;
mod serve;
mod service;

mod call;
mod dispatch;
mod path;
mod query;

mod accept;
mod body;
mod error;
mod present;
mod status;

mod auth;
mod certificate;
mod clock;
mod token;

mod bootstrap;
mod document;
mod review;
mod subresource;
mod verb;

mod admission;
mod convert;
mod decode;
mod expiry;
mod protobuf;
mod spdy;
mod strategy;
mod write;

pub use api::Api;
pub use auth::Identity;
pub use body::Body;
pub use bootstrap::{BootstrapError, bootstrap};
pub use config::{Config, ServiceNetwork};
pub use node::{
    ExecExit, ExecRequest, ExecSession, LogRequest, Node, NodeError, Stream, TerminalSize,
};
pub use serve::serve;
pub use service::{ApiService, service};
pub use token::{TokenKey, TokenKeyError};
