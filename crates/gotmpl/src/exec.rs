//! Execution: text, actions, branches, loops and templates within templates.

use std::rc::Rc;

use crate::{
    context::Context,
    eval::{Operand, Slot},
    exec_error::ExecError,
    fmt,
    node::{Branch, Invocation, Node, NodeRef, Pipe, Tree},
    value::{Kind, Value},
};

pub(crate) type Failure = Box<ExecError>;

/// How many templates may be within each other by `template`; Go's own limit.
const TEMPLATE_DEPTH_MAX: usize = 100_000;

/// One template in execution.
pub(crate) struct Frame<'t, 'c, 'f> {
    pub(crate) context: &'c mut Context<'f>,
    pub(crate) tree: &'t Tree,
    /// What is being evaluated, for errors.
    pub(crate) at: NodeRef<'t>,
    /// Where this template's variables begin.
    pub(crate) base: usize,
    depth: usize,
}

/// What a part of a template says about the loop around it.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// Executes a tree with a dot of its own.
pub(crate) fn execute(
    context: &mut Context<'_>,
    tree: &Tree,
    dot: &Operand,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let base = context.slots.len();
    context.slots.push(Slot::Set(dot.clone()));
    let mut frame = Frame { context, tree, at: NodeRef::Nothing, base, depth };
    let nodes = tree.nodes(frame.context.functions, frame.context.stack);
    let result = match nodes {
        Ok(nodes) => frame.list(dot, nodes, out).map(|_| ()),
        Err(_) => Err(frame.too_deep()),
    };
    context.slots.truncate(base);
    result
}

impl<'t> Frame<'t, '_, '_> {
    pub(crate) fn fail(&self, message: impl Into<Rc<str>>) -> Failure {
        Box::new(ExecError {
            location: self.tree.location(self.at.pos()),
            name: Rc::clone(&self.tree.name),
            node: self.at.to_string().into(),
            message: message.into(),
            cause: None,
        })
    }

