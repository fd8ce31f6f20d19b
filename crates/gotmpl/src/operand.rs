//! Parsing of operands: literals, fields, variables, functions, parentheses.

use std::rc::Rc;

use crate::{
    lex::Kind,
    node::{Expr, ExprKind, Variable},
    number::{self, Number},
    parse::{ParseError, Parser},
    strconv::{quote, unquote},
    value::{Str, Value},
};

impl Expr {
    pub(crate) fn is_constant_or_dot(&self) -> bool {
        matches!(
            self.kind,
            ExprKind::Bool(_)
                | ExprKind::Dot
                | ExprKind::Nil
                | ExprKind::Number { .. }
                | ExprKind::String { .. }
        )
    }
}

impl Parser<'_> {
    /// A term and the fields behind it; nothing when no term stands here.
    pub(crate) fn operand(&mut self) -> Result<Option<Expr>, ParseError> {
        let Some(term) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.kind != Kind::Field {
            return Ok(Some(term));
        }
        let mut fields: Vec<Rc<str>> = Vec::new();
        while self.peek().kind == Kind::Field {
            let item = self.next();
            fields.push(self.field(&item));
        }
        if term.is_constant_or_dot() {
            let shown = quote(term.to_string().as_bytes());
            return self.error(format!("unexpected . after term {shown}"));
        }
        // Of fields and variables Go makes one node, at the first of the fields behind them.
        let kind = match term.kind {
            ExprKind::Field(before) => ExprKind::Field(joined(before, fields)),
            ExprKind::Variable { variable, fields: before } => {
                ExprKind::Variable { variable, fields: joined(before, fields) }
            }
            kind => ExprKind::Chain {
                operand: Box::new(Expr { pos: term.pos, kind }),
                fields: fields.into(),
            },
        };
        Ok(Some(Expr { pos: first.start, kind }))
    }

    fn term(&mut self) -> Result<Option<Expr>, ParseError> {
        let item = self.next_non_space();
        let text = self.text(&item);
        let kind = match item.kind {
            Kind::Identifier => {
                let name = self.name(&item);
                ExprKind::Function { function: self.function(&name)?, name }
            }
            Kind::Dot => ExprKind::Dot,
            Kind::Nil => ExprKind::Nil,
            Kind::Variable => {
                let name = self.name(&item);
                if !self.scope().is_known(&name) {
                    return self.error(format!("undefined variable {}", quote(name.as_bytes())));
                }
                let slot = self.scope().slot(&name);
                ExprKind::Variable { variable: Variable { name, slot }, fields: Box::default() }
            }
            Kind::Field => ExprKind::Field(Box::new([self.field(&item)])),
            Kind::Bool => ExprKind::Bool(text == b"true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                let number = self.number(item.kind, text)?;
                ExprKind::Number { text: self.name(&item), number: Box::new(number) }
            }
            // The position is that of what comes after the parenthesis.
            Kind::LeftParen => {
                let pipe = Box::new(self.parenthesised()?);
                return Ok(Some(Expr { pos: pipe.pos, kind: ExprKind::Pipe(pipe) }));
            }
            Kind::String | Kind::RawString => match literal(text) {
                Some(kind) => kind,
                None => return self.error("invalid syntax"),
            },
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        Ok(Some(Expr { pos: item.start, kind }))
    }

    fn number(&self, kind: Kind, text: &[u8]) -> Result<Number, ParseError> {
        let shown = String::from_utf8_lossy(text);
        let number = match kind {
            Kind::CharConstant => number::character(text),
            Kind::Complex => number::complex(&shown),
            _ => number::number(&shown),
        };
        number.or_else(|message| self.error(message))
    }
}

/// A string literal; most hold nothing that must be unquoted.
fn literal(text: &[u8]) -> Option<ExprKind> {
    if let [b'"', inner @ .., b'"'] = text
        && !inner.contains(&b'\\')
        && let Ok(inner) = std::str::from_utf8(inner)
    {
        return Some(ExprKind::String { quoted: None, value: inner.into() });
    }
    let value = Value::String(Str::from_bytes(unquote(text)?));
    Some(ExprKind::String { quoted: Some(text.into()), value })
}

fn joined(before: Box<[Rc<str>]>, after: Vec<Rc<str>>) -> Box<[Rc<str>]> {
    before.into_iter().chain(after).collect()
}
