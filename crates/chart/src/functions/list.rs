//! Lists: making them and making others of them.

use std::{any::Any, rc::Rc};

use gotmpl::{
    Kind, List, Object,
    Type::{Any as Anything, Int},
    Value,
};

use super::{
    Env, Function, NIL_DEREFERENCE, Result,
    args::int,
    convert::{items, to_int},
    fail, fixed, variadic,
};

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("list", &[Anything], list),
    variadic("tuple", &[Anything], list),
    fixed("append", &[Anything, Anything], append),
    fixed("push", &[Anything, Anything], append),
    fixed("mustAppend", &[Anything, Anything], append),
    fixed("mustPush", &[Anything, Anything], append),
    fixed("prepend", &[Anything, Anything], prepend),
    fixed("mustPrepend", &[Anything, Anything], prepend),
    fixed("first", &[Anything], first),
    fixed("mustFirst", &[Anything], first),
    fixed("last", &[Anything], last),
    fixed("mustLast", &[Anything], last),
    fixed("rest", &[Anything], rest),
    fixed("mustRest", &[Anything], rest),
    fixed("initial", &[Anything], initial),
    fixed("mustInitial", &[Anything], initial),
    fixed("reverse", &[Anything], reverse),
    fixed("mustReverse", &[Anything], reverse),
    variadic("slice", &[Anything, Anything], slice),
    variadic("mustSlice", &[Anything, Anything], slice),
    variadic("concat", &[Anything], concat),
    fixed("chunk", &[Int, Anything], chunk),
    fixed("mustChunk", &[Int, Anything], chunk),
];

/// The items of a list, or the error for what is none.
pub(super) fn listed(value: &Value, complaint: &str) -> Result<Vec<Value>> {
    match items(value) {
        Some(items) => Ok(items),
        None if value.is_nil() => fail(NIL_DEREFERENCE),
        None => fail(format!("{complaint} {}", value.kind())),
    }
}

fn list(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(Value::from(args.to_vec()))
}

fn append(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut items = listed(&args[0], "Cannot push on type")?;
    items.push(args[1].clone());
    Ok(Value::from(items))
}

fn prepend(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut items = listed(&args[0], "Cannot prepend on type")?;
    items.insert(0, args[1].clone());
    Ok(Value::from(items))
}

fn first(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    if let Value::List(list) = &args[0] {
        return Ok(list.first().cloned().unwrap_or_default());
    }
    Ok(listed(&args[0], "Cannot find first on type")?.into_iter().next().unwrap_or_default())
}

fn last(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(listed(&args[0], "Cannot find last on type")?.pop().unwrap_or_default())
}

fn rest(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut items = listed(&args[0], "Cannot find rest on type")?;
    if items.is_empty() {
        return Ok(Value::List(List::default()));
    }
    items.remove(0);
    Ok(Value::from(items))
}

fn initial(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut items = listed(&args[0], "Cannot find initial on type")?;
    if items.pop().is_none() {
        return Ok(Value::List(List::default()));
    }
    Ok(Value::from(items))
}

fn reverse(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut items = listed(&args[0], "Cannot find reverse on type")?;
    items.reverse();
    Ok(Value::from(items))
}

fn slice(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let length = listed(&args[0], "list should be type of slice or array but")?.len();
    if length == 0 {
        return Ok(Value::Nil);
    }
    let start = args.get(1).map_or(0, to_int);
    let end = args.get(2).map_or(length as i64, to_int);
    let bounds = (usize::try_from(start), usize::try_from(end));
    let (Ok(start), Ok(end)) = bounds else {
        return fail("reflect.Value.Slice: slice index out of bounds");
    };
    if start > end || end > length {
        return fail("reflect.Value.Slice: slice index out of bounds");
    }
    Ok(match &args[0] {
        Value::List(list) => Value::from(list[start..end].to_vec()),
        Value::Strings(Some(texts)) => Value::Strings(Some(Rc::from(&texts[start..end]))),
        Value::Ints(numbers) => Value::Ints(Rc::from(&numbers[start..end])),
        Value::Bytes(bytes) => Value::Bytes(Rc::from(&bytes[start..end])),
        other => Value::from(items(other).unwrap_or_default()[start..end].to_vec()),
    })
}

fn concat(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut all = Vec::new();
    let limit = env.context.limits().items_max;
    for list in args {
        if all.len() > limit {
            return fail(format!("there are more than {limit} items"));
        }
        match items(list) {
            Some(items) => all.extend(items),
            None if list.is_nil() => return fail(NIL_DEREFERENCE),
            None => return fail(format!("Cannot concat type {} as list", list.kind())),
        }
    }
    // Go starts from a nil slice and only ever appends.
    Ok(if all.is_empty() { Value::List(List::default()) } else { Value::from(all) })
}

/// A `[][]interface {}`.
#[derive(Debug)]
struct Chunks(Vec<List>);

impl Object for Chunks {
    fn type_name(&self) -> &'static str {
        "[][]interface {}"
    }

    fn kind(&self) -> Kind {
        Kind::Slice
    }

    fn entries(&self) -> Vec<(Value, Value)> {
        let lists = self.0.iter().enumerate();
        lists.map(|(place, list)| (Value::Int(place as i64), list.clone().into())).collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn chunk(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let items = listed(&args[1], "Cannot chunk type")?;
    let size = int(&args[0]);
    match usize::try_from(size) {
        Ok(size) if size > 0 => {
            let lists = items.chunks(size).map(|chunk| List::from(chunk.to_vec()));
            Ok(Value::object(Chunks(lists.collect())))
        }
        // The one chunk that Go counts has what the division leaves, which is the item.
        _ if items.len() == 1 && size < -1 => Ok(Value::object(Chunks(vec![items.into()]))),
        // Go counts the chunks all the same, and there may be none.
        _ if ((items.len() as f64 - 1.0) / size as f64).floor() == -1.0 => {
            Ok(Value::object(Chunks(Vec::new())))
        }
        _ => fail("runtime error: makeslice: len out of range"),
    }
}
