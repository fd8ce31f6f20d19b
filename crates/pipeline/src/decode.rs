//! Reading a TOML table field by field, so that every problem is found, each with its position.

use std::collections::BTreeMap;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{nearest, problem::Problem};

/// The text that is read, and what was found wrong with it so far.
pub(crate) struct Decoder<'a> {
    text: &'a str,
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, problems: Vec::new() }
    }

    pub(crate) fn problem(&mut self, offset: usize, message: String, hint: Option<String>) {
        self.problems.push(Problem::at(self.text, offset, message, hint));
    }
}

/// A table whose keys are asked for one by one; what nobody asked for is unknown.
pub(crate) struct Fields<'t> {
    table: Option<&'t DeTable<'t>>,
    /// Where the table stands: `services.faro.image`; empty at the top.
    path: String,
    offset: usize,
    asked: Vec<&'static str>,
}

type Value<'t> = &'t Spanned<DeValue<'t>>;

impl<'t> Fields<'t> {
    pub(crate) fn new(table: &'t Spanned<DeTable<'t>>) -> Self {
        Self {
            table: Some(table.get_ref()),
            path: String::new(),
            offset: table.span().start,
            asked: Vec::new(),
        }
    }

    fn of(decoder: &mut Decoder<'_>, value: Option<Value<'t>>, path: String) -> Self {
        let table = value.and_then(|it| it.get_ref().as_table());
        if let (None, Some(value)) = (table, value) {
            wrong_type(decoder, value, &path, "a table");
        }
        let offset = value.map_or(0, |it| it.span().start);
        Self { table, path, offset, asked: Vec::new() }
    }

    /// Whether the table is there at all.
    pub(crate) fn is_given(&self) -> bool {
        self.table.is_some()
    }

    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn ask(&mut self, key: &'static str) -> Option<Value<'t>> {
        self.asked.push(key);
        self.table?.get(key)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|it| it.contains_key(key))
    }

    /// Says that something about the table, or about one of its keys, is wrong.
    pub(crate) fn wrong(&self, decoder: &mut Decoder<'_>, key: &str, message: String) {
        let value = self.table.and_then(|it| it.get(key));
        decoder.problem(value.map_or(self.offset, |it| it.span().start), message, None);
    }

    pub(crate) fn string(
        &mut self,
        decoder: &mut Decoder<'_>,
        key: &'static str,
    ) -> Option<String> {
        let value = self.ask(key)?;
        text(decoder, value, &self.path_of(key))
    }

    pub(crate) fn required(&mut self, decoder: &mut Decoder<'_>, key: &'static str) -> String {
        if !self.has(key) {
            let message = format!("`{}` is missing", self.path_of(key));
            decoder.problem(self.offset, message, None);
        }
        self.string(decoder, key).unwrap_or_default()
    }

    pub(crate) fn bool(&mut self, decoder: &mut Decoder<'_>, key: &'static str) -> Option<bool> {
        let value = self.ask(key)?;
        let found = value.get_ref().as_bool();
        if found.is_none() {
            wrong_type(decoder, value, &self.path_of(key), "true or false");
        }
        found
    }

    pub(crate) fn integer<T: std::str::FromStr>(
        &mut self,
        decoder: &mut Decoder<'_>,
        key: &'static str,
        range: &str,
    ) -> Option<T> {
        let value = self.ask(key)?;
        let found = integer(value);
        if found.is_none() {
            wrong_type(decoder, value, &self.path_of(key), range);
        }
        found
    }

    /// A list of texts; one text alone is a list of one.
    pub(crate) fn strings(&mut self, decoder: &mut Decoder<'_>, key: &'static str) -> Vec<String> {
        let Some(value) = self.ask(key) else { return Vec::new() };
        let path = self.path_of(key);
        match value.get_ref() {
            DeValue::String(_) => text(decoder, value, &path).into_iter().collect(),
            DeValue::Array(items) => items
                .iter()
                .enumerate()
                .filter_map(|(idx, it)| text(decoder, it, &format!("{path}[{idx}]")))
                .collect(),
            _ => {
                wrong_type(decoder, value, &path, "a list of texts");
                Vec::new()
            }
        }
    }

