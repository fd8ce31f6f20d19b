//! Which styles a text can be printed in (`yaml_emitter_analyze_scalar`).

use crate::{print::Dialect, scanner::width};

/// What a text allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) is_multiline: bool,
    pub(crate) is_plain_allowed: bool,
    pub(crate) is_single_quoted_allowed: bool,
    pub(crate) is_block_allowed: bool,
}

/// What was met on the way through a text.
#[derive(Default)]
struct Traits {
    has_indicators: bool,
    has_breaks: bool,
    has_special: bool,
    has_tabs: bool,
    is_blank_at_an_end: bool,
    ends_in_space: bool,
    has_space_after_break: bool,
    has_space_before_break: bool,
}

pub(crate) fn analyze(text: &str, dialect: Dialect) -> Shape {
    if text.is_empty() {
        return Shape {
            is_multiline: false,
            is_plain_allowed: true,
            is_single_quoted_allowed: true,
            is_block_allowed: false,
        };
    }
    let traits = traits(text.as_bytes(), dialect);
    let is_special = traits.has_space_before_break || traits.has_special;
    Shape {
        is_multiline: traits.has_breaks,
        is_plain_allowed: !(traits.is_blank_at_an_end
            || traits.has_space_after_break
            || is_special
            || traits.has_tabs
            || traits.has_breaks
            || traits.has_indicators),
        is_single_quoted_allowed: !(traits.has_space_after_break || is_special || traits.has_tabs),
        is_block_allowed: !(traits.ends_in_space || is_special),
    }
}

fn traits(text: &[u8], dialect: Dialect) -> Traits {
    let mut traits = Traits {
        has_indicators: text.starts_with(b"---") || text.starts_with(b"..."),
        ..Traits::default()
    };
    let mut follows_blank = true;
    let (mut was_space, mut was_break) = (false, false);
    let mut place = 0;
    while place < text.len() {
        let byte = text[place];
        let n_bytes = width(byte);
        let is_last = place + n_bytes == text.len();
        if MATTERS[usize::from(byte)] {
            let precedes_blank = is_last || matches!(text[place + n_bytes], b' ' | b'\t');
            traits.has_indicators |= is_indicator(byte, place == 0, follows_blank, precedes_blank);
            if byte == b'\t' && dialect == Dialect::V3 {
                traits.has_tabs = true;
            } else {
                traits.has_special |= !is_printable(&text[place..]);
            }
        }
        let is_space = byte == b' ';
        let is_break = MATTERS[usize::from(byte)] && is_break(&text[place..]);
        if is_space || is_break {
            traits.is_blank_at_an_end |= place == 0 || is_last;
            traits.ends_in_space |= is_space && is_last;
            traits.has_space_after_break |= is_space && was_break;
            traits.has_space_before_break |= is_break && was_space;
            traits.has_breaks |= is_break;
        }
        (was_space, was_break) = (is_space, is_break);
        follows_blank = is_space || byte == b'\t' || is_break || byte == 0;
        place += n_bytes;
    }
    traits
}

/// Whether a character has a meaning in the block context where it stands.
fn is_indicator(byte: u8, is_first: bool, follows_blank: bool, precedes_blank: bool) -> bool {
    match byte {
        b':' => precedes_blank,
        b'#' => follows_blank,
        b'?' | b'-' => is_first && precedes_blank,
        b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"'
        | b'%' | b'@' | b'`' => is_first,
        _ => false,
    }
}

/// Whether the first character can be printed as it is.
pub(crate) fn is_printable(text: &[u8]) -> bool {
    match text[0] {
        b'\n' | 0x20..=0x7e => true,
        0xc2 => 0xa0 <= text[1],
        0xc3..=0xec | 0xee => true,
        0xed => text[1] < 0xa0,
        0xef => text[1..3] != [0xbb, 0xbf] && text[1..3] != [0xbf, 0xbe] && text[1..3] != [0xbf; 2],
        _ => false,
    }
}

/// Whether the first character is a line break.
pub(crate) fn is_break(text: &[u8]) -> bool {
    match text[0] {
        b'\n' | b'\r' => true,
        0xc2 => text[1] == 0x85,
        0xe2 => text[1] == 0x80 && matches!(text[2], 0xa8 | 0xa9),
        _ => false,
    }
}

/// First bytes of characters that are not simply printable.
const MATTERS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let is_control = byte < 0x20 || byte == 0x7f;
        table[byte] = is_control || byte == 0xc2 || byte == 0xe2 || 0xed <= byte;
        byte += 1;
    }
    let indicators = b":#?-,[]{}&*!|>'\"%@`";
    let mut place = 0;
    while place < indicators.len() {
        table[indicators[place] as usize] = true;
        place += 1;
    }
    table
};
