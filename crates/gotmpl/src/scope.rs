//! Which variables are known while parsing, and where they will be while executing.

use std::rc::Rc;

use crate::node::Variable;

/// The variables at one place of a template.
///
/// Go checks names while parsing and searches values by name while executing, and the two disagree:
/// a name counts as known as soon as it is mentioned on the left, and stays known in an `else`.
/// Both are followed here, so that every variable gets its place before anything is executed.
#[derive(Debug)]
pub(crate) struct Scope {
    known: Vec<Rc<str>>,
    slots: Vec<Rc<str>>,
}

/// A place to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    known: usize,
    slots: usize,
}

impl Default for Scope {
    fn default() -> Self {
        Self { known: vec!["$".into()], slots: vec!["$".into()] }
    }
}

impl Scope {
    pub(crate) fn mark(&self) -> Mark {
        Mark { known: self.known.len(), slots: self.slots.len() }
    }

    /// Forgets everything since the mark.
    pub(crate) fn leave(&mut self, mark: Mark) {
        self.known.truncate(mark.known);
        self.slots.truncate(mark.slots);
    }

    /// Goes on with the other list of a branch: names stay known, values do not.
    pub(crate) fn leave_list(&mut self, mark: Mark) {
        self.slots.truncate(mark.slots);
    }

    pub(crate) fn know(&mut self, name: Rc<str>) {
        self.known.push(name);
    }

    pub(crate) fn is_known(&self, name: &str) -> bool {
        self.known.iter().any(|known| known.as_ref() == name)
    }

    /// Where the value of a name will be, if anywhere.
    pub(crate) fn slot(&self, name: &str) -> Option<usize> {
        self.slots.iter().rposition(|slot| slot.as_ref() == name)
    }

    /// Gives places to the variables of a pipeline, which are set once its value is there.
    pub(crate) fn set(&mut self, decl: &mut [Variable], is_assign: bool) {
        for Variable { name, slot } in decl {
            if is_assign {
                *slot = self.slot(name);
            } else {
                *slot = Some(self.slots.len());
                self.slots.push(Rc::clone(name));
            }
        }
    }
}
