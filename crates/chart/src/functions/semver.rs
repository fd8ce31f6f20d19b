//! Versions and ranges.

use std::{any::Any, fmt};

use gotmpl::{
    CallError, Kind, Object, Signature,
    Type::{self, String as Text},
    Value,
};

use super::{Env, Function, Result, args::text, fail, fixed};
use crate::semver::{self, Constraint};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("semver", &[Text], |_, args| match semver::Version::parse(&text(&args[0]).to_text()) {
        Ok(version) => Ok(Value::object(Version(version))),
        Err(error) => fail(error.to_string()),
    }),
    fixed("semverCompare", &[Text, Text], compare),
];

fn compare(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let constraint = match Constraint::parse(&text(&args[0]).to_text()) {
        Ok(constraint) => constraint,
        Err(error) => return fail(error.to_string()),
    };
    match semver::Version::parse(&text(&args[1]).to_text()) {
        Ok(version) => Ok(Value::Bool(constraint.check(&version))),
        Err(error) => fail(error.to_string()),
    }
}

/// A `*semver.Version`, as templates see it.
#[derive(Clone, Debug)]
pub(crate) struct Version(pub(crate) semver::Version);

const NAME: &str = "*semver.Version";

const METHODS: &[Signature] = &[
    Signature { name: "Compare", params: &[Type::Named(NAME)], is_variadic: false },
    Signature { name: "Equal", params: &[Type::Named(NAME)], is_variadic: false },
    Signature { name: "GreaterThan", params: &[Type::Named(NAME)], is_variadic: false },
    Signature { name: "GreaterThanEqual", params: &[Type::Named(NAME)], is_variadic: false },
    Signature { name: "IncMajor", params: &[], is_variadic: false },
    Signature { name: "IncMinor", params: &[], is_variadic: false },
    Signature { name: "IncPatch", params: &[], is_variadic: false },
    Signature { name: "LessThan", params: &[Type::Named(NAME)], is_variadic: false },
    Signature { name: "LessThanEqual", params: &[Type::Named(NAME)], is_variadic: false },
    Signature { name: "Major", params: &[], is_variadic: false },
    Signature { name: "Metadata", params: &[], is_variadic: false },
    Signature { name: "Minor", params: &[], is_variadic: false },
    Signature { name: "Original", params: &[], is_variadic: false },
    Signature { name: "Patch", params: &[], is_variadic: false },
    Signature { name: "Prerelease", params: &[], is_variadic: false },
    Signature { name: "SetMetadata", params: &[Text], is_variadic: false },
    Signature { name: "SetPrerelease", params: &[Text], is_variadic: false },
    Signature { name: "String", params: &[], is_variadic: false },
];

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = &self.0;
        write!(f, "{}.{}.{}", version.major, version.minor, version.patch)?;
        if !version.prerelease.is_empty() {
            write!(f, "-{}", version.prerelease)?;
        }
        if !version.metadata.is_empty() {
            write!(f, "+{}", version.metadata)?;
        }
        Ok(())
    }
}

impl Version {
    fn ordering(&self, args: &[Value]) -> std::cmp::Ordering {
        let other = args[0].downcast::<Self>().expect("the signature wants a version");
        self.0.cmp(&other.0)
    }

    /// The next version: everything below `place` is 0, and the rest is gone.
    fn incremented(&self, place: usize) -> Value {
        let mut next = self.0.clone();
        // A patch of a pre-release is the version itself.
        match place {
            0 => (next.major, next.minor, next.patch) = (next.major + 1, 0, 0),
            1 => (next.minor, next.patch) = (next.minor + 1, 0),
            _ if next.prerelease.is_empty() => next.patch += 1,
            _ => {}
        }
        next.prerelease.clear();
        next.metadata.clear();
        next.original = prefixed(&self.0.original, &Self(next.clone()));
        Value::object(Self(next))
    }

    /// The version with another pre-release or metadata.
    fn with(&self, what: &str, change: impl FnOnce(&mut semver::Version)) -> Result<Value> {
        let mut next = self.0.clone();
        change(&mut next);
        let text = Self(next.clone()).to_string();
        match semver::Version::parse(&text) {
            Err(semver::VersionError::Invalid) => return fail(format!("invalid {what} string")),
            Err(error) => return fail(error.to_string()),
            Ok(_) => {}
        }
        next.original = prefixed(&self.0.original, &Self(next.clone()));
        Ok(Value::object(Self(next)))
    }
}

impl Version {
    /// Go's zero value.
    pub(super) fn zero() -> Self {
        Self(semver::Version {
            major: 0,
            minor: 0,
            patch: 0,
            prerelease: String::new(),
            metadata: String::new(),
            original: String::new(),
        })
    }
}

fn prefixed(original: &str, version: &Version) -> String {
    format!("{}{version}", if original.starts_with('v') { "v" } else { "" })
}

impl Object for Version {
    fn type_name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn methods(&self) -> &'static [Signature] {
        METHODS
    }

    /// copystructure leaves out what is not exported, which is all of a version.
    fn copied(&self) -> Option<Value> {
        Some(Value::object(Self::zero()))
    }

    fn call(&self, method: usize, args: &[Value]) -> std::result::Result<Value, CallError> {
        let version = &self.0;
        Ok(match METHODS[method].name {
            "Compare" => Value::Int(self.ordering(args) as i64),
            "Equal" => Value::Bool(self.ordering(args).is_eq()),
            "GreaterThan" => Value::Bool(self.ordering(args).is_gt()),
            "GreaterThanEqual" => Value::Bool(self.ordering(args).is_ge()),
            "IncMajor" => self.incremented(0),
            "IncMinor" => self.incremented(1),
            "IncPatch" => self.incremented(2),
            "LessThan" => Value::Bool(self.ordering(args).is_lt()),
            "LessThanEqual" => Value::Bool(self.ordering(args).is_le()),
            "Major" => Value::Uint64(version.major),
            "Metadata" => version.metadata.as_str().into(),
            "Minor" => Value::Uint64(version.minor),
            "Original" => version.original.as_str().into(),
            "Patch" => Value::Uint64(version.patch),
            "Prerelease" => version.prerelease.as_str().into(),
            "SetMetadata" => {
                self.with("metadata", |it| it.metadata = text(&args[0]).to_string())?
            }
            "SetPrerelease" => {
                self.with("prerelease", |it| it.prerelease = text(&args[0]).to_string())?
            }
            _ => self.to_string().into(),
        })
    }

    fn entries(&self) -> Vec<(Value, Value)> {
        let version = &self.0;
        vec![
            ("major".into(), Value::Uint64(version.major)),
            ("minor".into(), Value::Uint64(version.minor)),
            ("patch".into(), Value::Uint64(version.patch)),
            ("pre".into(), version.prerelease.as_str().into()),
            ("metadata".into(), version.metadata.as_str().into()),
            ("original".into(), version.original.as_str().into()),
        ]
    }

    fn to_text(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn is_equal(&self, other: &dyn Object) -> Option<bool> {
        let other = other.as_any().downcast_ref::<Self>()?;
        Some(std::ptr::eq(self, other))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
