//! Go's `map[string]interface{}`: shared by reference, mutable, in key order, cheap to deep-copy.

use std::{
    cell::{Ref, RefCell},
    fmt,
    ops::{Deref, DerefMut},
    rc::Rc,
};

use crate::{
    list::List,
    release::{release, set_aside},
    value::Value,
};

/// How deep a copy goes. What lies deeper is shared, as in a table that contains itself.
const COPY_DEPTH_MAX: usize = 1_000;
/// How many tables a copy looks at; beyond it they are shared. A table that lies in several places is
/// copied for each of them.
const COPY_TABLES_MAX: usize = 1_000_000;

/// A map's entries by key, bytewise.
struct Entries(Vec<(Rc<str>, Value)>);

/// A `map[string]interface{}`. Clones are the same map: what one handle sets, the others see.
///
/// A deep copy costs nothing until it is looked into: both sides share one frozen tree, and a level
/// gets handles of its own when a table below it is asked for or when it is changed. A copy of what
/// has not changed since the last copy is free again.
///
/// The default is Go's nil map: empty, and refusing to be written.
#[derive(Clone, Default)]
pub struct Map(Option<Rc<RefCell<State>>>);

impl Drop for Entries {
    fn drop(&mut self) {
        release(self.0.iter_mut().map(|(_, value)| value));
    }
}

impl Deref for Entries {
    type Target = Vec<(Rc<str>, Value)>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Entries {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// What is left for a copy in progress.
struct Budget {
    depth: usize,
    n_tables: usize,
}

enum State {
    /// Shared with copies. The tables inside belong to no one and are never handed out or changed.
    Frozen(Rc<Entries>),
    Live(Live),
}

struct Live {
    entries: Entries,
    /// What this level and everything below were when last frozen.
    origin: Option<Rc<Entries>>,
    /// Whether this level itself changed since.
    is_changed: bool,
}

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::from_sorted(Vec::new())
    }

    /// Takes entries that are sorted bytewise by key and have no key twice.
    pub fn from_sorted(entries: Vec<(Rc<str>, Value)>) -> Self {
        debug_assert!(entries.is_sorted_by(|one, two| one.0 < two.0), "entries are sorted");
        let entries = Entries(entries);
        Self::from_state(State::Live(Live { entries, origin: None, is_changed: false }))
    }

    fn from_state(state: State) -> Self {
        Self(Some(Rc::new(RefCell::new(state))))
    }

    fn frozen(entries: &Rc<Entries>) -> Self {
        Self::from_state(State::Frozen(Rc::clone(entries)))
    }

    /// Whether this is Go's nil map.
    pub fn is_nil(&self) -> bool {
        self.0.is_none()
    }

