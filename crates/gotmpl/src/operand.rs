//! Parsing of operands: literals, fields, variables, functions, parentheses.

use crate::{
    build::{Build, Literal, Term, Unfinished},
    lex::{Item, Kind},
    node::Variable,
    number::{self, Number},
    parse::{ParseError, Parser},
    strconv::{quote, unquote},
};

impl Parser<'_> {
    /// A term and the fields behind it, and whether it is a constant or the dot; nothing when no term
    /// stands here.
    pub(crate) fn operand<B: Build>(
        &mut self,
        to: &mut Unfinished<B>,
    ) -> Result<Option<(B::Expr, bool)>, ParseError> {
        let item = self.next();
        let Some((term, is_constant)) = self.term(to, &item)? else { return Ok(None) };
        let first = self.peek();
        if first.kind != Kind::Field || first.is_apart {
            return Ok(Some((term, is_constant)));
        }
        self.fields.clear();
        let mut next = first;
        while next.kind == Kind::Field && !next.is_apart {
            self.fields.push(&self.text(&next)[1..]);
            self.next();
            next = self.peek();
        }
        if is_constant {
            let shown = quote(self.text(&item));
            return self.error(format!("unexpected . after term {shown}"));
        }
        Ok(Some((B::chain(self.names, term, first.start, &self.fields), false)))
    }

    fn term<B: Build>(
        &mut self,
        to: &mut Unfinished<B>,
        item: &Item,
    ) -> Result<Option<(B::Expr, bool)>, ParseError> {
        let text = self.text(item);
        let mut pos = item.start;
        let mut is_constant = false;
        let term = match item.kind {
            Kind::Identifier => {
                let function = self.function(&String::from_utf8_lossy(text))?;
                Term::Function { name: text, function }
            }
            Kind::Variable => {
                let name = self.names.shared(text);
                if !self.scope().is_known(&name) {
                    return self.error(format!("undefined variable {}", quote(name.as_bytes())));
                }
                let slot = self.scope().slot(&name);
                Term::Variable(Variable { name, slot })
            }
            Kind::Field => Term::Field(&text[1..]),
            Kind::LeftParen => {
                // The position is that of what comes after the parenthesis.
                pos = self.peek().start;
                Term::Pipe(self.parenthesised(to)?)
            }
            _ => {
                is_constant = true;
                match item.kind {
                    Kind::Dot => Term::Dot,
                    Kind::Nil => Term::Nil,
                    Kind::Bool => Term::Bool(text == b"true"),
                    Kind::CharConstant | Kind::Complex | Kind::Number => {
                        Term::Number { text, number: self.number(item.kind, text)? }
                    }
                    Kind::String | Kind::RawString => match literal(text) {
                        Some(literal) => Term::String(literal),
                        None => return self.error("invalid syntax"),
                    },
                    _ => {
                        self.backup();
                        return Ok(None);
                    }
                }
            }
        };
        Ok(Some((B::expr(self.names, pos, term), is_constant)))
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
pub(crate) fn literal(text: &[u8]) -> Option<Literal<'_>> {
    if let [b'"', inner @ .., b'"'] = text
        && !inner.contains(&b'\\')
        && let Ok(inner) = std::str::from_utf8(inner)
    {
        return Some(Literal::Plain(inner));
    }
    Some(Literal::Unquoted { quoted: text, value: unquote(text)? })
}
