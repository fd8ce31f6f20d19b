//! The values that templates see, with Go's kinds.

use std::{borrow::Cow, fmt, rc::Rc};

pub use crate::{list::List, map::Map, object::Object, text::Str};

/// A Go value, as an `interface {}` holds it. Clones are cheap and share what can be shared.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// A nil `interface {}`.
    ///
    /// Go knows a second nil, the absence of any value. It exists only inside the evaluator, which
    /// tells them apart by `Option<Value>`; functions get this one for both.
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `int64`
    Int64(i64),
    /// `uint8`: what indexing a string or bytes gives.
    Uint8(u8),
    /// `uint64`
    Uint64(u64),
    /// `float64`
    Float64(f64),
    /// `complex128`: real and imaginary part.
    Complex128(f64, f64),
    /// `string`
    String(Str),
    /// `[]interface {}`
    List(List),
    /// `[]string`; nothing is Go's nil slice.
    Strings(Option<Rc<[Str]>>),
    /// `[]int`
    Ints(Rc<[i64]>),
    /// `[]uint8`
    Bytes(Rc<[u8]>),
    /// `map[string]interface {}`
    Map(Map),
    /// `common.Values`, Helm's named map type: the same as `Map` but for its name.
    Values(Map),
    /// `map[string]string`, sorted by key without a key twice.
    StringMap(Rc<[(Str, Str)]>),
    /// A value of any other type.
    Object(Rc<dyn Object>),
}

/// What Go's reflection calls a kind; `Display` gives Go's word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `invalid`: of a nil.
    Invalid,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `uint8`
    Uint8,
    /// `uint64`
    Uint64,
    /// `float64`
    Float64,
    /// `complex128`
    Complex128,
    /// `string`
    String,
    /// `slice`
    Slice,
    /// `map`
    Map,
    /// `struct`
    Struct,
    /// `ptr`
    Ptr,
}

impl Value {
    /// A string value.
    pub fn string(text: impl Into<Str>) -> Self {
        Self::String(text.into())
    }

    /// A `[]string`.
    pub fn strings<T: Into<Str>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::Strings(Some(texts.into_iter().map(Into::into).collect()))
    }

    /// A value of a named type.
    pub fn object(object: impl Object) -> Self {
        Self::Object(Rc::new(object))
    }

    /// What sprig's `kindOf` says.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Nil => Kind::Invalid,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Int64(_) => Kind::Int64,
            Self::Uint8(_) => Kind::Uint8,
            Self::Complex128(..) => Kind::Complex128,
            Self::Uint64(_) => Kind::Uint64,
            Self::Float64(_) => Kind::Float64,
            Self::String(_) => Kind::String,
            Self::List(_) | Self::Strings(_) | Self::Ints(_) | Self::Bytes(_) => Kind::Slice,
            Self::Map(_) | Self::Values(_) | Self::StringMap(_) => Kind::Map,
            Self::Object(object) => object.kind(),
        }
    }

    /// What `%T` and sprig's `typeOf` say.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Uint8(_) => "uint8",
            Self::Complex128(..) => "complex128",
            Self::Uint64(_) => "uint64",
            Self::Float64(_) => "float64",
            Self::String(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Strings(_) => "[]string",
            Self::Ints(_) => "[]int",
            Self::Bytes(_) => "[]uint8",
            Self::Map(_) => "map[string]interface {}",
            Self::Values(_) => "common.Values",
            Self::StringMap(_) => "map[string]string",
            Self::Object(object) => object.type_name(),
        }
    }

    /// Whether it is nil.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// Whether it is not the zero value of its type, nor empty (`template.IsTrue`).
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) | Self::Int64(number) => *number != 0,
            Self::Uint8(number) => *number != 0,
            Self::Uint64(number) => *number != 0,
            Self::Complex128(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Self::Float64(number) => *number != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Strings(texts) => texts.as_ref().is_some_and(|texts| !texts.is_empty()),
            Self::Ints(numbers) => !numbers.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::Map(map) | Self::Values(map) => !map.is_empty(),
            Self::StringMap(entries) => !entries.is_empty(),
            Self::Object(object) => match object.kind() {
                Kind::Slice | Kind::Map => !object.entries().is_empty(),
                _ => true,
            },
        }
    }

    /// The table, when it is a `map[string]interface {}` by whatever name.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) | Self::Values(map) => Some(map),
            _ => None,
        }
    }

    /// The text, when it is a string.
    pub fn as_str(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::String(text) => Some(text.to_text()),
            _ => None,
        }
    }

    /// The object as the type that its maker gave it.
    pub fn downcast<T: Object>(&self) -> Option<&T> {
        match self {
            Self::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Complex128 => "complex128",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Slice => "slice",
            Self::Map => "map",
            Self::Struct => "struct",
            Self::Ptr => "ptr",
        })
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float64(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Self {
        Self::String(text)
    }
}

impl From<Rc<str>> for Value {
    fn from(text: Rc<str>) -> Self {
        Self::String(text.into())
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

impl From<Vec<Self>> for Value {
    fn from(values: Vec<Self>) -> Self {
        Self::List(values.into())
    }
}
