//! The parsed form of a template, printed as Go prints it in errors.

use std::{cell::OnceCell, fmt, rc::Rc};

use crate::{
    lex::Place,
    number::Number,
    parse::{ParseError, parse_body},
    shared::Text,
    signature::Functions,
    stack::Stack,
    strconv::quote,
    value::Value,
};

/// A source text with the name that errors give it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Rc<str>,
    pub(crate) text: Text,
}

/// One template: a file, or a `define` or `block` in it.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Rc<str>,
    pub(crate) source: Rc<Source>,
    pub(crate) root: Rc<Root>,
}

/// The nodes of a tree. Those of a definition are made when it is executed for the first time.
#[derive(Debug)]
pub(crate) struct Root {
    /// Whether there is nothing but blanks and comments.
    is_blank: bool,
    /// Where the text of a definition begins, in every source that has it.
    place: Option<Place>,
    nodes: OnceCell<Vec<Node>>,
}

impl Root {
    /// Nodes as they are.
    pub(crate) fn parsed(is_blank: bool, nodes: Vec<Node>) -> Self {
        Self { is_blank, place: None, nodes: nodes.into() }
    }

    /// The nodes of a definition that was only checked.
    pub(crate) fn unparsed(is_blank: bool, place: Place) -> Self {
        Self { is_blank, place: Some(place), nodes: OnceCell::new() }
    }
}

/// A part of a template. Positions are bytes from the start of the source.
#[derive(Debug)]
pub(crate) enum Node {
    Text { start: usize, end: usize },
    Action(Pipe),
    If(Box<Branch>),
    With(Box<Branch>),
    Range(Box<Branch>),
    Template(Box<Invocation>),
    Break,
    Continue,
}

/// `if`, `with` or `range` with what belongs to it.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) list: Vec<Node>,
    pub(crate) else_list: Option<Vec<Node>>,
}

/// `{{template "name" pipeline}}`, which also stands where a `block` was.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) pos: usize,
    pub(crate) name: Rc<str>,
    pub(crate) pipe: Option<Pipe>,
}

/// A pipeline with the variables that it sets.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pub(crate) pos: usize,
    pub(crate) is_assign: bool,
    pub(crate) decl: Vec<Variable>,
    pub(crate) commands: Box<[Command]>,
}

/// A variable that is set; its slot is missing when it cannot be there when it is reached.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: Rc<str>,
    pub(crate) slot: Option<usize>,
}

/// A command: its first word and the arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) pos: usize,
    pub(crate) args: Box<[Expr]>,
}

/// An operand, with its position.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) pos: usize,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Dot,
    Nil,
    Bool(bool),
    Number {
        text: Rc<str>,
        number: Box<Number>,
    },
    /// Text, with the literal as it was written when it is not just the text in quotes.
    String {
        quoted: Option<Rc<[u8]>>,
        value: Value,
    },
    Field(Box<[Rc<str>]>),
    Variable {
        variable: Variable,
        fields: Box<[Rc<str>]>,
    },
    Function {
        name: Rc<str>,
        function: Function,
    },
    Chain {
        operand: Box<Expr>,
        fields: Box<[Rc<str>]>,
    },
    Pipe(Box<Pipe>),
}

/// Which function a name stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Function {
    /// One that was handed in, by its number there.
    Given(u16),
    /// One of text/template's own.
    Builtin(crate::builtin::Builtin),
}

/// What an error is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NodeRef<'t> {
    Nothing,
    Pipe(&'t Pipe),
    Command(&'t Command),
    Expr(&'t Expr),
    Invocation(&'t Invocation),
}

impl NodeRef<'_> {
    pub(crate) fn pos(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Pipe(pipe) => pipe.pos,
            Self::Command(command) => command.pos,
            Self::Expr(expr) => expr.pos,
            Self::Invocation(invocation) => invocation.pos,
        }
    }
}

impl Tree {
    /// `FILE:LINE:COLUMN` of a position.
    pub(crate) fn location(&self, pos: usize) -> Rc<str> {
        let before = &self.source.text[..pos.min(self.source.text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = match before.iter().rposition(|byte| *byte == b'\n') {
            None => before.len(),
            Some(newline) => before.len() - newline - 1,
        };
        format!("{}:{line}:{column}", self.source.name).into()
    }

    pub(crate) fn text(&self, start: usize, end: usize) -> &[u8] {
        &self.source.text[start..end]
    }

    /// Whether there is nothing but blanks and comments.
    pub(crate) fn is_blank(&self) -> bool {
        self.root.is_blank
    }

    /// The nodes; the functions are those that the source was checked with.
    ///
    /// An error says that the stack is used up: nothing else can be wrong.
    pub(crate) fn nodes(
        &self,
        functions: &dyn Functions,
        stack: Stack,
    ) -> Result<&[Node], ParseError> {
        if let (None, Some(place)) = (self.root.nodes.get(), self.root.place) {
            let nodes = parse_body(&self.source, place, functions, stack)?;
            return Ok(self.root.nodes.get_or_init(|| nodes));
        }
        Ok(self.root.nodes.get().map(Vec::as_slice).unwrap_or_default())
    }
}

impl fmt::Display for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Pipe(pipe) => pipe.fmt(f),
            Self::Command(command) => command.fmt(f),
            Self::Expr(expr) => expr.fmt(f),
            Self::Invocation(invocation) => {
                write!(f, "{{{{template {}", quote(invocation.name.as_bytes()))?;
                if let Some(pipe) = &invocation.pipe {
                    write!(f, " {pipe}")?;
                }
                f.write_str("}}")
            }
        }
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, variable) in self.decl.iter().enumerate() {
            write!(f, "{}{}", if place > 0 { ", " } else { "" }, variable.name)?;
        }
        if !self.decl.is_empty() {
            f.write_str(if self.is_assign { " = " } else { " := " })?;
        }
        for (place, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if place > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, arg) in self.args.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            match &arg.kind {
                ExprKind::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => arg.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Dot => f.write_str("."),
            ExprKind::Nil => f.write_str("nil"),
            ExprKind::Bool(truth) => truth.fmt(f),
            ExprKind::Number { text, .. } => f.write_str(text),
            ExprKind::String { quoted: Some(quoted), .. } => {
                f.write_str(&String::from_utf8_lossy(quoted))
            }
            ExprKind::String { value, .. } => {
                write!(f, "\"{}\"", value.as_str().unwrap_or_default())
            }
            ExprKind::Field(fields) => write_fields(fields, f),
            ExprKind::Variable { variable, fields } => {
                f.write_str(&variable.name)?;
                write_fields(fields, f)
            }
            ExprKind::Function { name, .. } => f.write_str(name),
            ExprKind::Chain { operand, fields } => {
                match &operand.kind {
                    ExprKind::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => operand.fmt(f)?,
                }
                write_fields(fields, f)
            }
            ExprKind::Pipe(pipe) => pipe.fmt(f),
        }
    }
}

fn write_fields(fields: &[Rc<str>], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    fields.iter().try_for_each(|field| write!(f, ".{field}"))
}
