//! Values of Go types beyond the built-in ones: structs and named types with fields and methods.

use std::{any::Any, fmt};

use crate::{
    signature::{CallError, Signature},
    value::{Kind, Value},
};

/// A value of a named Go type, such as `*semver.Version`, `time.Time` or `engine.files`.
///
/// Templates see its fields, methods, type and kind, and what fmt prints of it.
pub trait Object: Any + fmt::Debug {
    /// What `%T` and `typeOf` print: `*common.Capabilities`.
    fn type_name(&self) -> &'static str;

    /// What `kindOf` prints; of a pointer `Ptr`, though its fields are reached all the same.
    fn kind(&self) -> Kind;

    /// An exported field of a struct, or the value of a key when it is a map; the latter is looked up
    /// only when there is no method of that name.
    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// The exported methods.
    fn methods(&self) -> &'static [Signature] {
        &[]
    }

    /// Calls a method by its place in `methods`; the arguments fit its signature.
    fn call(&self, _method: usize, _args: &[Value]) -> Result<Value, CallError> {
        Err(CallError::text("no such method"))
    }

    /// A struct's exported fields in order, or a map's or slice's contents (with `Int` indices).
    fn entries(&self) -> Vec<(Value, Value)> {
        Vec::new()
    }

    /// What its `String` or `Error` method says, when fmt would call one.
    fn to_text(&self) -> Option<String> {
        None
    }

    /// What a deep copy of it is, when it is not as good as itself.
    fn copied(&self) -> Option<Value> {
        None
    }

    /// Whether Go's `==` holds, for types that can be compared; never asked across types.
    fn is_equal(&self, _other: &dyn Object) -> Option<bool> {
        None
    }

    /// For `downcast_ref` by whoever made it.
    fn as_any(&self) -> &dyn Any;
}
