//! A set of templates that know each other by name.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
};

use crate::{
    node::{Source, Tree},
    parse::{self, ParseError},
    signature::Functions,
    stack::Stack,
    value::Str,
};

/// Texts given at run time whose trees are kept; beyond these bounds all are forgotten.
const KEPT_TEXTS_MAX: usize = 10_000;
const KEPT_TEXT_BYTES_MAX: usize = 64 << 20;

/// A set of templates. A set above another sees what is below and can replace it for itself.
#[derive(Default)]
pub struct Templates {
    own: RefCell<BTreeMap<Rc<str>, Rc<Tree>>>,
    below: Option<Rc<Self>>,
    kept: Rc<Kept>,
}

#[derive(Default)]
struct Kept {
    trees: RefCell<BTreeMap<Str, Rc<[Rc<Tree>]>>>,
    n_bytes: Cell<usize>,
}

impl Templates {
    /// An empty set.
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// Parses a file and adds it, with everything that it defines, to the set.
    ///
    /// A definition replaces an earlier one of its name, unless it is only blanks and comments.
    /// `stack_bytes_max` bounds the native stack that deep nesting may use.
    pub fn parse(
        &self,
        name: &str,
        text: &[u8],
        functions: &dyn Functions,
        stack_bytes_max: usize,
    ) -> Result<(), ParseError> {
        let source = Rc::new(Source { name: name.into(), text: text.into() });
        for tree in parse::parse(&source, functions, Stack::new(stack_bytes_max))? {
            self.add(tree);
        }
        Ok(())
    }

    fn add(&self, tree: Rc<Tree>) {
        if tree.is_empty() && self.find(&tree.name).is_some() {
            return;
        }
        self.own.borrow_mut().insert(Rc::clone(&tree.name), tree);
    }

    pub(crate) fn find(&self, name: &str) -> Option<Rc<Tree>> {
        let mut set = self;
        loop {
            if let Some(tree) = set.own.borrow().get(name) {
                return Some(Rc::clone(tree));
            }
            set = set.below.as_deref()?;
        }
    }

    /// Whether there is a template of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// A set that adds trees to one that stays as it is.
    pub(crate) fn above(below: &Rc<Self>, trees: &[Rc<Tree>]) -> Rc<Self> {
        if let [_] = trees {
            // A text without definitions; nobody can ask for the text itself by name.
            return Rc::clone(below);
        }
        let above = Self {
            own: RefCell::default(),
            below: Some(Rc::clone(below)),
            kept: Rc::clone(&below.kept),
        };
        for tree in trees {
            above.add(Rc::clone(tree));
        }
        Rc::new(above)
    }

    /// The trees of a text, parsed once.
    pub(crate) fn parsed(
        &self,
        name: &str,
        text: &Str,
        functions: &dyn Functions,
        stack: Stack,
    ) -> Result<Rc<[Rc<Tree>]>, ParseError> {
        let kept = &self.kept;
        if let Some(trees) = kept.trees.borrow().get(text) {
            return Ok(Rc::clone(trees));
        }
        let source = Rc::new(Source { name: name.into(), text: text.as_bytes().into() });
        let trees: Rc<[Rc<Tree>]> = parse::parse(&source, functions, stack)?.into();
        let mut all = kept.trees.borrow_mut();
        let n_bytes = kept.n_bytes.get() + text.len();
        if all.len() >= KEPT_TEXTS_MAX || n_bytes > KEPT_TEXT_BYTES_MAX {
            all.clear();
            kept.n_bytes.set(0);
        } else {
            kept.n_bytes.set(n_bytes);
        }
        all.insert(text.clone(), Rc::clone(&trees));
        Ok(trees)
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.own.borrow().keys()).finish()
    }
}
