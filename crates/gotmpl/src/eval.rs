//! Evaluation: pipelines, commands, fields, calls and their arguments.

use std::rc::Rc;

use crate::{
    builtin,
    exec::{Failure, Frame},
    node::{Command, Expr, ExprKind, Function, NodeRef, Pipe, Variable},
    number::Number,
    signature::{CallError, Signature, Type},
    value::{Kind, List, Map, Value},
};

/// What Go's evaluator holds, a `reflect.Value`: it may be no value at all, and it remembers whether
/// it came out of an `interface {}` (an element of a map or list), which some errors name.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Invalid,
    Plain(Value),
    Interface(Value),
}

/// What a pipeline passes on to a command as its last argument.
pub(crate) enum Final {
    Missing,
    Value(Operand),
}

/// A variable's place.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    Undefined,
    Set(Operand),
}

impl Operand {
    pub(crate) fn as_value(&self) -> Option<&Value> {
        match self {
            Self::Invalid => None,
            Self::Plain(value) | Self::Interface(value) => Some(value),
        }
    }

    /// The value as an `interface {}` holds it.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Invalid => Value::Nil,
            Self::Plain(value) | Self::Interface(value) => value,
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        self.as_value().is_some_and(Value::is_true)
    }

    /// Without the interface around it: a nil one leaves nothing.
    pub(crate) fn concrete(self) -> Self {
        match self {
            Self::Invalid | Self::Interface(Value::Nil) | Self::Plain(Value::Nil) => Self::Invalid,
            Self::Plain(value) | Self::Interface(value) => Self::Plain(value),
        }
    }

    /// What a function gave.
    fn result(value: Value) -> Self {
        if value.is_nil() { Self::Interface(value) } else { Self::Plain(value) }
    }
}

impl<'t> Frame<'t, '_, '_> {
    pub(crate) fn pipeline(&mut self, dot: &Operand, pipe: &'t Pipe) -> Result<Operand, Failure> {
        self.check()?;
        self.at = NodeRef::Pipe(pipe);
        let mut carried = Final::Missing;
        for command in &pipe.commands {
            carried = Final::Value(self.command(dot, command, carried)?.concrete());
        }
        let value = match carried {
            Final::Missing => Operand::Invalid,
            Final::Value(value) => value,
        };
        for variable in &pipe.decl {
            self.set(variable, value.clone(), pipe.is_assign)?;
        }
        Ok(value)
    }

    pub(crate) fn set(
        &mut self,
        variable: &Variable,
        value: Operand,
        is_assign: bool,
    ) -> Result<(), Failure> {
        let slots = &mut self.context.slots;
        let place = variable.slot.map(|slot| self.base + slot);
        match place {
            Some(place) if !is_assign => {
                if place >= slots.len() {
                    slots.resize(place + 1, Slot::Undefined);
                }
                slots[place] = Slot::Set(value);
                Ok(())
            }
            Some(place) if matches!(slots.get(place), Some(Slot::Set(_))) => {
                slots[place] = Slot::Set(value);
                Ok(())
            }
            _ => Err(self.fail(format!("undefined variable: {}", variable.name))),
        }
    }

    fn command(
        &mut self,
        dot: &Operand,
        command: &'t Command,
        last: Final,
    ) -> Result<Operand, Failure> {
        let first = &command.args[0];
        let args = &command.args[1..];
        match &first.kind {
            ExprKind::Function { name, function } => {
                self.at = NodeRef::Expr(first);
                self.function(
                    dot,
                    name,
                    *function,
                    Call { node: NodeRef::Command(command), args, last },
                )
            }
            ExprKind::Field(_) | ExprKind::Chain { .. } | ExprKind::Variable { .. } => {
                self.path(dot, first, args, last)
            }
            ExprKind::Pipe(pipe) => {
                self.not_a_function(first, args, &last)?;
                self.pipeline(dot, pipe)
            }
            kind => {
                self.at = NodeRef::Expr(first);
                self.not_a_function(first, args, &last)?;
                match kind {
                    ExprKind::Nil => Err(self.fail("nil is not a command")),
                    ExprKind::Dot => Ok(dot.clone()),
                    _ => self.constant(first),
                }
            }
        }
    }

    fn not_a_function(&self, first: &Expr, args: &[Expr], last: &Final) -> Result<(), Failure> {
        if args.is_empty() && matches!(last, Final::Missing) {
            return Ok(());
        }
        let shown = match &first.kind {
            ExprKind::Pipe(pipe) => pipe.to_string(),
            _ => first.to_string(),
        };
        Err(self.fail(format!("can't give argument to non-function {shown}")))
    }

