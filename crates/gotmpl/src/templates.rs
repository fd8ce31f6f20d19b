//! A set of templates that know each other by name.

use std::{cell::RefCell, collections::BTreeMap, fmt, rc::Rc};

use crate::{
    cache::Cache, node::Tree, parse::ParseError, shared::Text, signature::Functions, stack::Stack,
    value::Str,
};

/// A set of templates. A set above another sees what is below and can replace it for itself.
#[derive(Default)]
pub struct Templates {
    own: RefCell<BTreeMap<Rc<str>, Rc<Tree>>>,
    below: Option<Rc<Self>>,
    cache: Cache,
}

impl Templates {
    /// An empty set.
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// An empty set that need not parse again what is in the cache.
    pub fn with_cache(cache: &Cache) -> Rc<Self> {
        Rc::new(Self { cache: cache.clone(), ..Self::default() })
    }

    /// Parses a file and adds it, with everything that it defines, to the set.
    ///
    /// A definition replaces an earlier one of its name, unless it is only blanks and comments.
    /// `stack_bytes_max` bounds the native stack that deep nesting may use.
    pub fn parse(
        &self,
        name: &str,
        text: impl Into<Text> + AsRef<[u8]>,
        functions: &dyn Functions,
        stack_bytes_max: usize,
    ) -> Result<(), ParseError> {
        let trees = self.cache.parsed(name, text, functions, Stack::new(stack_bytes_max))?;
        trees.iter().for_each(|tree| self.add(Rc::clone(tree)));
        Ok(())
    }

    fn add(&self, tree: Rc<Tree>) {
        if tree.is_blank() && self.find(&tree.name).is_some() {
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
            cache: below.cache.clone(),
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
        self.cache.parsed(name, &**text, functions, stack)
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.own.borrow().keys()).finish()
    }
}
