//! The parser: from items to trees, with Go's error texts.

use std::{mem, rc::Rc};

use crate::{
    build::{Build, Check, Control, Leave, Literal, Nodes, Unfinished},
    lex::{Item, Kind, Lexer, Place},
    names::Names,
    node::{Node, Root, Source, Tree},
    operand::literal,
    scope::Scope,
    signature::Functions,
    stack::Stack,
    strconv::quote,
};

mod pipeline;

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

/// Parses a text into the trees it defines, its own among them, in order of their ends.
///
/// Of a name that comes twice, only one may hold more than blanks and comments.
pub(crate) fn parse(
    source: &Rc<Source>,
    functions: &dyn Functions,
    names: &mut Names,
    stack: Stack,
) -> Result<Vec<Rc<Tree>>, ParseError> {
    let mut parser = Parser::new(source, functions, names, stack, Lexer::new(&source.text));
    let list = parser.root()?;
    let root = Root::parsed(list.is_blank, list.nodes);
    parser.add(Rc::clone(&source.name), root)?;
    Ok(parser.trees)
}

/// Parses the body of a definition, which was found to be right before.
pub(crate) fn parse_body(
    source: &Rc<Source>,
    place: Place,
    functions: &dyn Functions,
    stack: Stack,
) -> Result<Vec<Node>, ParseError> {
    let lexer = Lexer::at(&source.text, place);
    let mut to = Unfinished::<Nodes>::default();
    let mut names = Names::default();
    let (list, _) = Parser::new(source, functions, &mut names, stack, lexer).list(&mut to)?;
    Ok(list.nodes)
}

pub(crate) struct Parser<'t> {
    source: &'t Rc<Source>,
    pub(crate) functions: &'t dyn Functions,
    stack: Stack,
    lexer: Lexer<'t>,
    /// Items of the action that is being read.
    items: Vec<Item>,
    /// How many of them are past.
    n_past: usize,
    /// The line of the item that was read last.
    line: usize,
    trees: Vec<Rc<Tree>>,
    state: State,
    pub(crate) names: &'t mut Names,
    /// Fields of the operand that is being parsed.
    pub(crate) fields: Vec<&'t [u8]>,
}

/// What belongs to the tree that is being parsed.
#[derive(Default)]
pub(crate) struct State {
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
enum Part<N> {
    Node(N),
    /// A text of blanks.
    Blank(N),
    End(End),
}

/// The nodes of a list.
struct List<N> {
    nodes: Vec<N>,
    /// Whether there is nothing but blanks and comments.
    is_blank: bool,
}

impl<N> List<N> {
    fn new() -> Self {
        Self { nodes: Vec::new(), is_blank: true }
    }

    /// Takes a part; says what ends the list.
    fn push(&mut self, part: Part<N>) -> Option<End> {
        match part {
            Part::Node(node) => {
                self.is_blank = false;
                self.nodes.push(node);
                None
            }
            Part::Blank(node) => {
                self.nodes.push(node);
                None
            }
            Part::End(end) => Some(end),
        }
    }
}

impl<'t> Parser<'t> {
    fn new(
        source: &'t Rc<Source>,
        functions: &'t dyn Functions,
        names: &'t mut Names,
        stack: Stack,
        lexer: Lexer<'t>,
    ) -> Self {
        Self {
            source,
            functions,
            stack,
            lexer,
            items: Vec::new(),
            n_past: 0,
            line: 0,
            trees: Vec::new(),
            state: State::default(),
            names,
            fields: Vec::new(),
        }
    }

    pub(crate) fn next(&mut self) -> Item {
        if self.n_past == self.items.len() {
            let item = self.lexer.next();
            self.line = item.line;
            self.items.push(item);
        }
        self.n_past += 1;
        self.items[self.n_past - 1]
    }

    pub(crate) fn backup(&mut self) {
        self.n_past -= 1;
    }

    pub(crate) fn peek(&mut self) -> Item {
        let item = self.next();
        self.backup();
        item
    }

    /// Forgets the items that are past, unless one is still to come.
    fn forget(&mut self) {
        if self.n_past == self.items.len() {
            self.items.clear();
            self.n_past = 0;
        }
    }

    pub(crate) fn text(&self, item: &Item) -> &'t [u8] {
        self.lexer.text(item)
    }