    /// Whether both handles are one map.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(two)) => Rc::ptr_eq(one, two),
            (None, None) => true,
            _ => false,
        }
    }

    /// A number that is the same for all handles of one map while it lives, to notice cycles.
    pub fn identity(&self) -> usize {
        self.0.as_ref().map_or(0, |cell| Rc::as_ptr(cell).cast::<()>().addr())
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.view().map_or(0, |entries| entries.len())
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is a key, its value nil or not.
    pub fn contains(&self, key: &str) -> bool {
        self.view().is_some_and(|entries| lookup(&entries, key).is_some())
    }

    /// The value of a key. Tables and lists in it are the map's own.
    pub fn get(&self, key: &str) -> Option<Value> {
        let entries = self.view()?;
        let place = lookup(&entries, key)?;
        let value = &entries[place].1;
        if !value.holds_maps() {
            return Some(value.clone());
        }
        drop(entries);
        Some(self.live()?[place].1.clone())
    }

    /// Every entry in key order, as they are now. Tables in them are the map's own.
    pub fn entries(&self) -> Vec<(Rc<str>, Value)> {
        match self.live() {
            None => Vec::new(),
            Some(entries) => entries.0.clone(),
        }
    }

    /// The keys in order.
    pub fn keys(&self) -> Vec<Rc<str>> {
        self.view().map_or_else(Vec::new, |entries| {
            entries.iter().map(|(key, _)| Rc::clone(key)).collect()
        })
    }

    /// Reads every entry in key order, without making handles for the tables below.
    ///
    /// *Assumptions*: the visitor neither changes this map nor keeps a table or list that it is
    /// shown; it may be shared with copies. Use `get` or `entries` for values to keep.
    pub fn visit<E>(
        &self,
        mut visitor: impl FnMut(&Rc<str>, &Value) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.view() {
            None => Ok(()),
            Some(entries) => entries.iter().try_for_each(|(key, value)| visitor(key, value)),
        }
    }

    /// Sets a key; a nil map stays as it is and says false (Go: `assignment to entry in nil map`).
    pub fn insert(&self, key: impl AsRef<str> + Into<Rc<str>>, value: Value) -> bool {
        self.change(|entries| match find(entries, key.as_ref()) {
            Ok(place) => entries[place].1 = value,
            Err(place) => entries.insert(place, (key.into(), value)),
        })
    }

    /// Removes a key, if it is there.
    pub fn remove(&self, key: &str) {
        if self.contains(key) {
            self.change(|entries| {
                if let Ok(place) = find(entries, key) {
                    entries.remove(place);
                }
            });
        }
    }

    /// Removes every entry, which also breaks cycles that would otherwise never be freed.
    pub fn clear(&self) {
        self.change(|entries| entries.clear());
    }

    /// A new map with the same values: tables below are shared (Go: copying in a loop).
    pub fn shallow_copy(&self) -> Self {
        Self::from_sorted(self.entries())
    }

    /// A map that shares nothing changeable with this one (sprig's `deepCopy`). A table that
    /// contains itself is shared where it repeats.
    ///
    /// So is what lies more than a thousand tables deep, or when there are more than a million tables.
    pub fn deep_copy(&self) -> Self {
        self.copy(&mut Budget { depth: COPY_DEPTH_MAX, n_tables: COPY_TABLES_MAX })
    }

    fn copy(&self, budget: &mut Budget) -> Self {
        match self.freeze(budget) {
            Some(entries) => Self::frozen(&entries),
            None => self.clone(),
        }
    }

    fn view(&self) -> Option<Ref<'_, Entries>> {
        let cell = self.0.as_ref()?;
        Some(Ref::map(cell.borrow(), |state| match state {
            State::Frozen(entries) => entries.as_ref(),
            State::Live(live) => &live.entries,
        }))
    }

    /// The entries with handles of this map's own.
    fn live(&self) -> Option<Ref<'_, Entries>> {
        let cell = self.0.as_ref()?;
        let frozen = match &*cell.borrow() {
            State::Frozen(entries) => Some(Rc::clone(entries)),
            State::Live(_) => None,
        };
        if let Some(frozen) = frozen {
            *cell.borrow_mut() = State::Live(Live::thaw(frozen));
        }
        self.view()
    }

    fn change(&self, change: impl FnOnce(&mut Entries)) -> bool {
        let Some(cell) = &self.0 else { return false };
        drop(self.live());
        let mut state = cell.borrow_mut();
        if let State::Live(live) = &mut *state {
            live.is_changed = true;
            change(&mut live.entries);
        }
        true
    }

    /// This map's tree as it is now, or nothing when it is nil or being frozen already (a cycle).
    fn freeze(&self, budget: &mut Budget) -> Option<Rc<Entries>> {
        let cell = self.0.as_ref()?;
        let mut state = cell.try_borrow_mut().ok()?;
        match &mut *state {
            State::Frozen(entries) => Some(Rc::clone(entries)),
            State::Live(live) => live.freeze(budget),
        }
    }

    /// Frees the map, when nobody else holds it, but for the values that hold others.
    pub(crate) fn give_up(self, pending: &mut Vec<Value>) {
        let (entries, frozen) = match self.0.and_then(Rc::into_inner).map(RefCell::into_inner) {
            None => return,
            Some(State::Frozen(entries)) => (None, Some(entries)),
            // What it was when it was last copied holds the same tables, or copies of them.
            Some(State::Live(Live { entries, origin, .. })) => (Some(entries), origin),
        };
        for mut entries in [entries, frozen.and_then(Rc::into_inner)].into_iter().flatten() {
            set_aside(entries.0.iter_mut().map(|(_, value)| value), pending);
        }
    }

    /// Whether this map's tree is the one that a frozen level holds.
    ///
    /// It may have been frozen since, by itself, so that it is not enough that it is unchanged.
    fn is_still(&self, frozen: &Self, budget: &mut Budget) -> bool {
        let (Some(cell), Some(frozen)) = (&self.0, &frozen.0) else {
            return self.0.is_none() && frozen.0.is_none();
        };
        if Rc::ptr_eq(cell, frozen) {
            // A table that contains itself is shared where it repeats.
            return false;
        }
        let (Ok(state), Ok(frozen)) = (cell.try_borrow_mut(), frozen.try_borrow()) else {
            return false;
        };
        match (&*state, &*frozen) {
            (State::Frozen(own), State::Frozen(frozen)) => Rc::ptr_eq(own, frozen),
            (State::Live(live), State::Frozen(frozen)) => {
                live.origin.as_ref().is_some_and(|origin| Rc::ptr_eq(origin, frozen))
                    && !live.is_changed(budget)
            }
            (_, State::Live(_)) => false,
        }
    }
}

