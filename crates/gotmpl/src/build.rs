//! What a parser makes of what it reads: nodes, or nothing when only the grammar is checked.

use std::{rc::Rc, vec::Drain};

use crate::{
    names::Names,
    node::{Branch, Command, Expr, ExprKind, Function, Invocation, Node, Pipe, Variable},
    number::Number,
    value::{Str, Value},
};

/// What is made already of commands and pipelines that are not at their end, the outer ones first.
pub(crate) struct Unfinished<B: Build> {
    pub(crate) args: Vec<B::Expr>,
    pub(crate) commands: Vec<B::Command>,
}

impl<B: Build> Default for Unfinished<B> {
    fn default() -> Self {
        Self { args: Vec::new(), commands: Vec::new() }
    }
}

/// Makes nodes of their parts.
pub(crate) trait Build: Sized {
    type Expr;
    type Command;
    type Pipe;
    type Node;

    fn expr(names: &mut Names, pos: usize, term: Term<'_, Self::Pipe>) -> Self::Expr;

    /// An operand with the fields behind it, the first of which is at `pos`.
    fn chain(names: &mut Names, expr: Self::Expr, pos: usize, fields: &[&[u8]]) -> Self::Expr;

    fn command(pos: usize, args: Drain<'_, Self::Expr>) -> Self::Command;

    fn pipe(
        pos: usize,
        is_assign: bool,
        decl: Vec<Variable>,
        commands: Drain<'_, Self::Command>,
    ) -> Self::Pipe;

    fn text(start: usize, end: usize) -> Self::Node;

    fn action(pipe: Self::Pipe) -> Self::Node;

    fn branch(
        control: Control,
        pipe: Self::Pipe,
        list: Vec<Self::Node>,
        else_list: Option<Vec<Self::Node>>,
    ) -> Self::Node;

    fn invocation(pos: usize, name: Rc<str>, pipe: Option<Self::Pipe>) -> Self::Node;

    fn leave(leave: Leave) -> Self::Node;
}

/// An operand without the fields behind it; names are as they were written, fields without the dot.
pub(crate) enum Term<'t, P> {
    Dot,
    Nil,
    Bool(bool),
    Number { text: &'t [u8], number: Number },
    String(Literal<'t>),
    Field(&'t [u8]),
    Variable(Variable),
    Function { name: &'t [u8], function: Function },
    Pipe(P),
}

/// A string literal.
pub(crate) enum Literal<'t> {
    /// Just the text in quotes.
    Plain(&'t str),
    /// The literal, and what it stands for.
    Unquoted { quoted: &'t [u8], value: Vec<u8> },
}

/// What begins a list.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Control {
    If,
    Range,
    With,
}

/// What leaves a loop's list.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Leave {
    Break,
    Continue,
}

/// Makes the nodes of a tree.
pub(crate) struct Nodes;

impl Build for Nodes {
    type Expr = Expr;
    type Command = Command;
    type Pipe = Pipe;
    type Node = Node;

    fn expr(names: &mut Names, pos: usize, term: Term<'_, Pipe>) -> Expr {
        let kind = match term {
            Term::Dot => ExprKind::Dot,
            Term::Nil => ExprKind::Nil,
            Term::Bool(truth) => ExprKind::Bool(truth),
            Term::Number { text, number } => {
                ExprKind::Number { text: names.shared(text), number: Box::new(number) }
            }
            Term::String(Literal::Plain(value)) => {
                ExprKind::String { quoted: None, value: value.into() }
            }
            Term::String(Literal::Unquoted { quoted, value }) => ExprKind::String {
                quoted: Some(quoted.into()),
                value: Value::String(Str::from_bytes(value)),
            },
            Term::Field(name) => ExprKind::Field(Box::new([names.shared(name)])),
            Term::Variable(variable) => ExprKind::Variable { variable, fields: Box::default() },
            Term::Function { name, function } => {
                ExprKind::Function { name: names.shared(name), function }
            }
            Term::Pipe(pipe) => ExprKind::Pipe(Box::new(pipe)),
        };
        Expr { pos, kind }
    }

    fn chain(names: &mut Names, expr: Expr, pos: usize, fields: &[&[u8]]) -> Expr {
        let after = fields.iter().map(|it| names.shared(it));
        // Of fields and variables Go makes one node, at the first of the fields behind them.
        let kind = match expr.kind {
            ExprKind::Field(before) => ExprKind::Field(before.into_iter().chain(after).collect()),
            ExprKind::Variable { variable, fields: before } => {
                ExprKind::Variable { variable, fields: before.into_iter().chain(after).collect() }
            }
            kind => ExprKind::Chain {
                operand: Box::new(Expr { pos: expr.pos, kind }),
                fields: after.collect(),
            },
        };
        Expr { pos, kind }
    }

    fn command(pos: usize, args: Drain<'_, Expr>) -> Command {
        Command { pos, args: args.collect() }
    }

    fn pipe(
        pos: usize,
        is_assign: bool,
        decl: Vec<Variable>,
        commands: Drain<'_, Command>,
    ) -> Pipe {
        Pipe { pos, is_assign, decl, commands: commands.collect() }
    }

    fn text(start: usize, end: usize) -> Node {
        Node::Text { start, end }
    }

    fn action(pipe: Pipe) -> Node {
        Node::Action(pipe)
    }

    fn branch(control: Control, pipe: Pipe, list: Vec<Node>, else_list: Option<Vec<Node>>) -> Node {
        let branch = Box::new(Branch { pipe, list, else_list });
        match control {
            Control::If => Node::If(branch),
            Control::Range => Node::Range(branch),
            Control::With => Node::With(branch),
        }
    }

    fn invocation(pos: usize, name: Rc<str>, pipe: Option<Pipe>) -> Node {
        Node::Template(Box::new(Invocation { pos, name, pipe }))
    }

    fn leave(leave: Leave) -> Node {
        match leave {
            Leave::Break => Node::Break,
            Leave::Continue => Node::Continue,
        }
    }
}

/// Makes nothing.
pub(crate) struct Check;

impl Build for Check {
    type Expr = ();
    type Command = ();
    type Pipe = ();
    type Node = ();

    fn expr(_: &mut Names, _: usize, _: Term<'_, ()>) {}

    fn chain(_: &mut Names, (): (), _: usize, _: &[&[u8]]) {}

    fn command(_: usize, _: Drain<'_, ()>) {}

    fn pipe(_: usize, _: bool, _: Vec<Variable>, _: Drain<'_, ()>) {}

    fn text(_: usize, _: usize) {}

    fn action((): ()) {}

    fn branch(_: Control, (): (), _: Vec<()>, _: Option<Vec<()>>) {}

    fn invocation(_: usize, _: Rc<str>, _: Option<()>) {}

    fn leave(_: Leave) {}
}

impl Control {
    /// The keyword.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::Range => "range",
            Self::With => "with",
        }
    }
}

impl Leave {
    /// The action.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::Break => "{{break}}",
            Self::Continue => "{{continue}}",
        }
    }
}