    pub(crate) fn scope(&mut self) -> &mut Scope {
        &mut self.state.scope
    }

    pub(crate) fn error<T>(&self, message: impl Into<String>) -> Result<T, ParseError> {
        let (name, line) = (Rc::clone(&self.source.name), self.line);
        Err(ParseError { name, line, message: message.into() })
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
        let item = self.next();
        if item.kind == kind { Ok(item) } else { self.unexpected(&item, context) }
    }

    fn check_stack(&self) -> Result<(), ParseError> {
        if self.stack.is_exhausted() { self.error("max expression depth exceeded") } else { Ok(()) }
    }

    fn add(&mut self, name: Rc<str>, root: Root) -> Result<(), ParseError> {
        let tree = Rc::new(Tree { name, source: Rc::clone(self.source), root: Rc::new(root) });
        match self.trees.iter().position(|old| old.name == tree.name) {
            None => self.trees.push(tree),
            Some(place) if self.trees[place].is_blank() => self.trees[place] = tree,
            Some(_) if tree.is_blank() => {}
            Some(_) => {
                let name = quote(tree.name.as_bytes());
                return self.error(format!("template: multiple definition of template {name}"));
            }
        }
        Ok(())
    }

    fn root(&mut self) -> Result<List<Node>, ParseError> {
        let mut list = List::new();
        let mut to = Unfinished::<Nodes>::default();
        loop {
            let item = self.peek();
            if item.kind == Kind::Eof {
                return Ok(list);
            }
            if item.kind == Kind::LeftDelim {
                let before = self.n_past;
                self.next();
                if self.next().kind == Kind::Define {
                    self.definition()?;
                    continue;
                }
                self.n_past = before;
            }
            let part = self.text_or_action(&mut to)?;
            if let Some(end) = list.push(part) {
                return self.error(format!("unexpected {}", show_end(end)));
            }
        }
    }

    fn definition(&mut self) -> Result<(), ParseError> {
        let outer = mem::take(&mut self.state);
        let context = "define clause";
        let item = self.next();
        let name = self.template_name(&item, context)?;
        self.expect(Kind::RightDelim, context)?;
        self.body(name, context)?;
        self.state = outer;
        Ok(())
    }

    /// Checks up to the end of a `define` or `block`, and keeps its place for when it is executed:
    /// most definitions of most charts never are.
    fn body(&mut self, name: Rc<str>, context: &str) -> Result<(), ParseError> {
        let place = self.lexer.place();
        let (list, end) = self.list(&mut Unfinished::<Check>::default())?;
        if end != End::End {
            return self.error(format!("unexpected {} in {context}", show_end(end)));
        }
        self.add(name, Root::unparsed(list.is_blank, place))
    }

