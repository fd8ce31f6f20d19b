//! What an image is made of, decided before a byte is read.

use std::{collections::BTreeMap, path::PathBuf};

use oci::{ImageConfiguration, Manifest, Platform};

/// Everything that decides an image's bytes, but for the content of its files.
#[derive(Debug, Clone)]
pub struct ImagePlan {
    /// `None` builds from nothing.
    pub base: Option<Base>,
    pub files: Vec<ImageFile>,
    /// `uid:gid`, or what the base knows by name.
    pub user: String,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    /// Added to the base's, one of the same name replaced.
    pub env: BTreeMap<String, String>,
    /// Empty is the base's, or `/`.
    pub working_dir: String,
    /// `8080/tcp`.
    pub exposed_ports: Vec<String>,
    pub labels: BTreeMap<String, String>,
    /// Seconds since the epoch: the time of every file, and of the image.
    pub created_s: u64,
    pub platform: Platform,
}

/// An image that is in the content store with all its layers.
#[derive(Debug, Clone)]
pub struct Base {
    pub manifest: Manifest,
    pub configuration: ImageConfiguration,
}

/// A file or a whole folder of this machine, and its place in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    pub from: PathBuf,
    /// Absolute: `/usr/bin/faro`.
    pub to: String,
    /// `None` keeps whether the file can be executed: 0755 or 0644.
    pub mode: Option<u32>,
}
