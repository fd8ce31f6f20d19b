//! Go's `[]interface{}`: shared on clone, never changed in place.

use std::{ops::Deref, rc::Rc};

use crate::{
    release::{release, set_aside},
    value::Value,
};

/// A `[]interface{}`; the default is Go's nil slice, which is empty and prints as `null` in JSON.
#[derive(Clone, Debug, Default)]
pub struct List(Option<Rc<Items>>);

#[derive(Debug)]
struct Items {
    values: Vec<Value>,
    /// Whether a mutable map is reachable without passing another map.
    has_maps: bool,
}

impl Drop for Items {
    fn drop(&mut self) {
        release(&mut self.values);
    }
}

impl List {
    /// Whether this is Go's nil slice, which differs from an empty one only in JSON and `deepEqual`.
    pub fn is_nil(&self) -> bool {
        self.0.is_none()
    }

    /// The values.
    pub fn as_slice(&self) -> &[Value] {
        self.0.as_ref().map_or(&[], |items| &items.values)
    }

    /// Whether both are the same slice in memory.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(two)) => Rc::ptr_eq(one, two),
            (None, None) => true,
            _ => false,
        }
    }

    /// The values, without copying them when nobody else holds this list.
    pub fn into_vec(self) -> Vec<Value> {
        match self.0 {
            None => Vec::new(),
            Some(items) => match Rc::try_unwrap(items) {
                Ok(mut items) => std::mem::take(&mut items.values),
                Err(shared) => shared.values.clone(),
            },
        }
    }

    pub(crate) fn has_maps(&self) -> bool {
        self.0.as_ref().is_some_and(|items| items.has_maps)
    }

    /// Frees the list, when nobody else holds it, but for the values that hold others.
    pub(crate) fn give_up(self, pending: &mut Vec<Value>) {
        if let Some(mut items) = self.0.and_then(Rc::into_inner) {
            set_aside(&mut items.values, pending);
        }
    }
}

impl From<Vec<Value>> for List {
    fn from(values: Vec<Value>) -> Self {
        let has_maps = values.iter().any(Value::holds_maps);
        Self(Some(Rc::new(Items { values, has_maps })))
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        values.into_iter().collect::<Vec<_>>().into()
    }
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        self.as_slice()
    }
}
