//! Parsing of pipelines: the variables they set, their commands, and those within parentheses.

use std::rc::Rc;

use super::{ParseError, Parser};
use crate::{
    build::{Build, Unfinished},
    builtin::Builtin,
    lex::Kind,
    node::{Function, Variable},
    strconv::quote,
};

/// The deepest nesting of parenthesised expressions.
const PAREN_DEPTH_MAX: usize = 10_000;

impl Parser<'_> {
    pub(crate) fn pipeline<B: Build>(
        &mut self,
        to: &mut Unfinished<B>,
        context: &str,
        end: Kind,
    ) -> Result<B::Pipe, ParseError> {
        self.check_stack()?;
        let pos = self.peek().start;
        let (mut decl, is_assign) = self.declarations(context)?;
        let first = to.commands.len();
        // The first stage after which a value would be handed to what takes none.
        let mut constant_stage = None;
        loop {
            let item = self.next();
            match item.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    let (command, is_constant) = self.command(to)?;
                    to.commands.push(command);
                    let stage = to.commands.len() - first;
                    if is_constant && 1 < stage {
                        constant_stage.get_or_insert(stage);
                    }
                }
                _ => return self.unexpected(&item, context),
            }
        }
        if to.commands.len() == first {
            return self.error(format!("missing value for {context}"));
        }
        if let Some(stage) = constant_stage {
            return self.error(format!("non executable command in pipeline stage {stage}"));
        }
        self.state.scope.set(&mut decl, is_assign);
        Ok(B::pipe(pos, is_assign, decl, to.commands.drain(first..)))
    }

    /// The variables that a pipeline sets, and whether they are there before.
    fn declarations(&mut self, context: &str) -> Result<(Vec<Variable>, bool), ParseError> {
        let mut decl = Vec::new();
        loop {
            let variable = self.peek();
            if variable.kind != Kind::Variable {
                return Ok((decl, false));
            }
            let before = self.n_past;
            self.next();
            let next = self.next();
            let is_comma = next.kind == Kind::Char && self.text(&next) == b",";
            if !is_comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
                self.n_past = before;
                return Ok((decl, false));
            }
            let name = self.names.shared(self.text(&variable));
            self.state.scope.know(Rc::clone(&name));
            decl.push(Variable { name, slot: None });
            if !is_comma {
                return Ok((decl, next.kind == Kind::Assign));
            }
            if context != "range" || decl.len() >= 2 {
                return self.error(format!("too many declarations in {context}"));
            }
            let following = self.peek().kind;
            if !matches!(following, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                return self.error("range can only initialize variables");
            }
        }
    }

    /// A command, and whether its first word is a constant or the dot.
    fn command<B: Build>(
        &mut self,
        to: &mut Unfinished<B>,
    ) -> Result<(B::Command, bool), ParseError> {
        let pos = self.peek().start;
        let first = to.args.len();
        let mut is_constant = false;
        loop {
            if let Some((operand, it_is)) = self.operand(to)? {
                is_constant |= it_is && to.args.len() == first;
                to.args.push(operand);
                if self.peek().is_apart {
                    continue;
                }
            }
            let item = self.next();
            match item.kind {
                Kind::RightDelim | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return self.unexpected(&item, "operand"),
            }
            break;
        }
        if to.args.len() == first {
            return self.error("empty command");
        }
        Ok((B::command(pos, to.args.drain(first..)), is_constant))
    }

    /// The pipeline within parentheses; the opening one is past.
    pub(crate) fn parenthesised<B: Build>(
        &mut self,
        to: &mut Unfinished<B>,
    ) -> Result<B::Pipe, ParseError> {
        if self.state.paren_depth >= PAREN_DEPTH_MAX {
            return self.error("max expression depth exceeded");
        }
        self.state.paren_depth += 1;
        let pipe = self.pipeline(to, "parenthesized pipeline", Kind::RightParen)?;
        self.state.paren_depth -= 1;
        Ok(pipe)
    }

    pub(crate) fn function(&self, name: &str) -> Result<Function, ParseError> {
        if let Some(id) = self.functions.find(name) {
            return Ok(Function::Given(id));
        }
        match Builtin::find(name) {
            Some(builtin) => Ok(Function::Builtin(builtin)),
            None => self.error(format!("function {} not defined", quote(name.as_bytes()))),
        }
    }
}
