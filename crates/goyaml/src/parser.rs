//! From tokens to events.
//!
//! The same state machine as libyaml's parser in its Go translation (go.yaml.in/yaml/v2 2.4.3,
//! `parserc.go`), which has the grammar in its comments.

use std::borrow::Cow;

use crate::{
    error::{Place, ReadError},
    scanner::Scanner,
    token::{Data, Mark, Style, Token},
};

mod flow;

/// What a text says, one step after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// The step.
    pub data: EventData<'a>,
    /// Where it starts.
    pub start: Mark,
}

/// A step, with the properties that the node carries.
#[derive(Clone, Debug, PartialEq)]
pub enum EventData<'a> {
    /// Before everything.
    StreamStart,
    /// After everything.
    StreamEnd,
    /// A document begins, with or without `---`.
    DocumentStart,
    /// A document ends, with or without `...`.
    DocumentEnd,
    /// `*name`
    Alias(&'a str),
    /// Text; of an empty node the empty text.
    Scalar {
        /// `&name` and `!tag`.
        properties: Properties<'a>,
        /// The text.
        value: Cow<'a, str>,
        /// How it is written.
        style: Style,
    },
    /// A list begins.
    SequenceStart(Properties<'a>),
    /// A list ends.
    SequenceEnd,
    /// A table begins; keys and values follow in turn.
    MappingStart(Properties<'a>),
    /// A table ends.
    MappingEnd,
}

/// What may stand before a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties<'a> {
    /// The name after `&`.
    pub anchor: Option<&'a str>,
    /// The tag, in full: `tag:yaml.org,2002:str`.
    pub tag: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    StreamStart,
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceFirstEntry,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingFirstKey,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirstEntry,
    FlowSequenceEntry,
    FlowSequenceEntryMappingKey,
    FlowSequenceEntryMappingValue,
    FlowSequenceEntryMappingEnd,
    FlowMappingFirstKey,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
    End,
}

type Parsed<'a> = Result<Event<'a>, ReadError>;

/// Reads a text as events, as they are asked for.
#[derive(Debug)]
pub struct Parser<'a> {
    scanner: Scanner<'a>,
    state: State,
    states: Vec<State>,
    /// Where the open collections start, for messages.
    marks: Vec<Mark>,
    /// `%TAG` handles and prefixes of this document, the standard ones last.
    tags: Vec<(String, String)>,
}

impl<'a> Parser<'a> {
    /// A parser at the start of a text.
    pub fn new(text: &'a str) -> Self {
        Self {
            scanner: Scanner::new(if text.is_empty() { "\n" } else { text }),
            state: State::StreamStart,
            states: Vec::new(),
            marks: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// How far the text has been looked at, in bytes.
    pub(crate) fn place(&self) -> usize {
        self.scanner.place()
    }

    /// The next event; after the last one, `StreamEnd` again and again.
    ///
    /// # Errors
    /// What is not YAML, with the line that Go names. The parser is of no use afterwards.
    pub fn next_event(&mut self) -> Parsed<'a> {
        match self.state {
            State::StreamStart => {
                self.state = State::ImplicitDocumentStart;
                let token = self.take()?;
                Ok(event(EventData::StreamStart, token.start))
            }
            State::ImplicitDocumentStart => self.document_start(true),
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(true, false),
            State::BlockSequenceFirstEntry => self.block_sequence_entry(true),
            State::BlockSequenceEntry => self.block_sequence_entry(false),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingFirstKey => self.block_mapping_key(true),
            State::BlockMappingKey => self.block_mapping_key(false),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirstEntry => self.flow_sequence_entry(true),
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::FlowSequenceEntryMappingKey => self.flow_sequence_entry_mapping_key(),
            State::FlowSequenceEntryMappingValue => self.flow_sequence_entry_mapping_value(),
            State::FlowSequenceEntryMappingEnd => {
                self.state = State::FlowSequenceEntry;
                let start = self.peek()?.start;
                Ok(event(EventData::MappingEnd, start))
            }
            State::FlowMappingFirstKey => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(false),
            State::FlowMappingEmptyValue => self.flow_mapping_value(true),
            State::End => Ok(event(EventData::StreamEnd, Mark::default())),
        }
    }

    fn document_start(&mut self, is_first: bool) -> Parsed<'a> {
        if !is_first {
            while self.peek()?.data == Data::DocumentEnd {
                self.take()?;
            }
        }
        let token = self.peek()?;
        let start = token.start;
        if token.data == Data::StreamEnd {
            self.state = State::End;
            self.take()?;
            return Ok(event(EventData::StreamEnd, start));
        }
        let is_explicit = matches!(
            token.data,
            Data::VersionDirective { .. } | Data::TagDirective { .. } | Data::DocumentStart
        );
        self.directives()?;
        self.states.push(State::DocumentEnd);
        if is_first && !is_explicit {
            self.state = State::BlockNode;
            return Ok(event(EventData::DocumentStart, start));
        }
        let token = self.peek()?;
        if token.data != Data::DocumentStart {
            let line = token.start.line;
            return Err(fail("did not find expected <document start>", line, 0));
        }
        self.take()?;
        self.state = State::DocumentContent;
        Ok(event(EventData::DocumentStart, start))
    }

