//! The grammar of label selectors in query strings.
//!
//! Source: `k8s.io/apimachinery` 0.34, `pkg/labels/selector.go`.

use super::{Operator, ParseSelectorError, Requirement};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(&'static str),
    End,
}

const SIGNS: [&str; 9] = ["!=", "==", "=", "!", ",", "(", ")", ">", "<"];

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(sign) = SIGNS.into_iter().find(|it| rest.starts_with(it)) {
            tokens.push(Token::Sign(sign));
            rest = rest[sign.len()..].trim_start();
        } else {
            let ends = |it: char| it.is_whitespace() || "!=,()<>".contains(it);
            let (word, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
            tokens.push(Token::Word(word));
            rest = after.trim_start();
        }
    }
    tokens.push(Token::End);
    tokens.reverse();
    tokens
}

/// What is left to read, the next token last.
struct Parser<'a> {
    tokens: Vec<Token<'a>>,
}

pub(super) fn requirements(text: &str) -> Result<Vec<Requirement>, ParseSelectorError> {
    let mut parser = Parser { tokens: tokens(text) };
    let mut requirements = Vec::new();
    if parser.peek() == &Token::End {
        return Ok(requirements);
    }
    loop {
        requirements.push(parser.requirement()?);
        match parser.next() {
            Token::End => break,
            Token::Sign(",") => {}
            other => return Err(unexpected(&other, "',' or 'end of string'")),
        }
    }
    requirements.sort_by(|left, right| left.key.cmp(&right.key));
    Ok(requirements)
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &Token<'a> {
        self.tokens.last().unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token<'a> {
        self.tokens.pop().unwrap_or(Token::End)
    }

    fn word(&mut self, expected: &'static str) -> Result<&'a str, ParseSelectorError> {
        match self.next() {
            Token::Word(word) => Ok(word),
            other => Err(unexpected(&other, expected)),
        }
    }

    fn requirement(&mut self) -> Result<Requirement, ParseSelectorError> {
        if self.peek() == &Token::Sign("!") {
            self.next();
            let key = self.word("identifier")?;
            return Ok(Requirement::new(key, Operator::DoesNotExist, Vec::new()));
        }
        let key = self.word("!, identifier, or 'end of string'")?;
        let operator = match self.peek().clone() {
            Token::End | Token::Sign(",") => {
                return Ok(Requirement::new(key, Operator::Exists, Vec::new()));
            }
            Token::Sign("=" | "==") | Token::Word("in") => Operator::In,
            Token::Sign("!=") | Token::Word("notin") => Operator::NotIn,
            Token::Sign(">") => Operator::GreaterThan,
            Token::Sign("<") => Operator::LessThan,
            other => return Err(unexpected(&other, "in, notin, =, ==, !=, gt, lt")),
        };
        let values = match (self.next(), operator) {
            (Token::Word(_), _) => self.values()?,
            (_, Operator::GreaterThan | Operator::LessThan) => vec![self.number()?],
            _ => vec![self.exact_value()?],
        };
        Ok(Requirement::new(key, operator, values))
    }

    /// `(a,b)`; a missing word is the empty string.
    fn values(&mut self) -> Result<Vec<String>, ParseSelectorError> {
        if self.peek() != &Token::Sign("(") {
            return Err(unexpected(self.peek(), "'('"));
        }
        self.next();
        let mut values = vec![self.optional_word()];
        loop {
            match self.next() {
                Token::Sign(")") => return Ok(values),
                Token::Sign(",") => values.push(self.optional_word()),
                other => return Err(unexpected(&other, "',' or ')'")),
            }
        }
    }

    fn optional_word(&mut self) -> String {
        match self.peek().clone() {
            Token::Word(word) => {
                self.next();
                word.to_owned()
            }
            _ => String::new(),
        }
    }

    fn exact_value(&mut self) -> Result<String, ParseSelectorError> {
        match self.peek() {
            Token::Word(_) | Token::End | Token::Sign(",") => Ok(self.optional_word()),
            other @ Token::Sign(_) => Err(unexpected(other, "identifier")),
        }
    }

    fn number(&mut self) -> Result<String, ParseSelectorError> {
        let word = self.word("integer")?;
        match word.parse::<i64>() {
            Ok(_) => Ok(word.to_owned()),
            Err(_) => Err(unexpected(&Token::Word(word), "integer")),
        }
    }
}

impl Requirement {
    fn new(key: &str, operator: Operator, mut values: Vec<String>) -> Self {
        values.sort();
        values.dedup();
        Self { key: key.to_owned(), operator, values }
    }
}

fn unexpected(token: &Token<'_>, expected: &'static str) -> ParseSelectorError {
    let found = match token {
        Token::Word(word) => (*word).to_owned(),
        Token::Sign(sign) => (*sign).to_owned(),
        Token::End => String::new(),
    };
    ParseSelectorError::Syntax { found, expected }
}
