//! Parsed texts, kept for when they come again.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
};

use crate::{
    names::Names,
    node::{Source, Tree},
    parse::{self, ParseError},
    shared::Text,
    signature::Functions,
    stack::Stack,
};

/// How many texts are kept, and how long they are together; beyond these bounds all are forgotten.
const TEXTS_MAX: usize = 10_000;
const TEXT_BYTES_MAX: usize = 8 << 20;

/// The name under which a text is parsed whose own name may be another one the next time.
const NAME: &str = "\u{0}text";

/// Texts that were parsed, with their trees. Clones are the same cache.
///
/// *Assumptions*: all sets of templates that share a cache are parsed for the same functions.
#[derive(Clone, Default)]
pub struct Cache(Rc<Kept>);

#[derive(Default)]
struct Kept {
    texts: RefCell<BTreeMap<Text, Parsed>>,
    n_bytes: Cell<usize>,
    names: RefCell<Names>,
}

struct Parsed {
    /// The trees with [`NAME`] for the text's own.
    trees: Vec<Rc<Tree>>,
    /// The trees under the name that was asked for last.
    named: Option<(Rc<str>, Trees)>,
}

type Trees = Rc<[Rc<Tree>]>;

impl Cache {
    /// The trees of a text, its own under the name.
    pub(crate) fn parsed(
        &self,
        name: &str,
        text: impl Into<Text> + AsRef<[u8]>,
        functions: &dyn Functions,
        stack: Stack,
    ) -> Result<Trees, ParseError> {
        if let Some(trees) = self.find(name, text.as_ref()) {
            return Ok(trees);
        }
        let text = text.into();
        let names = &mut self.0.names.borrow_mut();
        let source = Rc::new(Source { name: NAME.into(), text: text.clone() });
        let trees = match parse::parse(&source, functions, names, stack) {
            Ok(trees) if trees.iter().all(|tree| *tree.name != *name) => trees,
            // An error has the name in it, and so it has when the text itself defines it.
            _ => {
                let source = Rc::new(Source { name: name.into(), text });
                return parse::parse(&source, functions, names, stack).map(Into::into);
            }
        };
        let named = named(name, &trees);
        let parsed = Parsed { trees, named: Some((name.into(), Rc::clone(&named))) };
        self.keep(text, parsed);
        Ok(named)
    }

    fn find(&self, name: &str, text: &[u8]) -> Option<Trees> {
        let mut texts = self.0.texts.borrow_mut();
        let parsed = texts.get_mut(text)?;
        match &parsed.named {
            Some((known, trees)) if **known == *name => Some(Rc::clone(trees)),
            _ if parsed.trees.iter().any(|tree| *tree.name == *name) => None,
            _ => {
                let trees = named(name, &parsed.trees);
                parsed.named = Some((name.into(), Rc::clone(&trees)));
                Some(trees)
            }
        }
    }

    fn keep(&self, text: Text, parsed: Parsed) {
        let mut texts = self.0.texts.borrow_mut();
        let n_bytes = self.0.n_bytes.get() + text.len();
        if texts.len() >= TEXTS_MAX || n_bytes > TEXT_BYTES_MAX {
            texts.clear();
            self.0.n_bytes.set(text.len());
        } else {
            self.0.n_bytes.set(n_bytes);
        }
        texts.insert(text, parsed);
    }
}

/// The trees of a text that has a name of its own.
fn named(name: &str, trees: &[Rc<Tree>]) -> Trees {
    let name: Rc<str> = name.into();
    let Some(text) = trees.first().map(|tree| tree.source.text.clone()) else {
        return Rc::new([]);
    };
    let source = Rc::new(Source { name: Rc::clone(&name), text });
    let rename = |tree: &Rc<Tree>| {
        let is_own = *tree.name == *NAME;
        let name = if is_own { Rc::clone(&name) } else { Rc::clone(&tree.name) };
        Rc::new(Tree { name, source: Rc::clone(&source), root: Rc::clone(&tree.root) })
    };
    trees.iter().map(rename).collect()
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("n_texts", &self.0.texts.borrow().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CallError, Context, Limits, Map, Signature, Templates, Value};

    struct NoFunctions;

    impl Functions for NoFunctions {
        fn find(&self, _: &str) -> Option<u16> {
            None
        }

        fn signature(&self, _: u16) -> &Signature {
            unreachable!("there are none")
        }

        fn call(&self, _: u16, _: &mut Context<'_>, _: &[Value]) -> Result<Value, CallError> {
            unreachable!("there are none")
        }
    }

    /// What a text under a name gives, or its error.
    fn check(cache: &Cache, name: &str, text: &str, expect: &str) {
        let templates = Templates::with_cache(cache);
        let limits = Limits::default();
        let parsed = templates.parse(name, text.as_bytes(), &NoFunctions, limits.stack_bytes_max);
        let shown = match parsed {
            Err(error) => error.to_string(),
            Ok(()) => {
                let data = Value::Map(Map::new());
                let result = Context::new(&templates, &NoFunctions, limits).execute(name, &data);
                result.map_or_else(|error| error.to_string(), |text| text.to_string())
            }
        };
        assert_eq!(shown, expect, "{name}: {text}");
    }

    #[test]
    fn a_text_is_known_by_each_of_its_names() {
        let cache = Cache::default();
        let text = r#"{{ define "x" }}{{ len 1 }}{{ end }}{{ template "x" }}"#;
        for name in ["a", "b", "a"] {
            let expect = format!(
                "template: {name}:1:19: executing \"x\" at <len 1>: error calling len: len of type int"
            );
            check(&cache, name, text, &expect);
        }
        assert_eq!(cache.0.texts.borrow().len(), 1);
    }

    #[test]
    fn a_text_that_defines_its_own_name_is_as_without_a_cache() {
        let text = r#"{{ define "x" }}1{{ end }}2"#;
        let twice = r#"template: x:1: template: multiple definition of template "x""#;
        let cache = Cache::default();
        check(&cache, "x", text, twice);
        check(&cache, "a", text, "2");
        check(&cache, "x", text, twice);
    }

    #[test]
    fn errors_name_the_text() {
        let cache = Cache::default();
        check(&cache, "a", "{{ .x", "template: a:1: unclosed action");
        check(&cache, "b", "{{ .x", "template: b:1: unclosed action");
    }
}
