//! The parser: from items to trees, with Go's error texts.

use std::rc::Rc;

use crate::{
    builtin::Builtin,
    lex::{Item, Kind, Lexer},
    names::Names,
    node::{Branch, Command, Expr, Function, Invocation, Node, Pipe, Source, Tree, Variable},
    scope::Scope,
    signature::Functions,
    stack::Stack,
    strconv::{quote, unquote},
};

/// Why a text is no template. `Display` is what Go prints: `template: FILE:LINE: MESSAGE`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("template: {name}:{line}: {message}")]
pub struct ParseError {
    /// The name of the text.
    pub name: Rc<str>,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// The deepest nesting of parenthesised expressions.
const PAREN_DEPTH_MAX: usize = 10_000;

/// Parses a text into the trees it defines, its own among them, in order of their ends.
///
/// Of a name that comes twice, only one may hold more than blanks and comments.
pub(crate) fn parse(
    source: &Rc<Source>,
    functions: &dyn Functions,
    stack: Stack,
) -> Result<Vec<Rc<Tree>>, ParseError> {
    let mut parser = Parser {
        source,
        functions,
        stack,
        lexer: Lexer::new(&source.text),
        trees: Vec::new(),
        state: State::default(),
        names: Names::default(),
        operands: Vec::new(),
        commands: Vec::new(),
    };
    let root = parser.root()?;
    parser.add(Rc::clone(&source.name), root)?;
    Ok(parser.trees)
}

pub(crate) struct Parser<'t> {
    source: &'t Rc<Source>,
    pub(crate) functions: &'t dyn Functions,
    stack: Stack,
    lexer: Lexer<'t>,
    trees: Vec<Rc<Tree>>,
    state: State,
    names: Names,
    /// Operands of the commands that are being parsed, the outer ones first.
    operands: Vec<Expr>,
    /// Commands of the pipelines that are being parsed.
    commands: Vec<Command>,
}

/// What belongs to the tree that is being parsed.
#[derive(Default)]
pub(crate) struct State {
    /// Items read ahead; the first is the one that was read last.
    tokens: [Option<Item>; 3],
    peek_count: usize,
    pub(crate) scope: Scope,
    action_line: usize,
    range_depth: usize,
    paren_depth: usize,
}

/// What ends a list.
#[derive(Clone, Copy, Eq, PartialEq)]
enum End {
    End,
    Else,
}

/// A node, or the end of the list that it would stand in.
enum Part {
    Node(Node),
    End(End),
}

impl<'t> Parser<'t> {
    pub(crate) fn next(&mut self) -> Item {
        let state = &mut self.state;
        match state.peek_count.checked_sub(1) {
            Some(count) => state.peek_count = count,
            None => state.tokens[0] = Some(self.lexer.next()),
        }
        state.tokens[state.peek_count].expect("items read ahead are kept")
    }

    pub(crate) fn backup(&mut self) {
        self.state.peek_count += 1;
    }

    fn backup2(&mut self, item: Item) {
        self.state.tokens[1] = Some(item);
        self.state.peek_count = 2;
    }

    fn backup3(&mut self, second: Item, first: Item) {
        self.state.tokens[1] = Some(first);
        self.state.tokens[2] = Some(second);
        self.state.peek_count = 3;
    }

    pub(crate) fn peek(&mut self) -> Item {
        let item = self.next();
        self.backup();
        item
    }

    pub(crate) fn next_non_space(&mut self) -> Item {
        loop {
            let item = self.next();
            if item.kind != Kind::Space {
                return item;
            }
        }
    }

    pub(crate) fn peek_non_space(&mut self) -> Item {
        let item = self.next_non_space();
        self.backup();
        item
    }

