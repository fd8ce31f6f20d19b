//! The published description of the Kubernetes API: one compressed text, split into lines when first used.

use std::{io::Read as _, sync::LazyLock};

use flate2::read::GzDecoder;

/// Written by `cargo xtask schema`, which documents the format.
const COMPRESSED: &[u8] = include_bytes!("../data/kubernetes.gz");

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::new();
    GzDecoder::new(COMPRESSED).read_to_string(&mut text).expect("the data is gzipped UTF-8");
    text
});

/// The lines of the data, undecoded.
pub(crate) struct Data {
    /// `group/version` (or `v1`) and the JSON list of its resources, in the order of discovery.
    pub(crate) group_versions: Vec<(&'static str, &'static str)>,
    /// Sorted by name.
    pub(crate) definitions: Vec<Definition>,
}

/// A named schema.
#[derive(Clone, Copy)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    /// OpenAPI v3 schema.
    pub(crate) json: &'static str,
    /// `a,b|c`: fields that are left out when they are zero, and lists that are written as null.
    pub(crate) fields: &'static str,
}

static DATA: LazyLock<Data> = LazyLock::new(|| {
    let mut data = Data { group_versions: Vec::new(), definitions: Vec::new() };
    for (name, json) in TEXT.lines().filter_map(|it| it.split_once('\t')) {
        match name.strip_prefix('@') {
            Some(group_version) => data.group_versions.push((group_version, json)),
            None => {
                let (json, fields) = json.split_once('\t').unwrap_or((json, ""));
                data.definitions.push(Definition { name, json, fields });
            }
        }
    }
    data
});

/// The data, decompressed at the first call.
pub(crate) fn data() -> &'static Data {
    &DATA
}

/// A number that changes with the data (64-bit FNV-1a).
pub(crate) fn hash() -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    COMPRESSED.iter().fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// The place of a definition in [`Data::definitions`].
pub(crate) fn definition_index(name: &str) -> Option<usize> {
    data().definitions.binary_search_by_key(&name, |it| it.name).ok()
}
