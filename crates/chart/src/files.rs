//! `.Files`: what templates see of a chart's other files (Helm 4.1.4, `pkg/engine/files.go`).

use std::{any::Any, collections::BTreeMap, fmt, rc::Rc, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gotmpl::{CallError, Kind, Object, Signature, Str, Type, Value};

use crate::{chart::ChartFile, glob::Glob, pathname, yaml::to_yaml};

/// Some of a chart's files, by path.
#[derive(Clone)]
pub(crate) struct Files {
    all: Arc<Vec<ChartFile>>,
    /// Places in `all`, sorted by path; of equal paths the last file counts.
    chosen: Rc<[usize]>,
}

const METHODS: &[Signature] = &[
    method("AsConfig", &[]),
    method("AsSecrets", &[]),
    method("Get", &[Type::String]),
    method("GetBytes", &[Type::String]),
    method("Glob", &[Type::String]),
    method("Lines", &[Type::String]),
];

const fn method(name: &'static str, params: &'static [Type]) -> Signature {
    Signature { name, params, is_variadic: false }
}

impl Files {
    pub(crate) fn new(all: &Arc<Vec<ChartFile>>) -> Self {
        let by_path: BTreeMap<&str, usize> =
            all.iter().enumerate().map(|(place, file)| (file.path.as_str(), place)).collect();
        Self { all: Arc::clone(all), chosen: by_path.into_values().collect() }
    }

    fn chosen(&self) -> impl Iterator<Item = &ChartFile> {
        self.chosen.iter().map(|place| &self.all[*place])
    }

    fn get(&self, path: &str) -> Option<&[u8]> {
        let found =
            self.chosen.binary_search_by(|it| self.all[*it].path.as_str().cmp(path)).ok()?;
        Some(&self.all[self.chosen[found]].data)
    }

    fn glob(&self, pattern: &str) -> Self {
        let glob = Glob::new(pattern);
        let is_match = |place: &usize| glob.is_match(&self.all[*place].path);
        Self {
            all: Arc::clone(&self.all),
            chosen: self.chosen.iter().copied().filter(is_match).collect(),
        }
    }

    /// The files by the last element of their paths, as YAML. Of equal names the last path counts,
    /// where Helm takes any.
    fn as_yaml(&self, content: fn(&[u8]) -> Str) -> Value {
        let by_name: BTreeMap<Str, Str> = self
            .chosen()
            .map(|file| (pathname::base(&file.path).into(), content(&file.data)))
            .collect();
        if by_name.is_empty() {
            return "{}".into();
        }
        let entries = Value::StringMap(by_name.into_iter().collect());
        let text = to_yaml(&entries).unwrap_or_default();
        text.strip_suffix('\n').unwrap_or(&text).into()
    }

    fn lines(&self, path: &str) -> Result<Value, CallError> {
        let Some(data) = self.get(path) else { return Ok(Value::strings::<Str>([])) };
        if data.is_empty() {
            return Err(CallError::text("runtime error: index out of range [-1]"));
        }
        let text = data.strip_suffix(b"\n").unwrap_or(data);
        let lines = text.split(|byte| *byte == b'\n');
        Ok(Value::strings(lines.map(|line| Str::from_bytes(line.to_vec()))))
    }
}

impl Object for Files {
    fn type_name(&self) -> &'static str {
        "engine.files"
    }

    fn kind(&self) -> Kind {
        Kind::Map
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.get(name).map(|data| Value::Bytes(data.into()))
    }

    fn methods(&self) -> &'static [Signature] {
        METHODS
    }

    fn call(&self, method: usize, args: &[Value]) -> Result<Value, CallError> {
        let path = match args.first() {
            Some(Value::String(text)) => text.to_text(),
            _ => "".into(),
        };
        match METHODS[method].name {
            "AsConfig" => Ok(self.as_yaml(|data| Str::from_bytes(data.to_vec()))),
            "AsSecrets" => Ok(self.as_yaml(|data| STANDARD.encode(data).into())),
            "Get" => {
                let data = self.get(&path).unwrap_or_default();
                Ok(Value::String(Str::from_bytes(data.to_vec())))
            }
            "GetBytes" => Ok(Value::Bytes(self.get(&path).unwrap_or_default().into())),
            "Glob" => Ok(Value::object(self.glob(&path))),
            _ => self.lines(&path),
        }
    }

    fn entries(&self) -> Vec<(Value, Value)> {
        let entry =
            |file: &ChartFile| (Value::from(file.path.as_str()), Value::Bytes((*file.data).into()));
        self.chosen().map(entry).collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.chosen().map(|file| &file.path)).finish()
    }
}
