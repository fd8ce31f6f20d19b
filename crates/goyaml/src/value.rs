//! What a YAML text holds, once it is made JSON.

/// A YAML value after the step to JSON that sigs.k8s.io/yaml takes: keys are text, numbers finite.
///
/// Integers keep their value; who wants Go's `interface {}` makes each number a `float64`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`, `~`, or nothing.
    #[default]
    Null,
    /// `true`, `yes`, `on`, `y` and their opposites, in three spellings each.
    Bool(bool),
    /// An integer that fits.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// Any other number; always finite.
    Float(f64),
    /// Text; dates are text too.
    String(Box<str>),
    /// A list.
    List(Vec<Self>),
    /// A table: sorted bytewise by key, without a key twice.
    Map(Vec<(Box<str>, Self)>),
}

impl Value {
    /// The value of a key, when this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        let place = entries.binary_search_by(|(name, _)| (**name).cmp(key)).ok()?;
        Some(&entries[place].1)
    }

    /// The text, when this is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// What Go's JSON decoder calls this kind of value in its messages.
    pub fn json_kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Uint(_) | Self::Float(_) => "number",
            Self::String(_) => "string",
            Self::List(_) => "array",
            Self::Map(_) => "object",
        }
    }

    /// The number as Go's `float64`, when this is a number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "Go rounds to the nearest float64 too")]
            Self::Int(number) => Some(*number as f64),
            #[expect(clippy::cast_precision_loss, reason = "Go rounds to the nearest float64 too")]
            Self::Uint(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }
}

/// Sorts the entries of a table; of a key that comes twice the last value stays.
pub(crate) fn sorted<V>(mut entries: Vec<(Box<str>, V)>) -> Vec<(Box<str>, V)> {
    if !entries.is_sorted_by(|one, two| one.0 < two.0) {
        entries.sort_by(|one, two| one.0.cmp(&two.0));
        // `dedup_by` keeps the first of equal neighbours, so the last is moved there.
        entries.dedup_by(|later, kept| {
            let is_same = later.0 == kept.0;
            if is_same {
                std::mem::swap(later, kept);
            }
            is_same
        });
    }
    entries
}
