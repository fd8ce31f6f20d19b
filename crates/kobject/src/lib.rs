//! A Kubernetes object as a value, and the rules that the API attaches to it.
//!
//! An object is a [`serde_json::Value`]; everything here is a function from values to values.
//! What the API is made of (resources, schemas) is data of Kubernetes 1.34.4, decoded when first asked for.
//!
//! It does not store, serve, authorise or watch objects, knows no clock (times are arguments), makes no
//! names, and runs no admission: that is the API server's work. Behaviour that depends on other objects
//! (quotas, default storage classes, allocation of addresses) is not here either.
//!
//! Start at [`catalog`] for what there is, at [`schema`] for how it is shaped, at [`managed`] for
//! server-side apply.
#![warn(missing_docs)]

mod data;

pub mod catalog;
pub mod meta;
pub mod order;
pub mod quantity;
pub mod schema;
pub mod selector;

pub mod managed;
pub mod patch;

pub mod default;
pub mod validate;

pub mod openapi;
pub mod table;

pub use catalog::{Resource, Subresource};
pub use quantity::Quantity;
pub use schema::Schema;
pub use selector::{FieldSelector, LabelSelector};