    /// A constant in a place that does not say which type it wants.
    fn constant(&mut self, expr: &'t Expr) -> Result<Operand, Failure> {
        self.at = NodeRef::Expr(expr);
        let value = match &expr.kind {
            ExprKind::Bool(truth) => Value::Bool(*truth),
            ExprKind::String { value, .. } => value.clone(),
            ExprKind::Number { text, number } => match ideal(text, number) {
                Some(value) => value,
                None => return Err(self.fail(format!("{text} overflows int"))),
            },
            _ => return Err(self.fail(format!("can't evaluate command {:?}", expr.to_string()))),
        };
        Ok(Operand::Plain(value))
    }

    /// Fields of dot, of a variable, or of what parentheses hold.
    fn path(
        &mut self,
        dot: &Operand,
        expr: &'t Expr,
        args: &'t [Expr],
        last: Final,
    ) -> Result<Operand, Failure> {
        self.at = NodeRef::Expr(expr);
        let call = Call { node: NodeRef::Expr(expr), args, last };
        match &expr.kind {
            ExprKind::Field(fields) => self.fields(dot, dot, fields, &call),
            ExprKind::Variable { variable, fields } => {
                let place = variable.slot.map(|slot| self.base + slot);
                let value = match place.and_then(|place| self.context.slots.get(place)) {
                    Some(Slot::Set(value)) => value.clone(),
                    _ => return Err(self.fail(format!("undefined variable: {}", variable.name))),
                };
                if fields.is_empty() {
                    self.not_a_function(expr, args, &call.last)?;
                    return Ok(value);
                }
                self.fields(dot, &value, fields, &call)
            }
            ExprKind::Chain { operand, fields } => {
                if matches!(operand.kind, ExprKind::Nil) {
                    return Err(self.fail(format!("indirection through explicit nil in {expr}")));
                }
                let value = self.operand(dot, operand)?;
                self.fields(dot, &value, fields, &call)
            }
            _ => Err(self.fail("no path")),
        }
    }

    fn fields(
        &mut self,
        dot: &Operand,
        receiver: &Operand,
        fields: &[Rc<str>],
        call: &Call<'t>,
    ) -> Result<Operand, Failure> {
        let (last, before) = fields.split_last().expect("a path has a field");
        let mut owned;
        let mut receiver = receiver;
        for field in before {
            owned = self.field(dot, field, receiver, &Call::bare(call.node))?;
            receiver = &owned;
        }
        self.field(dot, last, receiver, call)
    }

    fn field(
        &mut self,
        dot: &Operand,
        name: &str,
        receiver: &Operand,
        call: &Call<'t>,
    ) -> Result<Operand, Failure> {
        let value = match receiver {
            Operand::Invalid => return Ok(Operand::Invalid),
            Operand::Plain(value) | Operand::Interface(value) => value,
        };
        match value {
            Value::Nil => Err(self.fail(format!("nil pointer evaluating interface {{}}.{name}"))),
            Value::Values(map) if self.map_method(name).is_some() => {
                let functions = self.context.functions;
                let place = self.map_method(name).unwrap_or_default();
                let signature = &functions.map_methods()[place];
                let values = self.arguments(dot, name, signature, call)?;
                let result = functions.call_map_method(place, map, &values);
                self.called(name, call.node, result)
            }
            Value::Map(map) | Value::Values(map) => {
                self.no_arguments(name, call)?;
                Ok(Operand::Interface(map.get(name).unwrap_or_default()))
            }
            Value::StringMap(entries) => {
                self.no_arguments(name, call)?;
                let place =
                    entries.binary_search_by(|(key, _)| key.as_bytes().cmp(name.as_bytes()));
                let text = place.map_or_else(|_| "".into(), |place| entries[place].1.clone());
                Ok(Operand::Plain(Value::String(text)))
            }
            Value::Object(object) => {
                let object = Rc::clone(object);
                if let Some(place) = object.methods().iter().position(|it| it.name == name) {
                    let signature = &object.methods()[place];
                    let values = self.arguments(dot, name, signature, call)?;
                    let result = object.call(place, &values);
                    return self.called(name, call.node, result);
                }
                let Some(field) = object.field(name) else {
                    return Err(self.no_field(name, receiver));
                };
                if object.kind() == Kind::Map {
                    self.no_arguments(name, call)?;
                } else if call.has_arguments() {
                    let text = format!("{name} has arguments but cannot be invoked as function");
                    return Err(self.fail(text));
                }
                Ok(if field.is_nil() { Operand::Interface(field) } else { Operand::Plain(field) })
            }
            _ => Err(self.no_field(name, receiver)),
        }
    }