    /// Ends what goes on for too long, or too deep.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        self.context.steps += 1;
        if self.context.steps > self.context.limits.steps_max {
            let steps = self.context.limits.steps_max;
            return Err(self.fail(format!("more than {steps} steps")));
        }
        if self.context.stack.is_exhausted() {
            return Err(self.too_deep());
        }
        Ok(())
    }

    fn too_deep(&self) -> Failure {
        self.fail(format!("exceeded maximum template depth ({TEMPLATE_DEPTH_MAX})"))
    }

    fn list(
        &mut self,
        dot: &Operand,
        nodes: &'t [Node],
        out: &mut Vec<u8>,
    ) -> Result<Flow, Failure> {
        for node in nodes {
            let flow = match node {
                Node::Text { start, end } => {
                    out.extend_from_slice(self.tree.text(*start, *end));
                    Flow::Next
                }
                Node::Action(pipe) => {
                    self.action(dot, pipe, out)?;
                    Flow::Next
                }
                Node::If(branch) => self.branch(dot, branch, false, out)?,
                Node::With(branch) => self.branch(dot, branch, true, out)?,
                Node::Range(branch) => self.range(dot, branch, out)?,
                Node::Template(invocation) => {
                    self.template(dot, invocation, out)?;
                    Flow::Next
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn action(&mut self, dot: &Operand, pipe: &'t Pipe, out: &mut Vec<u8>) -> Result<(), Failure> {
        let value = self.pipeline(dot, pipe)?;
        if !pipe.decl.is_empty() {
            return Ok(());
        }
        match &value {
            Operand::Invalid => out.extend_from_slice(b"<no value>"),
            Operand::Plain(value) | Operand::Interface(value) => {
                fmt::print_indirect(out, value).map_err(|reason| self.fail(reason.to_string()))?;
            }
        }
        if out.len() > self.context.limits.output_bytes_max {
            let limit = self.context.limits.output_bytes_max;
            return Err(self.fail(format!("output is longer than {limit} bytes")));
        }
        Ok(())
    }

    fn branch(
        &mut self,
        dot: &Operand,
        branch: &'t Branch,
        is_with: bool,
        out: &mut Vec<u8>,
    ) -> Result<Flow, Failure> {
        let mark = self.context.slots.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = if value.is_true() {
            self.list(if is_with { &value } else { dot }, &branch.list, out)?
        } else if let Some(list) = &branch.else_list {
            self.list(dot, list, out)?
        } else {
            Flow::Next
        };
        self.context.slots.truncate(mark);
        Ok(flow)
    }

    fn range(
        &mut self,
        dot: &Operand,
        branch: &'t Branch,
        out: &mut Vec<u8>,
    ) -> Result<Flow, Failure> {
        let mark = self.context.slots.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let items = self.items(&value, branch)?;
        let flow = match (items, &branch.else_list) {
            (Some(items), _) => {
                self.iterate(items, branch, out)?;
                Flow::Next
            }
            // A break in the else list is that of the loop around, which Go's walk ends too.
            (None, Some(list)) => match self.list(dot, list, out)? {
                Flow::Break => Flow::Next,
                flow => flow,
            },
            (None, None) => Flow::Next,
        };
        self.context.slots.truncate(mark);
        Ok(flow)
    }

    fn iterate(
        &mut self,
        items: Items<'_>,
        branch: &'t Branch,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let mark = self.context.slots.len();
        let decl = &branch.pipe.decl;
        let is_assign = branch.pipe.is_assign;
        for (index, element) in items {
            self.check()?;
            if let Some(variable) = decl.last() {
                self.set(variable, element.clone(), is_assign)?;
            }
            if let [first, _] = decl.as_slice() {
                self.set(first, index, is_assign)?;
            }
            let flow = self.list(&element, &branch.list, out)?;
            self.context.slots.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(())
    }

    /// What a loop goes over; nothing when it is empty.
    fn items<'v>(&self, value: &'v Operand, branch: &Branch) -> Result<Option<Items<'v>>, Failure> {
        let Some(value) = value.as_value() else { return Ok(None) };
        let items: Items<'v> = match value {
            Value::Nil => return Ok(None),
            Value::Int(_) | Value::Int64(_) | Value::Uint8(_) | Value::Uint64(_) => {
                if branch.pipe.decl.len() > 1 {
                    let shown = fmt::shown(value);
                    let text = format!("can't use {shown} to iterate over more than one variable");
                    return Err(self.fail(text));
                }
                return Ok(counted(value));
            }
            Value::List(list) => indexed(list.iter().cloned().map(Operand::Interface)),
            Value::Strings(texts) => {
                let texts = texts.as_deref().unwrap_or_default();
                indexed(texts.iter().map(|text| Operand::Plain(Value::String(text.clone()))))
            }
            Value::Ints(numbers) => {
                indexed(numbers.iter().copied().map(|it| Operand::Plain(Value::Int(it))))
            }
            Value::Bytes(bytes) => {
                indexed(bytes.iter().copied().map(|it| Operand::Plain(Value::Uint8(it))))
            }
            Value::Map(map) | Value::Values(map) => {
                Box::new(map.entries().into_iter().map(|(key, value)| {
                    (Operand::Plain(Value::from(key)), Operand::Interface(value))
                }))
            }
            Value::StringMap(entries) => Box::new(entries.iter().cloned().map(|(key, text)| {
                (Operand::Plain(Value::String(key)), Operand::Plain(Value::String(text)))
            })),
            Value::Object(object) if matches!(object.kind(), Kind::Slice | Kind::Map) => Box::new(
                object
                    .entries()
                    .into_iter()
                    .map(|(key, value)| (Operand::Plain(key), Operand::Plain(value))),
            ),
            _ => {
                let shown = fmt::shown(value);
                return Err(self.fail(format!("range can't iterate over {shown}")));
            }
        };
        let mut items = items.peekable();
        Ok(if items.peek().is_some() { Some(Box::new(items)) } else { None })
    }

    fn template(
        &mut self,
        dot: &Operand,
        invocation: &'t Invocation,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        self.at = NodeRef::Invocation(invocation);
        let Some(tree) = self.context.templates.find(&invocation.name) else {
            return Err(self.fail(format!("template {:?} not defined", invocation.name)));
        };
        if self.depth == TEMPLATE_DEPTH_MAX {
            return Err(self.too_deep());
        }
        let dot = match &invocation.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Operand::Invalid,
        };
        if self.context.stack.is_exhausted() {
            self.at = NodeRef::Invocation(invocation);
            return Err(self.too_deep());
        }
        execute(self.context, &tree, &dot, self.depth + 1, out)
    }
}

type Items<'v> = Box<dyn Iterator<Item = (Operand, Operand)> + 'v>;

fn indexed<'v>(elements: impl Iterator<Item = Operand> + 'v) -> Items<'v> {
    Box::new(
        elements
            .enumerate()
            .map(|(place, element)| (Operand::Plain(Value::Int(place as i64)), element)),
    )
}

/// The numbers below one, of its own type.
fn counted(value: &Value) -> Option<Items<'static>> {
    let numbered = |end: u64, make: fn(u64) -> Value| -> Option<Items<'static>> {
        (end > 0).then(|| -> Items<'static> {
            Box::new((0..end).map(move |it| (Operand::Invalid, Operand::Plain(make(it)))))
        })
    };
    match value {
        Value::Int(end) => numbered((*end).max(0) as u64, |it| Value::Int(it as i64)),
        Value::Int64(end) => numbered((*end).max(0) as u64, |it| Value::Int64(it as i64)),
        Value::Uint8(end) => numbered((*end).into(), |it| Value::Uint8(it as u8)),
        Value::Uint64(end) => numbered(*end, Value::Uint64),
        _ => None,
    }
}
