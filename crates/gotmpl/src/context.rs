//! What an execution needs and shares with the functions that it calls.

use std::rc::Rc;

use crate::{
    eval::{Operand, Slot},
    exec,
    exec_error::ExecError,
    parse::ParseError,
    signature::{CallError, Functions},
    stack::Stack,
    templates::Templates,
    value::{Str, Value},
};

/// What an execution may use at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of native stack from where execution begins; recursion beyond it is an error, worded as
    /// Go's own limit is. A caller who wants Go's depth calls from a thread with a large stack.
    pub stack_bytes_max: usize,
    /// Bytes that one template may print, and that a text may have that a function gives.
    pub output_bytes_max: usize,
    /// Items that a list may have that a function gives.
    pub items_max: usize,
    /// Pipelines, loop rounds, and what functions give (each 64 bytes of a text, each eight items), all
    /// together: a bound on time, and on memory.
    pub steps_max: u64,
}

/// How much of what a function gives counts as a step.
const STEP_BYTES: usize = 64;
const STEP_ITEMS: usize = 8;

impl Default for Limits {
    /// Fits the two MiB that threads have by default.
    fn default() -> Self {
        Self {
            stack_bytes_max: 1 << 20,
            output_bytes_max: 64 << 20,
            items_max: 10_000_000,
            steps_max: 200_000_000,
        }
    }
}

/// An execution with all the templates that it can reach. Functions get it to execute more of them.
#[derive(Debug)]
pub struct Context<'f> {
    pub(crate) functions: &'f dyn Functions,
    pub(crate) templates: Rc<Templates>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) stack: Stack,
    pub(crate) limits: Limits,
    pub(crate) steps: u64,
}

/// Why a named template gave no text.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ExecuteError {
    /// There is none of that name.
    #[error("template: no template {name:?} associated with template {:?}", "gotpl")]
    NoTemplate {
        /// The name.
        name: Rc<str>,
    },
    /// Its execution failed.
    #[error("{0}")]
    Exec(Rc<ExecError>),
}

/// Why a text given at run time gave no text.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TextError {
    /// It is no template.
    #[error("{0}")]
    Parse(ParseError),
    /// Its execution failed.
    #[error("{0}")]
    Exec(Rc<ExecError>),
}

impl<'f> Context<'f> {
    /// Begins an execution; the native stack is counted from here.
    pub fn new(templates: &Rc<Templates>, functions: &'f dyn Functions, limits: Limits) -> Self {
        Self {
            functions,
            templates: Rc::clone(templates),
            slots: Vec::new(),
            stack: Stack::new(limits.stack_bytes_max),
            limits,
            steps: 0,
        }
    }

    /// The limits of this execution.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Counts what a function gave; an error says which limit it exceeds.
    pub(crate) fn count(&mut self, value: &Value) -> Result<(), CallError> {
        let (n_bytes, n_items) = match value {
            Value::String(text) => (text.len(), 0),
            Value::Bytes(bytes) => (bytes.len(), 0),
            Value::List(list) => (0, list.len()),
            Value::Strings(Some(texts)) => (0, texts.len()),
            Value::Ints(numbers) => (0, numbers.len()),
            Value::Map(map) | Value::Values(map) => (0, map.len()),
            _ => return Ok(()),
        };
        let Limits { output_bytes_max, items_max, .. } = self.limits;
        if n_bytes > output_bytes_max {
            return Err(CallError::text(format!("text is longer than {output_bytes_max} bytes")));
        }
        if n_items > items_max {
            return Err(CallError::text(format!("there are more than {items_max} items")));
        }
        self.steps += (n_bytes / STEP_BYTES + n_items / STEP_ITEMS) as u64;
        Ok(())
    }

    /// Executes a template by name (`ExecuteTemplate`).
    pub fn execute(&mut self, name: &str, data: &Value) -> Result<Str, ExecuteError> {
        let Some(tree) = self.templates.find(name) else {
            return Err(ExecuteError::NoTemplate { name: name.into() });
        };
        let mut out = Vec::new();
        let dot = Operand::Plain(data.clone()).concrete();
        match exec::execute(self, &tree, &dot, 0, &mut out) {
            Ok(()) => Ok(Str::from_bytes(out)),
            Err(failure) => Err(ExecuteError::Exec(failure.into())),
        }
    }

    /// Parses a text under a name and executes it (Helm's `tpl`): what it defines is seen by it and
    /// by what it calls, and by nobody after it.
    pub fn execute_text(&mut self, name: &str, text: &Str, data: &Value) -> Result<Str, TextError> {
        let trees = self
            .templates
            .parsed(name, text, self.functions, self.stack)
            .map_err(TextError::Parse)?;
        let tree = trees.iter().find(|tree| tree.name.as_ref() == name);
        let tree = Rc::clone(tree.expect("a text's own tree is among those it defines"));
        let above = Templates::above(&self.templates, &trees);
        let before = std::mem::replace(&mut self.templates, above);
        let mut out = Vec::new();
        let dot = Operand::Plain(data.clone()).concrete();
        let result = exec::execute(self, &tree, &dot, 0, &mut out);
        self.templates = before;
        match result {
            Ok(()) => Ok(Str::from_bytes(out)),
            Err(failure) => Err(TextError::Exec(failure.into())),
        }
    }
}

impl std::fmt::Debug for dyn Functions + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Functions")
    }
}