impl Live {
    fn thaw(frozen: Rc<Entries>) -> Self {
        let mut budget = Budget { depth: COPY_DEPTH_MAX, n_tables: COPY_TABLES_MAX };
        let mut thawed = |value: &Value| {
            // A value of a frozen level with handles that its new owner may hand out.
            if value.holds_maps() { value.copy(&mut budget) } else { value.clone() }
        };
        let entries = frozen.iter().map(|(key, value)| (Rc::clone(key), thawed(value))).collect();
        Self { entries: Entries(entries), origin: Some(frozen), is_changed: false }
    }

    /// Whether this map or anything below it changed since it was last frozen, or may have.
    fn is_changed(&self, budget: &mut Budget) -> bool {
        let Some(origin) = self.origin.as_ref().filter(|_| !self.is_changed) else { return true };
        if budget.n_tables == 0 {
            return true;
        }
        budget.n_tables -= 1;
        let mut pairs = self.entries.iter().zip(origin.iter());
        !pairs.all(|((_, value), (_, frozen))| value_is_still(value, frozen, budget))
    }

    /// Nothing when the budget is spent.
    fn freeze(&mut self, budget: &mut Budget) -> Option<Rc<Entries>> {
        if !self.is_changed(budget)
            && let Some(origin) = &self.origin
        {
            return Some(Rc::clone(origin));
        }
        budget.n_tables = budget.n_tables.checked_sub(1)?;
        budget.depth = budget.depth.checked_sub(1)?;
        let copied = self.entries.iter().map(|(key, value)| (Rc::clone(key), value.copy(budget)));
        let frozen = Rc::new(Entries(copied.collect()));
        budget.depth += 1;
        self.origin = Some(Rc::clone(&frozen));
        self.is_changed = false;
        Some(frozen)
    }
}

/// Up to so many keys, those of another length are passed over faster than a few are compared.
const PASSED_MAX: usize = 16;

/// The place of a key that is likely to be there.
fn lookup(entries: &Entries, key: &str) -> Option<usize> {
    if entries.len() <= PASSED_MAX {
        return entries.iter().position(|(name, _)| **name == *key);
    }
    find(entries, key).ok()
}

fn find(entries: &Entries, key: &str) -> Result<usize, usize> {
    // Appending in order is what readers and loops do.
    match entries.last() {
        Some((last, _)) if last.as_ref() < key => Err(entries.len()),
        _ => entries.binary_search_by(|(candidate, _)| candidate.as_ref().cmp(key)),
    }
}

/// Of two values at the same place, whether the tables in them are the same.
fn value_is_still(value: &Value, frozen: &Value, budget: &mut Budget) -> bool {
    match (value, frozen) {
        (Value::Map(map) | Value::Values(map), Value::Map(frozen) | Value::Values(frozen)) => {
            map.is_still(frozen, budget)
        }
        (Value::List(list), Value::List(frozen)) if list.has_maps() => {
            let mut pairs = list.iter().zip(frozen.iter());
            pairs.all(|(value, frozen)| value_is_still(value, frozen, budget))
        }
        _ => true,
    }
}

impl Value {
    pub(crate) fn holds_maps(&self) -> bool {
        match self {
            Self::Map(_) | Self::Values(_) => true,
            Self::List(list) => list.has_maps(),
            Self::Object(object) => object.copied().is_some(),
            _ => false,
        }
    }

    /// A value that shares nothing changeable with this one (sprig's `deepCopy`).
    pub fn deep_copy(&self) -> Self {
        self.copy(&mut Budget { depth: COPY_DEPTH_MAX, n_tables: COPY_TABLES_MAX })
    }

    fn copy(&self, budget: &mut Budget) -> Self {
        match self {
            Self::Map(map) => Self::Map(map.copy(budget)),
            Self::Values(map) => Self::Values(map.copy(budget)),
            Self::List(list) if list.has_maps() && budget.depth > 0 => {
                budget.depth -= 1;
                let copied = Self::List(list.iter().map(|it| it.copy(budget)).collect::<List>());
                budget.depth += 1;
                copied
            }
            Self::Object(object) => object.copied().unwrap_or_else(|| self.clone()),
            other => other.clone(),
        }
    }
}

