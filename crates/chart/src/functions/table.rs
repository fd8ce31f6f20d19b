//! All functions together, found by their names.

use std::sync::LazyLock;

use super::{
    Function, case, crypto, date, decimal, default, dict, encoding, flow, hash, json, list,
    list_query, merge, numeric, path, random, reflect, regex, semver, string, string_list, toml,
    url, wrap, yaml,
};

/// More than twice as many as there are functions.
const N_SLOTS: usize = 512;

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let groups = [
        case::FUNCTIONS,
        crypto::FUNCTIONS,
        date::FUNCTIONS,
        decimal::FUNCTIONS,
        default::FUNCTIONS,
        dict::FUNCTIONS,
        encoding::FUNCTIONS,
        flow::FUNCTIONS,
        hash::FUNCTIONS,
        json::FUNCTIONS,
        list::FUNCTIONS,
        list_query::FUNCTIONS,
        merge::FUNCTIONS,
        numeric::FUNCTIONS,
        path::FUNCTIONS,
        random::FUNCTIONS,
        reflect::FUNCTIONS,
        regex::FUNCTIONS,
        semver::FUNCTIONS,
        string::FUNCTIONS,
        string_list::FUNCTIONS,
        toml::FUNCTIONS,
        url::FUNCTIONS,
        wrap::FUNCTIONS,
        yaml::FUNCTIONS,
    ];
    Table::new(groups.iter().flat_map(|group| group.iter()).collect())
});

/// A hash table that never changes: each name of each template is looked up in it.
pub(super) struct Table {
    pub(super) functions: Vec<&'static Function>,
    /// Where a function stands in the list: at its name's slot, or at the first one behind it that was free.
    slots: [Option<u16>; N_SLOTS],
}

impl Table {
    fn new(functions: Vec<&'static Function>) -> Self {
        let mut slots = [None; N_SLOTS];
        for (function, place) in functions.iter().zip(0..) {
            let mut from = probes(function.signature.name);
            let free =
                from.find(|slot| slots[*slot].is_none()).expect("half of the slots are free");
            slots[free] = Some(place);
        }
        Self { functions, slots }
    }

    pub(super) fn find(&self, name: &str) -> Option<u16> {
        let mut found = probes(name).map_while(|slot| self.slots[slot]);
        found.find(|place| self.functions[usize::from(*place)].signature.name == name)
    }
}

/// The slots in which a name may be.
fn probes(name: &str) -> impl Iterator<Item = usize> {
    let add = |hash: usize, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte));
    let hash = name.bytes().fold(0, add);
    (0..N_SLOTS).map(move |step| hash.wrapping_add(step) % N_SLOTS)
}