    fn directives(&mut self) -> Result<(), ReadError> {
        let mut has_version = false;
        loop {
            let token = self.peek()?;
            let line = token.start.line;
            match &token.data {
                Data::VersionDirective { major, minor } => {
                    if has_version {
                        return Err(fail("found duplicate %YAML directive", line, 0));
                    }
                    if (*major, *minor) != (1, 1) {
                        return Err(fail("found incompatible YAML document", line, 0));
                    }
                    has_version = true;
                }
                Data::TagDirective { handle, prefix } => {
                    let tag = ((*handle).to_owned(), prefix.clone());
                    if self.tags.iter().any(|(handle, _)| *handle == tag.0) {
                        return Err(fail("found duplicate %TAG directive", line, 0));
                    }
                    self.tags.push(tag);
                }
                _ => return Ok(()),
            }
            self.take()?;
        }
    }

    fn document_content(&mut self) -> Parsed<'a> {
        let token = self.peek()?;
        match token.data {
            Data::VersionDirective { .. }
            | Data::TagDirective { .. }
            | Data::DocumentStart
            | Data::DocumentEnd
            | Data::StreamEnd => {
                let start = token.start;
                self.pop_state();
                Ok(empty_scalar(start))
            }
            _ => self.node(true, false),
        }
    }

    fn document_end(&mut self) -> Parsed<'a> {
        let token = self.peek()?;
        let start = token.start;
        if token.data == Data::DocumentEnd {
            self.take()?;
        }
        self.tags.clear();
        self.state = State::DocumentStart;
        Ok(event(EventData::DocumentEnd, start))
    }

    fn node(&mut self, is_block: bool, may_be_indentless: bool) -> Parsed<'a> {
        let token = self.peek()?;
        let start = token.start;
        if let Data::Alias(name) = token.data {
            self.take()?;
            self.pop_state();
            return Ok(event(EventData::Alias(name), start));
        }
        let properties = self.properties(start)?;
        let token = self.peek()?;
        match token.data {
            Data::BlockEntry if may_be_indentless => {
                self.state = State::IndentlessSequenceEntry;
                Ok(event(EventData::SequenceStart(properties), start))
            }
            Data::Scalar { .. } => {
                let Data::Scalar { value, style } = self.take()?.data else {
                    unreachable!("the token was just looked at")
                };
                self.pop_state();
                Ok(event(EventData::Scalar { properties, value, style }, start))
            }
            Data::FlowSequenceStart => {
                self.state = State::FlowSequenceFirstEntry;
                Ok(event(EventData::SequenceStart(properties), start))
            }
            Data::FlowMappingStart => {
                self.state = State::FlowMappingFirstKey;
                Ok(event(EventData::MappingStart(properties), start))
            }
            Data::BlockSequenceStart if is_block => {
                self.state = State::BlockSequenceFirstEntry;
                Ok(event(EventData::SequenceStart(properties), start))
            }
            Data::BlockMappingStart if is_block => {
                self.state = State::BlockMappingFirstKey;
                Ok(event(EventData::MappingStart(properties), start))
            }
            _ if properties != Properties::default() => {
                self.pop_state();
                let value = Cow::Borrowed("");
                let scalar = EventData::Scalar { properties, value, style: Style::Plain };
                Ok(event(scalar, start))
            }
            _ => Err(fail("did not find expected node content", token.start.line, start.line)),
        }
    }

    /// Anchor and tag, in either order.
    fn properties(&mut self, start: Mark) -> Result<Properties<'a>, ReadError> {
        let mut properties = Properties::default();
        let mut has_tag = false;
        loop {
            let token = self.peek()?;
            let line = token.start.line;
            match &token.data {
                Data::Anchor(name) if properties.anchor.is_none() => {
                    let name = *name;
                    properties.anchor = Some(name);
                }
                Data::Tag { handle, suffix } if !has_tag => {
                    has_tag = true;
                    let (handle, suffix) = (*handle, suffix.clone());
                    let tag = self.full_tag(handle, suffix);
                    let problem = "found undefined tag handle";
                    let tag = tag.ok_or_else(|| fail(problem, line, start.line))?;
                    properties.tag = (!tag.is_empty()).then(|| tag.into());
                }
                _ => return Ok(properties),
            }
            self.take()?;
        }
    }

    fn full_tag(&self, handle: &str, suffix: String) -> Option<String> {
        if handle.is_empty() {
            return Some(suffix);
        }
        let declared = self.tags.iter().find(|(declared, _)| declared == handle);
        match (declared, handle) {
            (Some((_, prefix)), _) => Some(format!("{prefix}{suffix}")),
            (None, "!") => Some(format!("!{suffix}")),
            (None, "!!") => Some(format!("tag:yaml.org,2002:{suffix}")),
            (None, _) => None,
        }
    }

    fn block_sequence_entry(&mut self, is_first: bool) -> Parsed<'a> {
        self.open(is_first)?;
        let token = self.peek()?;
        let (start, end) = (token.start, token.end);
        match token.data {
            Data::BlockEntry => {
                self.take()?;
                match self.peek()?.data {
                    Data::BlockEntry | Data::BlockEnd => {
                        self.state = State::BlockSequenceEntry;
                        Ok(empty_scalar(end))
                    }
                    _ => {
                        self.states.push(State::BlockSequenceEntry);
                        self.node(true, false)
                    }
                }
            }
            Data::BlockEnd => self.close(EventData::SequenceEnd, start),
            _ => Err(self.fail_in_collection("did not find expected '-' indicator", start)),
        }
    }

    fn indentless_sequence_entry(&mut self) -> Parsed<'a> {
        let token = self.peek()?;
        let (start, end) = (token.start, token.end);
        if token.data != Data::BlockEntry {
            self.pop_state();
            return Ok(event(EventData::SequenceEnd, start));
        }
        self.take()?;
        match self.peek()?.data {
            Data::BlockEntry | Data::Key | Data::Value | Data::BlockEnd => {
                self.state = State::IndentlessSequenceEntry;
                Ok(empty_scalar(end))
            }
            _ => {
                self.states.push(State::IndentlessSequenceEntry);
                self.node(true, false)
            }
        }
    }

    fn block_mapping_key(&mut self, is_first: bool) -> Parsed<'a> {
        self.open(is_first)?;
        let token = self.peek()?;
        let (start, end) = (token.start, token.end);
        match token.data {
            Data::Key => {
                self.take()?;
                self.block_mapping_part(State::BlockMappingValue, end)
            }
            Data::BlockEnd => self.close(EventData::MappingEnd, start),
            _ => Err(self.fail_in_collection("did not find expected key", start)),
        }
    }

    fn block_mapping_value(&mut self) -> Parsed<'a> {
        let token = self.peek()?;
        let (start, end) = (token.start, token.end);
        if token.data != Data::Value {
            self.state = State::BlockMappingKey;
            return Ok(empty_scalar(start));
        }
        self.take()?;
        self.block_mapping_part(State::BlockMappingKey, end)
    }

    /// What follows `?` or `:`, which may be nothing.
    fn block_mapping_part(&mut self, next: State, end: Mark) -> Parsed<'a> {
        match self.peek()?.data {
            Data::Key | Data::Value | Data::BlockEnd => {
                self.state = next;
                Ok(empty_scalar(end))
            }
            _ => {
                self.states.push(next);
                self.node(true, true)
            }
        }
    }

    /// Takes the token that opens a collection, before its first entry.
    fn open(&mut self, is_first: bool) -> Result<(), ReadError> {
        if is_first {
            let token = self.take()?;
            self.marks.push(token.start);
        }
        Ok(())
    }

    fn close(&mut self, data: EventData<'a>, start: Mark) -> Parsed<'a> {
        self.pop_state();
        self.marks.pop();
        self.take()?;
        Ok(event(data, start))
    }

    fn pop_state(&mut self) {
        self.state = self.states.pop().expect("a state was pushed before each node");
    }

    fn peek(&mut self) -> Result<&Token<'a>, ReadError> {
        self.scanner.peek()
    }

    fn take(&mut self) -> Result<Token<'a>, ReadError> {
        self.scanner.peek()?;
        Ok(self.scanner.take())
    }

    fn fail_in_collection(&self, problem: &'static str, at: Mark) -> ReadError {
        fail(problem, at.line, self.marks.last().map_or(0, |mark| mark.line))
    }
}

fn fail(problem: &'static str, line: usize, context: usize) -> ReadError {
    ReadError::at(problem, Place { problem: line, context, is_scanner: false })
}

fn event(data: EventData<'_>, start: Mark) -> Event<'_> {
    Event { data, start }
}

fn empty_scalar<'a>(start: Mark) -> Event<'a> {
    let (properties, value) = (Properties::default(), Cow::Borrowed(""));
    event(EventData::Scalar { properties, value, style: Style::Plain }, start)
}