    fn list<B: Build>(
        &mut self,
        to: &mut Unfinished<B>,
    ) -> Result<(List<B::Node>, End), ParseError> {
        self.check_stack()?;
        let mut list = List::new();
        while self.peek().kind != Kind::Eof {
            let part = self.text_or_action(to)?;
            if let Some(end) = list.push(part) {
                return Ok((list, end));
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action<B: Build>(
        &mut self,
        to: &mut Unfinished<B>,
    ) -> Result<Part<B::Node>, ParseError> {
        let item = self.next();
        self.forget();
        match item.kind {
            Kind::Text => {
                let node = B::text(item.start, item.end);
                Ok(if is_blank(self.text(&item)) { Part::Blank(node) } else { Part::Node(node) })
            }
            Kind::LeftDelim => {
                self.state.action_line = item.line;
                let part = self.action(to);
                self.state.action_line = 0;
                part
            }
            _ => self.unexpected(&item, "input"),
        }
    }

    fn action<B: Build>(&mut self, to: &mut Unfinished<B>) -> Result<Part<B::Node>, ParseError> {
        let item = self.next();
        let node = match item.kind {
            Kind::Block => self.block(to)?,
            Kind::Break => self.leave::<B>(Leave::Break)?,
            Kind::Continue => self.leave::<B>(Leave::Continue)?,
            Kind::Else => {
                let next = self.peek();
                if !matches!(next.kind, Kind::If | Kind::With) {
                    self.expect(Kind::RightDelim, "else")?;
                }
                return Ok(Part::End(End::Else));
            }
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Part::End(End::End));
            }
            Kind::If => self.control(to, Control::If)?,
            Kind::Range => self.control(to, Control::Range)?,
            Kind::With => self.control(to, Control::With)?,
            Kind::Template => self.template(to)?,
            _ => {
                self.backup();
                B::action(self.pipeline(to, "command", Kind::RightDelim)?)
            }
        };
        Ok(Part::Node(node))
    }

    fn leave<B: Build>(&mut self, leave: Leave) -> Result<B::Node, ParseError> {
        let context = leave.action();
        let item = self.next();
        if item.kind != Kind::RightDelim {
            return self.unexpected(&item, context);
        }
        if self.state.range_depth == 0 {
            return self.error(format!("{context} outside {{{{range}}}}"));
        }
        Ok(B::leave(leave))
    }

    fn control<B: Build>(
        &mut self,
        to: &mut Unfinished<B>,
        control: Control,
    ) -> Result<B::Node, ParseError> {
        let outer = self.state.scope.mark();
        let is_range = control == Control::Range;
        let pipe = self.pipeline(to, control.name(), Kind::RightDelim)?;
        let inner = self.state.scope.mark();
        self.state.range_depth += usize::from(is_range);
        let (list, end) = self.list(to)?;
        self.state.range_depth -= usize::from(is_range);
        // What the first list declared is not there when the other one runs, though its names are
        // still taken for known.
        self.state.scope.leave_list(inner);
        let else_list = match end {
            End::End => None,
            End::Else => Some(self.else_list(to, control)?),
        };
        self.state.scope.leave(outer);
        Ok(B::branch(control, pipe, list.nodes, else_list))
    }

    fn else_list<B: Build>(
        &mut self,
        to: &mut Unfinished<B>,
        control: Control,
    ) -> Result<Vec<B::Node>, ParseError> {
        // `else if` and `else with` are a branch within the else, and share its end.
        match (control, self.peek().kind) {
            (Control::If, Kind::If) | (Control::With, Kind::With) => {
                self.next();
                Ok(vec![self.control(to, control)?])
            }
            _ => match self.list(to)? {
                (list, End::End) => Ok(list.nodes),
                (_, end) => self.error(format!("expected end; found {}", show_end(end))),
            },
        }
    }

    fn block<B: Build>(&mut self, to: &mut Unfinished<B>) -> Result<B::Node, ParseError> {
        let context = "block clause";
        let item = self.next();
        let name = self.template_name(&item, context)?;
        let pipe = self.pipeline(to, context, Kind::RightDelim)?;
        // The body of a definition knows nothing of what is around it.
        let outer = mem::take(&mut self.state);
        self.body(Rc::clone(&name), context)?;
        self.state = outer;
        Ok(B::invocation(item.start, name, Some(pipe)))
    }

    fn template<B: Build>(&mut self, to: &mut Unfinished<B>) -> Result<B::Node, ParseError> {
        let context = "template clause";
        let item = self.next();
        let name = self.template_name(&item, context)?;
        let pipe = if self.next().kind == Kind::RightDelim {
            None
        } else {
            self.backup();
            Some(self.pipeline(to, context, Kind::RightDelim)?)
        };
        Ok(B::invocation(item.start, name, pipe))
    }

    fn template_name(&mut self, item: &Item, context: &str) -> Result<Rc<str>, ParseError> {
        if !matches!(item.kind, Kind::String | Kind::RawString) {
            return self.unexpected(item, context);
        }
        match literal(self.text(item)) {
            Some(Literal::Plain(name)) => Ok(name.into()),
            Some(Literal::Unquoted { value, .. }) => Ok(String::from_utf8_lossy(&value).into()),
            None => self.error("invalid syntax"),
        }
    }
}

/// Whether a text is nothing but blanks, as Unicode has them.
fn is_blank(text: &[u8]) -> bool {
    match text.trim_ascii_start().first() {
        None => true,
        // The vertical tab is a blank for Unicode alone.
        Some(first) if first.is_ascii() && *first != b'\x0b' => false,
        Some(_) => String::from_utf8_lossy(text).trim().is_empty(),
    }
}

fn show_end(end: End) -> &'static str {
    match end {
        End::End => "{{end}}",
        End::Else => "{{else}}",
    }
}
