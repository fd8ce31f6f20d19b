//! From a text to tokens.
//!
//! The same steps in the same order as libyaml's scanner in its Go translation
//! (go.yaml.in/yaml/v2 2.4.3, `scannerc.go`), so that both accept and refuse the same texts.

use crate::{
    error::{Place, ReadError},
    token::{Data, Mark, Token},
};

mod chars;
mod directive;
mod scalar;

/// Go's own bound on nesting (`max_flow_level`, `max_indents`).
const DEPTH_MAX: usize = 10_000;
/// A key without `?` must end this many characters after its start.
const SIMPLE_KEY_CHARS_MAX: usize = 1024;

type Scanned<T = ()> = Result<T, ReadError>;

#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// The byte that comes next; `mark` is the same place in characters.
    place: usize,
    mark: Mark,
    tokens: Vec<Token<'a>>,
    tokens_head: usize,
    tokens_parsed: usize,
    is_token_available: bool,
    has_started: bool,
    flow_level: usize,
    /// The column of the innermost block collection; -1 outside of all.
    indent: isize,
    indents: Vec<isize>,
    is_simple_key_allowed: bool,
    /// One for each flow level. The token numbers never decrease from level to level.
    simple_keys: Vec<SimpleKey>,
}

/// The last token of a level that may turn out to be a key, once a `:` follows.
#[derive(Clone, Copy, Debug, Default)]
struct SimpleKey {
    is_possible: bool,
    /// Whether Go's index by token still holds it: the index forgets the key `[]` when the bracket
    /// closes, so that `[]: x` is an error.
    is_indexed: bool,
    is_required: bool,
    token_number: usize,
    mark: Mark,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            place: 0,
            mark: Mark::default(),
            tokens: Vec::with_capacity(16),
            tokens_head: 0,
            tokens_parsed: 0,
            is_token_available: false,
            has_started: false,
            flow_level: 0,
            indent: -1,
            indents: Vec::new(),
            is_simple_key_allowed: true,
            simple_keys: Vec::new(),
        }
    }

    /// How far the text has been read, in bytes.
    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// The token that comes next.
    #[inline]
    pub(crate) fn peek(&mut self) -> Scanned<&Token<'a>> {
        if !self.is_token_available {
            self.fetch_more_tokens()?;
        }
        Ok(&self.tokens[self.tokens_head])
    }

    /// Takes the token that `peek` has shown.
    pub(crate) fn take(&mut self) -> Token<'a> {
        self.is_token_available = false;
        self.tokens_parsed += 1;
        let token = &mut self.tokens[self.tokens_head];
        self.tokens_head += 1;
        let data = std::mem::replace(&mut token.data, Data::StreamStart);
        Token { data, start: token.start, end: token.end }
    }

    #[inline(never)] // so that `peek` is small, which is asked several times for each token
    fn fetch_more_tokens(&mut self) -> Scanned {
        while self.tokens_head == self.tokens.len() || self.may_head_be_a_key()? {
            self.fetch_next_token()?;
        }
        self.is_token_available = true;
        Ok(())
    }

    /// Whether the first token may still become a key, so that one has to look further.
    fn may_head_be_a_key(&mut self) -> Scanned<bool> {
        let parsed = self.tokens_parsed;
        let first = self.simple_keys.partition_point(|key| key.token_number < parsed);
        let found = (first..self.simple_keys.len())
            .take_while(|it| self.simple_keys[*it].token_number == parsed)
            .find(|it| self.simple_keys[*it].is_possible && self.simple_keys[*it].is_indexed);
        match found {
            None => Ok(false),
            Some(level) => self.is_simple_key_valid(level),
        }
    }

    fn fetch_next_token(&mut self) -> Scanned {
        if !self.has_started {
            self.has_started = true;
            self.simple_keys.push(SimpleKey::default());
            self.push(Data::StreamStart, self.mark);
            return Ok(());
        }
        self.scan_to_next_token();
        self.unroll_indent(self.column());
        if self.is_end(0) {
            return self.fetch_stream_end();
        }
        if self.mark.column == 0 {
            if self.at(0) == b'%' {
                return self.fetch_directive();
            }
            if let Some(data) = self.document_indicator() {
                return self.fetch_document_indicator(data);
            }
        }
        self.fetch_by_first_byte()
    }

    fn fetch_by_first_byte(&mut self) -> Scanned {
        let is_flow = 0 < self.flow_level;
        match self.at(0) {
            b'[' => self.fetch_flow_collection_start(Data::FlowSequenceStart),
            b'{' => self.fetch_flow_collection_start(Data::FlowMappingStart),
            b']' => self.fetch_flow_collection_end(Data::FlowSequenceEnd),
            b'}' => self.fetch_flow_collection_end(Data::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if self.is_blankz(1) => self.fetch_block_entry(),
            b'?' if is_flow || self.is_blankz(1) => self.fetch_key(),
            b':' if is_flow || self.is_blankz(1) => self.fetch_value(),
            b'*' => self.fetch_anchor(true),
            b'&' => self.fetch_anchor(false),
            b'!' => self.fetch_tag(),
            b'|' if !is_flow => self.fetch_block_scalar(true),
            b'>' if !is_flow => self.fetch_block_scalar(false),
            b'\'' => self.fetch_flow_scalar(true),
            b'"' => self.fetch_flow_scalar(false),
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b' ' | b'\t' => {
                Err(self.fail(self.mark, "found character that cannot start any token"))
            }
            _ => self.fetch_plain_scalar(),
        }
    }

    /// `---` or `...` at the start of a line.
    fn document_indicator(&self) -> Option<Data<'a>> {
        let data = match [self.at(0), self.at(1), self.at(2)] {
            [b'-', b'-', b'-'] => Data::DocumentStart,
            [b'.', b'.', b'.'] => Data::DocumentEnd,
            _ => return None,
        };
        self.is_blankz(3).then_some(data)
    }

    /// Eats white space and comments. Tabs count as white space in the flow context, and in the block
    /// context where no key can start.
    fn scan_to_next_token(&mut self) {
        loop {
            // Go looks for the mark where its buffer starts, so one within the text is text.
            if self.place == 0 && self.bytes.starts_with(b"\xef\xbb\xbf") {
                self.skip();
            }
            let are_tabs_fine = 0 < self.flow_level || !self.is_simple_key_allowed;
            self.skip_spaces(are_tabs_fine);
            if self.at(0) == b'#' {
                self.skip_to_line_end();
            }
            if !self.is_break(0) {
                return;
            }
            self.skip_line();
            if self.flow_level == 0 {
                self.is_simple_key_allowed = true;
            }
        }
    }

    fn is_simple_key_valid(&mut self, level: usize) -> Scanned<bool> {
        let key = self.simple_keys[level];
        if !key.is_possible {
            return Ok(false);
        }
        let is_stale = key.mark.line < self.mark.line
            || key.mark.index + SIMPLE_KEY_CHARS_MAX < self.mark.index;
        if !is_stale {
            return Ok(true);
        }
        if key.is_required {
            return Err(self.fail(key.mark, "could not find expected ':'"));
        }
        self.simple_keys[level].is_possible = false;
        Ok(false)
    }

    fn save_simple_key(&mut self) -> Scanned {
        let is_required = self.flow_level == 0 && self.indent == self.column();
        if self.is_simple_key_allowed {
            let token_number = self.next_token_number();
            self.remove_simple_key()?;
            let mark = self.mark;
            *self.simple_key() =
                SimpleKey { is_possible: true, is_indexed: true, is_required, token_number, mark };
        }
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Scanned {
        let key = self.simple_key();
        if key.is_possible {
            if key.is_required {
                let mark = key.mark;
                return Err(self.fail(mark, "could not find expected ':'"));
            }
            key.is_possible = false;
        }
        Ok(())
    }

    fn simple_key(&mut self) -> &mut SimpleKey {
        self.simple_keys.last_mut().expect("there is one for each level, and level 0 stays")
    }

    fn next_token_number(&self) -> usize {
        self.tokens_parsed + self.tokens.len() - self.tokens_head
    }

    /// Opens a block collection when the column is right of the current one. `number` is the token
    /// before which it starts; without one it starts here.
    fn roll_indent(&mut self, number: Option<usize>, data: Data<'a>, mark: Mark) -> Scanned {
        let column = isize::try_from(mark.column).expect("a text is shorter than isize::MAX");
        if 0 < self.flow_level || column <= self.indent {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        if DEPTH_MAX < self.indents.len() {
            return Err(self.fail(self.simple_key_mark(), "exceeded max depth of 10000"));
        }
        let token = Token { data, start: mark, end: mark };
        match number {
            None => self.tokens.push(token),
            Some(number) => self.insert(number, token),
        }
        Ok(())
    }

    /// Puts a token before the one of that number; at the end when that one is gone.
    fn insert(&mut self, number: usize, token: Token<'a>) {
        match number.checked_sub(self.tokens_parsed) {
            Some(ahead) => self.tokens.insert(self.tokens_head + ahead, token),
            None => self.tokens.push(token),
        }
    }

    fn simple_key_mark(&self) -> Mark {
        self.simple_keys.last().map(|key| key.mark).unwrap_or_default()
    }

    /// Closes the block collections that stand right of a column.
    fn unroll_indent(&mut self, column: isize) {
        while self.flow_level == 0 && column < self.indent {
            self.push(Data::BlockEnd, self.mark);
            self.indent = self.indents.pop().expect("an indent was pushed with each roll");
        }
    }

    fn fetch_stream_end(&mut self) -> Scanned {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.is_simple_key_allowed = false;
        self.push(Data::StreamEnd, self.mark);
        Ok(())
    }

    fn fetch_document_indicator(&mut self, data: Data<'a>) -> Scanned {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.is_simple_key_allowed = false;
        let start = self.mark;
        self.skip_n_ascii(3);
        self.push(data, start);
        Ok(())
    }

    fn fetch_flow_collection_start(&mut self, data: Data<'a>) -> Scanned {
        self.save_simple_key()?;
        let token_number = self.next_token_number();
        self.simple_keys.push(SimpleKey { token_number, mark: self.mark, ..SimpleKey::default() });
        self.flow_level += 1;
        if DEPTH_MAX < self.flow_level {
            return Err(self.fail(self.mark, "exceeded max depth of 10000"));
        }
        self.is_simple_key_allowed = true;
        self.push_indicator(data);
        Ok(())
    }

    fn fetch_flow_collection_end(&mut self, data: Data<'a>) -> Scanned {
        self.remove_simple_key()?;
        if 0 < self.flow_level {
            self.flow_level -= 1;
            let closed = self.simple_keys.pop().unwrap_or_default();
            let key = self.simple_key();
            key.is_indexed &= key.token_number != closed.token_number;
        }
        self.is_simple_key_allowed = false;
        self.push_indicator(data);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Scanned {
        self.remove_simple_key()?;
        self.is_simple_key_allowed = true;
        self.push_indicator(Data::FlowEntry);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scanned {
        // In the flow context `-` is wrong too, but the parser is left to say so.
        if self.flow_level == 0 {
            if !self.is_simple_key_allowed {
                let problem = "block sequence entries are not allowed in this context";
                return Err(self.fail(self.mark, problem));
            }
            self.roll_indent(None, Data::BlockSequenceStart, self.mark)?;
        }
        self.remove_simple_key()?;
        self.is_simple_key_allowed = true;
        self.push_indicator(Data::BlockEntry);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scanned {
        if self.flow_level == 0 {
            if !self.is_simple_key_allowed {
                return Err(self.fail(self.mark, "mapping keys are not allowed in this context"));
            }
            self.roll_indent(None, Data::BlockMappingStart, self.mark)?;
        }
        self.remove_simple_key()?;
        self.is_simple_key_allowed = self.flow_level == 0;
        self.push_indicator(Data::Key);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scanned {
        let level = self.simple_keys.len() - 1;
        if self.is_simple_key_valid(level)? {
            let SimpleKey { token_number, mark, .. } = self.simple_keys[level];
            self.insert(token_number, Token { data: Data::Key, start: mark, end: mark });
            self.roll_indent(Some(token_number), Data::BlockMappingStart, mark)?;
            self.simple_keys[level].is_possible = false;
            self.is_simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.is_simple_key_allowed {
                    let problem = "mapping values are not allowed in this context";
                    return Err(self.fail(self.mark, problem));
                }
                self.roll_indent(None, Data::BlockMappingStart, self.mark)?;
            }
            self.is_simple_key_allowed = self.flow_level == 0;
        }
        self.push_indicator(Data::Value);
        Ok(())
    }

    fn fetch_anchor(&mut self, is_alias: bool) -> Scanned {
        self.save_simple_key()?;
        self.is_simple_key_allowed = false;
        self.scan_anchor(is_alias)
    }

    fn fetch_tag(&mut self) -> Scanned {
        self.save_simple_key()?;
        self.is_simple_key_allowed = false;
        self.scan_tag()
    }

    fn fetch_block_scalar(&mut self, is_literal: bool) -> Scanned {
        self.remove_simple_key()?;
        self.is_simple_key_allowed = true;
        self.scan_block_scalar(is_literal)
    }

    fn fetch_flow_scalar(&mut self, is_single: bool) -> Scanned {
        self.save_simple_key()?;
        self.is_simple_key_allowed = false;
        self.scan_flow_scalar(is_single)
    }

    fn fetch_plain_scalar(&mut self) -> Scanned {
        self.save_simple_key()?;
        self.is_simple_key_allowed = false;
        self.scan_plain_scalar()
    }

    /// Appends a token that ends here.
    fn push(&mut self, data: Data<'a>, start: Mark) {
        if self.tokens_head == self.tokens.len() {
            self.tokens.clear();
            self.tokens_head = 0;
        }
        self.tokens.push(Token { data, start, end: self.mark });
    }

    /// Eats one character and appends it as a token.
    fn push_indicator(&mut self, data: Data<'a>) {
        let start = self.mark;
        self.skip_ascii();
        self.push(data, start);
    }

    fn fail(&self, context: Mark, problem: &'static str) -> ReadError {
        let place = Place { problem: self.mark.line, context: context.line, is_scanner: true };
        ReadError::at(problem, place)
    }

    fn column(&self) -> isize {
        isize::try_from(self.mark.column).expect("a text is shorter than isize::MAX")
    }
}

/// The bytes of the character that starts with this one.
pub(crate) const fn width(first: u8) -> usize {
    match first {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}