impl<K: Into<Rc<str>>> FromIterator<(K, Value)> for Map {
    /// Of a key that comes twice, the last value stays.
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        let mut sorted: Vec<(Rc<str>, Value)> =
            entries.into_iter().map(|(key, value)| (key.into(), value)).collect();
        sorted.sort_by(|one, two| one.0.cmp(&two.0));
        let mut unique: Vec<(Rc<str>, Value)> = Vec::with_capacity(sorted.len());
        for entry in sorted {
            match unique.last_mut() {
                Some(last) if last.0 == entry.0 => *last = entry,
                _ => unique.push(entry),
            }
        }
        Self::from_sorted(unique)
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_ref().map(|cell| cell.try_borrow_mut()) {
            None => f.write_str("nil"),
            Some(Err(_)) => f.write_str("{…}"),
            Some(Ok(state)) => {
                let entries = match &*state {
                    State::Frozen(entries) => entries.as_ref(),
                    State::Live(live) => &live.entries,
                };
                f.debug_map().entries(entries.iter().map(|(key, value)| (key, value))).finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(map: &Map, key: &str) -> Map {
        match map.get(key) {
            Some(Value::Map(map)) => map,
            other => panic!("{key} is {other:?}"),
        }
    }

    fn nested() -> Map {
        let inner = Map::from_iter([("x", Value::Int(1))]);
        let listed = Map::from_iter([("y", Value::Int(1))]);
        let list = List::from(vec![Value::Map(listed)]);
        Map::from_iter([("list", Value::List(list)), ("inner", Value::Map(inner))])
    }

    #[test]
    fn clones_are_one_map() {
        let map = nested();
        let other = map.clone();
        table(&other, "inner").insert("x", Value::Int(2));
        assert!(matches!(table(&map, "inner").get("x"), Some(Value::Int(2))));
    }

    #[test]
    fn copies_do_not_see_each_other() {
        let map = nested();
        let held = table(&map, "inner");
        let first = map.deep_copy();
        held.insert("x", Value::Int(2));
        let second = map.deep_copy();
        table(&second, "inner").insert("x", Value::Int(3));
        let of = |map: &Map| format!("{:?}", table(map, "inner").get("x"));
        assert_eq!(
            [of(&first), of(&map), of(&second)],
            ["Some(Int(1))", "Some(Int(2))", "Some(Int(3))"]
        );
    }

    #[test]
    fn a_copy_of_a_part_does_not_hide_a_change() {
        let map = nested();
        let inner = table(&map, "inner");
        map.deep_copy();
        inner.insert("x", Value::Int(2));
        inner.deep_copy();
        assert!(matches!(table(&map.deep_copy(), "inner").get("x"), Some(Value::Int(2))));
    }

    #[test]
    fn maps_in_lists_are_copied_too() {
        let map = nested();
        let copy = map.deep_copy();
        let Some(Value::List(list)) = copy.get("list") else { panic!("a list") };
        let Value::Map(inner) = &list[0] else { panic!("a map") };
        inner.insert("y", Value::Int(9));
        assert!(format!("{copy:?}").contains("9"));
        assert!(!format!("{map:?}").contains("9"));
    }

    #[test]
    fn a_map_within_itself_is_copied() {
        let map = Map::new();
        map.insert("self", Value::Map(map.clone()));
        assert_eq!(map.deep_copy().len(), 1);
        map.clear();
    }

    #[test]
    fn deep_and_wide_copies_end() {
        let mut map = Map::new();
        for _ in 0..5_000 {
            map = Map::from_iter([("x", Value::Map(map))]);
        }
        assert_eq!(map.deep_copy().deep_copy().len(), 1);
        let mut map = Map::new();
        for _ in 0..64 {
            let twice = || Value::Map(map.clone());
            map = Map::from_iter([("a", twice()), ("b", twice())]);
        }
        assert_eq!(map.deep_copy().deep_copy().len(), 2);
    }

    #[test]
    fn the_last_of_equal_keys_stays() {
        let map = Map::from_iter([("a", Value::Int(1)), ("a", Value::Int(2))]);
        assert!(matches!(map.get("a"), Some(Value::Int(2))));
    }
}