    pub(crate) fn text(&self, item: &Item) -> &'t [u8] {
        self.lexer.text(item)
    }

    pub(crate) fn name(&mut self, item: &Item) -> Rc<str> {
        self.names.shared(&String::from_utf8_lossy(self.text(item)))
    }

    /// The name in `.name`.
    pub(crate) fn field(&mut self, item: &Item) -> Rc<str> {
        self.names.shared(&String::from_utf8_lossy(&self.text(item)[1..]))
    }

    pub(crate) fn scope(&mut self) -> &mut Scope {
        &mut self.state.scope
    }

    pub(crate) fn error<T>(&self, message: impl Into<String>) -> Result<T, ParseError> {
        let line = self.state.tokens[0].as_ref().map_or(0, |item| item.line);
        Err(ParseError { name: Rc::clone(&self.source.name), line, message: message.into() })
    }

    pub(crate) fn unexpected<T>(&self, item: &Item, context: &str) -> Result<T, ParseError> {
        let Some(message) = self.lexer.error.as_ref().filter(|_| item.kind == Kind::Error) else {
            return self.error(format!("unexpected {} in {context}", self.show(item)));
        };
        let line = self.state.action_line;
        if line == 0 || line == item.line {
            return self.error(message);
        }
        // Avoid "action in action".
        let link = if message.ends_with(" action") { "" } else { " in action" };
        self.error(format!("{message}{link} started at {}:{line}", self.source.name))
    }

    /// An item as errors show it.
    fn show(&self, item: &Item) -> String {
        let text = self.text(item);
        match item.kind {
            Kind::Eof => "EOF".to_owned(),
            kind if kind as u8 >= Kind::Block as u8 => {
                format!("<{}>", String::from_utf8_lossy(text))
            }
            _ if text.len() > 10 => {
                let head = crate::fmt::truncated(text, 10);
                format!("{}...", quote(head))
            }
            _ => quote(text),
        }
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Item, ParseError> {
        let item = self.next_non_space();
        if item.kind == kind { Ok(item) } else { self.unexpected(&item, context) }
    }

    fn check_stack(&self) -> Result<(), ParseError> {
        if self.stack.is_exhausted() { self.error("max expression depth exceeded") } else { Ok(()) }
    }

    /// Runs with a fresh state: the body of a definition knows nothing of what is around it.
    fn apart<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        let outer = std::mem::take(&mut self.state);
        let result = parse(self);
        self.state = outer;
        result
    }

    fn add(&mut self, name: Rc<str>, root: Vec<Node>) -> Result<(), ParseError> {
        let tree = Rc::new(Tree { name, source: Rc::clone(self.source), root: root.into() });
        match self.trees.iter().position(|old| old.name == tree.name) {
            None => self.trees.push(tree),
            Some(place) if self.trees[place].is_empty() => self.trees[place] = tree,
            Some(_) if tree.is_empty() => {}
            Some(_) => {
                let name = quote(tree.name.as_bytes());
                return self.error(format!("template: multiple definition of template {name}"));
            }
        }
        Ok(())
    }

    fn root(&mut self) -> Result<Vec<Node>, ParseError> {
        let mut nodes = Vec::new();
        loop {
            let item = self.peek();
            if item.kind == Kind::Eof {
                return Ok(nodes);
            }
            if item.kind == Kind::LeftDelim {
                let delim = self.next();
                if self.next_non_space().kind == Kind::Define {
                    self.apart(Self::definition)?;
                    continue;
                }
                self.backup2(delim);
            }
            match self.text_or_action()? {
                Part::Node(node) => nodes.push(node),
                Part::End(end) => return self.error(format!("unexpected {}", show_end(end))),
            }
        }
    }

    fn definition(&mut self) -> Result<(), ParseError> {
        let context = "define clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, context)?;
        self.expect(Kind::RightDelim, context)?;
        self.body(name, context)
    }

    /// Parses up to the end of a `define` or `block` and keeps the tree.
    fn body(&mut self, name: Rc<str>, context: &str) -> Result<(), ParseError> {
        let (root, end) = self.list()?;
        if end != End::End {
            return self.error(format!("unexpected {} in {context}", show_end(end)));
        }
        self.add(name, root)
    }

    fn list(&mut self) -> Result<(Vec<Node>, End), ParseError> {
        self.check_stack()?;
        let mut nodes = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Part::Node(node) => nodes.push(node),
                Part::End(end) => return Ok((nodes, end)),
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Result<Part, ParseError> {
        let item = self.next_non_space();
        match item.kind {
            Kind::Text => Ok(Part::Node(Node::Text { start: item.start, end: item.end })),
            Kind::LeftDelim => {
                self.state.action_line = item.line;
                let part = self.action();
                self.state.action_line = 0;
                part
            }
            _ => self.unexpected(&item, "input"),
        }
    }

    fn action(&mut self) -> Result<Part, ParseError> {
        let item = self.next_non_space();
        let node = match item.kind {
            Kind::Block => self.block()?,
            Kind::Break => self.leave("{{break}}", Node::Break)?,
            Kind::Continue => self.leave("{{continue}}", Node::Continue)?,
            Kind::Else => {
                let next = self.peek_non_space();
                if !matches!(next.kind, Kind::If | Kind::With) {
                    self.expect(Kind::RightDelim, "else")?;
                }
                return Ok(Part::End(End::Else));
            }
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Part::End(End::End));
            }
            Kind::If => Node::If(self.control("if")?),
            Kind::Range => Node::Range(self.control("range")?),
            Kind::With => Node::With(self.control("with")?),
            Kind::Template => self.template()?,
            _ => {
                self.backup();
                Node::Action(self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Part::Node(node))
    }

    fn leave(&mut self, context: &str, node: Node) -> Result<Node, ParseError> {
        let item = self.next_non_space();
        if item.kind != Kind::RightDelim {
            return self.unexpected(&item, context);
        }
        if self.state.range_depth == 0 {
            return self.error(format!("{context} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn control(&mut self, context: &str) -> Result<Box<Branch>, ParseError> {
        let outer = self.state.scope.mark();
        let is_range = context == "range";
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let inner = self.state.scope.mark();
        self.state.range_depth += usize::from(is_range);
        let (list, end) = self.list()?;
        self.state.range_depth -= usize::from(is_range);
        // What the first list declared is not there when the other one runs, though its names are
        // still taken for known.
        self.state.scope.leave_list(inner);
        let else_list = match end {
            End::End => None,
            End::Else => Some(self.else_list(context)?),
        };
        self.state.scope.leave(outer);
        Ok(Box::new(Branch { pipe, list, else_list }))
    }

    fn else_list(&mut self, context: &str) -> Result<Vec<Node>, ParseError> {
        // `else if` and `else with` are a branch within the else, and share its end.
        match (context, self.peek().kind) {
            ("if", Kind::If) => {
                self.next();
                Ok(vec![Node::If(self.control("if")?)])
            }
            ("with", Kind::With) => {
                self.next();
                Ok(vec![Node::With(self.control("with")?)])
            }
            _ => match self.list()? {
                (list, End::End) => Ok(list),
                (_, end) => self.error(format!("expected end; found {}", show_end(end))),
            },
        }
    }

    fn block(&mut self) -> Result<Node, ParseError> {
        let context = "block clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        self.apart(|parser| parser.body(Rc::clone(&name), context))?;
        Ok(Node::Template(Box::new(Invocation { pos: item.start, name, pipe: Some(pipe) })))
    }

    fn template(&mut self) -> Result<Node, ParseError> {
        let context = "template clause";
        let item = self.next_non_space();
        let name = self.template_name(&item, context)?;
        let pipe = if self.next_non_space().kind == Kind::RightDelim {
            None
        } else {
            self.backup();
            Some(self.pipeline(context, Kind::RightDelim)?)
        };
        Ok(Node::Template(Box::new(Invocation { pos: item.start, name, pipe })))
    }

    fn template_name(&mut self, item: &Item, context: &str) -> Result<Rc<str>, ParseError> {
        if !matches!(item.kind, Kind::String | Kind::RawString) {
            return self.unexpected(item, context);
        }
        match unquote(self.text(item)) {
            Some(name) => Ok(String::from_utf8_lossy(&name).into()),
            None => self.error("invalid syntax"),
        }
    }

    pub(crate) fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, ParseError> {
        self.check_stack()?;
        let pos = self.peek_non_space().start;
        let mut pipe = Pipe { pos, ..Pipe::default() };
        self.declarations(context, &mut pipe)?;
        let first = self.commands.len();
        loop {
            let item = self.next_non_space();
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
                    let command = self.command()?;
                    self.commands.push(command);
                }
                _ => return self.unexpected(&item, context),
            }
        }
        pipe.commands = self.commands.drain(first..).collect();
        self.check_pipeline(&pipe, context)?;
        self.state.scope.set(&mut pipe);
        Ok(pipe)
    }

    fn declarations(&mut self, context: &str, pipe: &mut Pipe) -> Result<(), ParseError> {
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            self.next();
            let after = self.peek();
            let next = self.peek_non_space();
            let is_comma = next.kind == Kind::Char && self.text(&next) == b",";
            if !is_comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
                if after.kind == Kind::Space {
                    self.backup3(variable, after);
                } else {
                    self.backup2(variable);
                }
                return Ok(());
            }
            self.next_non_space();
            let name = self.name(&variable);
            self.state.scope.know(Rc::clone(&name));
            pipe.decl.push(Variable { name, slot: None });
            if !is_comma {
                pipe.is_assign = next.kind == Kind::Assign;
                return Ok(());
            }
            if context != "range" || pipe.decl.len() >= 2 {
                return self.error(format!("too many declarations in {context}"));
            }
            let following = self.peek_non_space().kind;
            if !matches!(following, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                return self.error("range can only initialize variables");
            }
        }
    }

    fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Result<(), ParseError> {
        if pipe.commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        for (place, command) in pipe.commands.iter().enumerate().skip(1) {
            if command.args[0].is_constant_or_dot() {
                let stage = place + 1;
                return self.error(format!("non executable command in pipeline stage {stage}"));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command, ParseError> {
        let pos = self.peek_non_space().start;
        let first = self.operands.len();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                self.operands.push(operand);
            }
            let item = self.next();
            match item.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return self.unexpected(&item, "operand"),
            }
            break;
        }
        if self.operands.len() == first {
            return self.error("empty command");
        }
        Ok(Command { pos, args: self.operands.drain(first..).collect() })
    }

    /// The pipeline within parentheses; the opening one is past.
    pub(crate) fn parenthesised(&mut self) -> Result<Pipe, ParseError> {
        if self.state.paren_depth >= PAREN_DEPTH_MAX {
            return self.error("max expression depth exceeded");
        }
        self.state.paren_depth += 1;
        let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
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

fn show_end(end: End) -> &'static str {
    match end {
        End::End => "{{end}}",
        End::Else => "{{else}}",
    }
}