    /// The place of a method of named maps.
    fn map_method(&self, name: &str) -> Option<usize> {
        // Methods begin with a capital letter, which few keys do.
        let is_exported = name.starts_with(|first: char| first.is_ascii_uppercase());
        let methods = self.context.functions.map_methods();
        if is_exported { methods.iter().position(|method| method.name == name) } else { None }
    }

    fn no_field(&self, name: &str, receiver: &Operand) -> Failure {
        let of = match receiver {
            Operand::Plain(value) => value.type_name(),
            _ => "interface {}",
        };
        self.fail(format!("can't evaluate field {name} in type {of}"))
    }

    fn no_arguments(&self, name: &str, call: &Call<'t>) -> Result<(), Failure> {
        if !call.has_arguments() {
            return Ok(());
        }
        Err(self.fail(format!("{name} is not a method but has arguments")))
    }

    fn function(
        &mut self,
        dot: &Operand,
        name: &str,
        function: Function,
        call: Call<'t>,
    ) -> Result<Operand, Failure> {
        match function {
            Function::Builtin(function) => builtin::call(self, dot, function, call),
            Function::Given(number) => {
                let functions = self.context.functions;
                let values = self.arguments(dot, name, functions.signature(number), &call)?;
                let result = functions.call(number, self.context, &values);
                self.called(name, call.node, result)
            }
        }
    }

    fn called(
        &mut self,
        name: &str,
        node: NodeRef<'t>,
        result: Result<Value, CallError>,
    ) -> Result<Operand, Failure> {
        let counted = result.and_then(|it| self.context.count(&it).map(|()| Operand::result(it)));
        counted.map_err(|error| self.call_failed(name, node, error))
    }

    pub(crate) fn call_failed(
        &mut self,
        name: &str,
        node: NodeRef<'t>,
        error: CallError,
    ) -> Failure {
        self.at = node;
        let mut failure = self.fail(format!("error calling {name}: {error}"));
        failure.cause = Some(error);
        failure
    }

    /// Checks the count of arguments as Go does before any is evaluated.
    pub(crate) fn check_count(
        &self,
        name: &str,
        (wanted, is_variadic): (usize, bool),
        call: &Call<'t>,
    ) -> Result<(), Failure> {
        let n_args = call.args.len();
        let n_given = n_args + usize::from(matches!(call.last, Final::Value(_)));
        if is_variadic && n_given < wanted - 1 {
            let least = wanted - 1;
            let text =
                format!("wrong number of args for {name}: want at least {least} got {n_args}");
            return Err(self.fail(text));
        }
        if !is_variadic && n_given != wanted {
            let text = format!("wrong number of args for {name}: want {wanted} got {n_given}");
            return Err(self.fail(text));
        }
        Ok(())
    }

    fn arguments(
        &mut self,
        dot: &Operand,
        name: &str,
        signature: &Signature,
        call: &Call<'t>,
    ) -> Result<Vec<Value>, Failure> {
        let params = signature.params;
        self.check_count(name, (params.len(), signature.is_variadic), call)?;
        let wanted = |place: usize| params[place.min(params.len() - 1)];
        let mut values = Vec::with_capacity(call.args.len() + 1);
        for (place, arg) in call.args.iter().enumerate() {
            values.push(self.argument(dot, wanted(place), arg)?);
        }
        if let Final::Value(last) = &call.last {
            values.push(self.fitting(last.clone(), wanted(call.args.len()))?);
        }
        Ok(values)
    }

    pub(crate) fn argument(
        &mut self,
        dot: &Operand,
        wanted: Type,
        expr: &'t Expr,
    ) -> Result<Value, Failure> {
        self.at = NodeRef::Expr(expr);
        match &expr.kind {
            ExprKind::Nil => match zero(wanted) {
                Some(value) => Ok(value),
                None => Err(self.fail(format!("cannot assign nil to {}", wanted.name()))),
            },
            ExprKind::Bool(_) | ExprKind::Number { .. } | ExprKind::String { .. } => {
                self.literal(wanted, expr)
            }
            ExprKind::Dot => self.fitting(dot.clone(), wanted),
            _ => {
                let operand = self.operand(dot, expr)?;
                self.fitting(operand, wanted)
            }
        }
    }

    /// An argument for a parameter that takes anything, unchanged.
    pub(crate) fn operand(&mut self, dot: &Operand, expr: &'t Expr) -> Result<Operand, Failure> {
        self.at = NodeRef::Expr(expr);
        match &expr.kind {
            ExprKind::Dot => Ok(dot.clone()),
            ExprKind::Nil => Ok(Operand::Invalid),
            ExprKind::Pipe(pipe) => self.pipeline(dot, pipe),
            ExprKind::Function { name, function } => {
                self.function(dot, name, *function, Call::bare(NodeRef::Expr(expr)))
            }
            ExprKind::Field(_) | ExprKind::Chain { .. } | ExprKind::Variable { .. } => {
                self.path(dot, expr, &[], Final::Missing)
            }
            _ => self.constant(expr),
        }
    }