    pub(crate) fn ports(&mut self, decoder: &mut Decoder<'_>, key: &'static str) -> Vec<u16> {
        let Some(value) = self.ask(key) else { return Vec::new() };
        let path = self.path_of(key);
        let Some(items) = value.get_ref().as_array() else {
            wrong_type(decoder, value, &path, "a list of port numbers");
            return Vec::new();
        };
        let mut ports = Vec::new();
        for item in items {
            match integer(item) {
                Some(port) => ports.push(port),
                None => wrong_type(decoder, item, &path, "a port number"),
            }
        }
        ports
    }

    /// A table of texts.
    pub(crate) fn map(
        &mut self,
        decoder: &mut Decoder<'_>,
        key: &'static str,
    ) -> BTreeMap<String, String> {
        let fields = self.table(decoder, key);
        let entries = fields.table.into_iter().flatten();
        let mut map = BTreeMap::new();
        for (name, value) in entries {
            if let Some(text) = text(decoder, value, &fields.path_of(name.get_ref())) {
                map.insert(name.get_ref().to_string(), text);
            }
        }
        map
    }

    pub(crate) fn table(&mut self, decoder: &mut Decoder<'_>, key: &'static str) -> Self {
        let value = self.ask(key);
        Fields::of(decoder, value, self.path_of(key))
    }

    /// A table of tables, by name, in the order of their names.
    pub(crate) fn tables(
        &mut self,
        decoder: &mut Decoder<'_>,
        key: &'static str,
    ) -> Vec<(String, Self)> {
        let fields = self.table(decoder, key);
        let entries = fields.table.into_iter().flatten();
        entries
            .map(|(name, value)| {
                let path = fields.path_of(name.get_ref());
                (name.get_ref().to_string(), Fields::of(decoder, Some(value), path))
            })
            .collect()
    }

    /// A list of tables.
    pub(crate) fn list(&mut self, decoder: &mut Decoder<'_>, key: &'static str) -> Vec<Self> {
        let Some(value) = self.ask(key) else { return Vec::new() };
        let path = self.path_of(key);
        let Some(items) = value.get_ref().as_array() else {
            wrong_type(decoder, value, &path, "a list of tables");
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items.map(|(idx, it)| Fields::of(decoder, Some(it), format!("{path}[{idx}]"))).collect()
    }

    /// Whether the value is a text rather than a table, for fields that may be either.
    pub(crate) fn is_string(&self, key: &str) -> bool {
        let value = self.table.and_then(|it| it.get(key));
        value.is_some_and(|it| it.get_ref().is_str())
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self, decoder: &mut Decoder<'_>) {
        for (key, _) in self.table.into_iter().flatten() {
            let name: &str = key.get_ref();
            if !self.asked.contains(&name) {
                let hint = nearest(name, self.asked.iter().copied())
                    .map(|it| format!("did you mean `{it}`?"))
                    .or_else(|| Some(format!("known here: {}", self.asked.join(", "))));
                let message = format!("unknown key `{}`", self.path_of(name));
                decoder.problem(key.span().start, message, hint);
            }
        }
    }
}

fn integer<T: std::str::FromStr>(value: Value<'_>) -> Option<T> {
    let integer = value.get_ref().as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()?.to_string().parse().ok()
}

fn text(decoder: &mut Decoder<'_>, value: Value<'_>, path: &str) -> Option<String> {
    let found = value.get_ref().as_str().map(str::to_owned);
    if found.is_none() {
        wrong_type(decoder, value, path, "a text");
    }
    found
}

fn wrong_type(decoder: &mut Decoder<'_>, value: Value<'_>, path: &str, wanted: &str) {
    let message = format!("`{path}` must be {wanted}, not {}", value.get_ref().type_str());
    decoder.problem(value.span().start, message, None);
}
