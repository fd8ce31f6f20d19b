//! Names that templates use again and again, kept once.

use std::rc::Rc;

/// How many names are remembered; a new one takes the place of another.
const NAMES_MAX: usize = 256;

/// The names met last.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<Option<Rc<str>>>);

/// A few bytes tell most names apart.
fn hash(name: &[u8]) -> usize {
    let [first, .., last] = name else { return name.first().copied().unwrap_or_default().into() };
    let middle = name[name.len() / 2];
    name.len() + 31 * usize::from(*first) + 7 * usize::from(middle) + 13 * usize::from(*last)
}

impl Names {
    /// The name, shared with earlier uses where they are remembered.
    pub(crate) fn shared(&mut self, name: &[u8]) -> Rc<str> {
        if self.0.is_empty() {
            self.0.resize(NAMES_MAX, None);
        }
        let place = &mut self.0[hash(name) % NAMES_MAX];
        match place {
            Some(known) if known.as_bytes() == name => Rc::clone(known),
            _ => {
                let new: Rc<str> = match str::from_utf8(name) {
                    Ok(name) => name.into(),
                    Err(_) => String::from_utf8_lossy(name).into(),
                };
                *place = Some(Rc::clone(&new));
                new
            }
        }
    }
}