    fn literal(&mut self, wanted: Type, expr: &'t Expr) -> Result<Value, Failure> {
        let found = match (wanted, &expr.kind) {
            (Type::Any, _) => return self.constant(expr).map(Operand::into_value),
            (Type::Bool, ExprKind::Bool(truth)) => Some(Value::Bool(*truth)),
            (Type::String, ExprKind::String { value, .. }) => Some(value.clone()),
            (Type::Int, ExprKind::Number { number, .. }) => number.int.map(Value::Int),
            (Type::Int64, ExprKind::Number { number, .. }) => number.int.map(Value::Int64),
            (Type::Uint32, ExprKind::Number { number, .. }) => number.uint.map(Value::Uint64),
            (Type::Float64, ExprKind::Number { number, .. }) => number.float.map(Value::Float64),
            _ => None,
        };
        found.ok_or_else(|| {
            let expected = match wanted {
                Type::Bool => "bool",
                Type::String => "string",
                Type::Int | Type::Int64 => "integer",
                Type::Uint32 => "unsigned integer",
                Type::Float64 => "float",
                _ => {
                    let name = wanted.name();
                    return self.fail(format!("can't handle {expr} for arg of type {name}"));
                }
            };
            self.fail(format!("expected {expected}; found {expr}"))
        })
    }

    /// The operand as a value of the type, without any conversion.
    pub(crate) fn fitting(&self, operand: Operand, wanted: Type) -> Result<Value, Failure> {
        let value = match operand {
            Operand::Invalid => {
                return zero(wanted).ok_or_else(|| {
                    self.fail(format!("invalid value; expected {}", wanted.name()))
                });
            }
            Operand::Plain(value) | Operand::Interface(value) => value,
        };
        match (wanted, value) {
            (Type::Any, value)
            | (Type::Bool, value @ Value::Bool(_))
            | (Type::Int, value @ Value::Int(_))
            | (Type::Int64, value @ Value::Int64(_))
            | (Type::Float64, value @ Value::Float64(_))
            | (Type::String, value @ Value::String(_))
            | (Type::List, value @ Value::List(_))
            | (Type::Strings, value @ Value::Strings(_))
            | (Type::Map, value @ Value::Map(_))
            | (Type::StringMap, value @ Value::StringMap(_))
            | (Type::Bytes, value @ Value::Bytes(_)) => Ok(value),
            (Type::Map, Value::Values(map)) => Ok(Value::Map(map)),
            (Type::Named(name), value @ Value::Object(_)) if value.type_name() == name => Ok(value),
            (wanted, value) => {
                let got = if value.is_nil() { "interface {}" } else { value.type_name() };
                let name = wanted.name();
                Err(self.fail(format!("wrong type for value; expected {name}; got {got}")))
            }
        }
    }
}

/// A call's arguments, and what an error is about.
pub(crate) struct Call<'t> {
    pub(crate) node: NodeRef<'t>,
    pub(crate) args: &'t [Expr],
    pub(crate) last: Final,
}

impl<'t> Call<'t> {
    fn bare(node: NodeRef<'t>) -> Self {
        Self { node, args: &[], last: Final::Missing }
    }

    fn has_arguments(&self) -> bool {
        !self.args.is_empty() || matches!(self.last, Final::Value(_))
    }
}

/// The type's nil, if it has one.
fn zero(wanted: Type) -> Option<Value> {
    match wanted {
        Type::Any => Some(Value::Nil),
        Type::List => Some(Value::List(List::default())),
        Type::Strings => Some(Value::Strings(None)),
        Type::Map => Some(Value::Map(Map::default())),
        Type::StringMap => Some(Value::StringMap(Rc::new([]))),
        Type::Bytes => Some(Value::Bytes(Rc::new([]))),
        _ => None,
    }
}

/// The value of a number by its looks alone; nothing when it does not fit an int.
fn ideal(text: &str, number: &Number) -> Option<Value> {
    if let Some((real, imaginary)) = number.complex {
        return Some(Value::Complex128(real, imaginary));
    }
    let is_hex_int =
        (text.starts_with("0x") || text.starts_with("0X")) && !text.contains(['p', 'P']);
    let looks_float =
        !text.starts_with('\'') && !is_hex_int && text.contains(['.', 'e', 'E', 'p', 'P']);
    match number.float {
        Some(float) if looks_float => Some(Value::Float64(float)),
        _ => number.int.map(Value::Int),
    }
}
