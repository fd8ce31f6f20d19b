//! How objects are shaped: types, fields, and the list and patch rules of the OpenAPI extensions.
//!
//! Built-in definitions are decoded one by one when a walk first reaches them.
//! A custom resource's schema is decoded from its definition with [`Schema::from_openapi`].

use std::sync::{Arc, LazyLock, OnceLock};

use serde_json::Value;

use crate::{
    catalog::{self, Resource, split_api_version},
    data::{data, definition_index},
};

mod check;
mod decode;
mod duplicate;

pub(crate) use check::normalize;
pub use check::{TypeError, prune, type_errors, unknown_fields};
pub use duplicate::duplicate_fields;

/// The schema of one kind's objects. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Schema {
    root: Root,
    /// Group and kind, where known: they decide which fields a subresource resets.
    group: String,
    kind: String,
    has_status: bool,
}

#[derive(Debug, Clone)]
enum Root {
    BuiltIn(&'static Type),
    Custom(Arc<Type>),
}

impl Schema {
    /// The type of the whole object.
    pub fn root(&self) -> &Type {
        match &self.root {
            Root::BuiltIn(it) => it,
            Root::Custom(it) => it,
        }
    }

    /// The kind's API group; empty for the core group, and for a schema of no known kind.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The kind; empty for a schema of no known kind.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether `status` is written through a subresource of its own, and so not with the object.
    pub fn has_status_subresource(&self) -> bool {
        self.has_status
    }

    /// The same schema of a custom resource that has a status subresource.
    #[must_use]
    pub fn with_status_subresource(self) -> Self {
        Self { has_status: true, ..self }
    }

    /// The object before anything is said of it, as a comparison with a new object starts from.
    pub(crate) fn empty_object(&self) -> Value {
        if self.is_custom() {
            Value::Object(serde_json::Map::new())
        } else {
            self.root().empty_value()
        }
    }

    /// Whether the schema is of a custom resource, or of nothing that is known.
    pub fn is_custom(&self) -> bool {
        matches!(self.root, Root::Custom(_))
    }

    fn custom(group: &str, kind: &str, mut root: Type) -> Self {
        root.add_object_fields();
        let (group, kind) = (group.to_owned(), kind.to_owned());
        Self { root: Root::Custom(Arc::new(root)), group, kind, has_status: false }
    }

    /// Decodes the `openAPIV3Schema` of a custom resource, and gives it the standard `metadata`.
    ///
    /// A schema without `type` accepts anything. Never fails: what is not understood is ignored.
    pub fn from_openapi(group: &str, kind: &str, schema: &Value) -> Self {
        Self::custom(group, kind, decode::decode(schema))
    }

    /// The schema of objects of which nothing is known: every field is accepted, maps are merged,
    /// lists are replaced.
    pub fn untyped(group: &str, kind: &str) -> Self {
        let root = Type { shape: Shape::Object, preserves_unknown: true, ..Type::default() };
        Self::custom(group, kind, root)
    }
}

/// The schema of a resource's objects; [`Schema::untyped`] for what is not built in.
pub fn of(resource: &Resource) -> Schema {
    of_kind(&resource.api_version(), &resource.kind)
        .unwrap_or_else(|| Schema::untyped(&resource.group, &resource.kind))
}

/// The schema of a built-in kind, whether or not it is a resource: `autoscaling/v1` `Scale`.
///
/// `DeleteOptions` and the other kinds of the API machinery are found under `meta.k8s.io/v1`.
pub fn of_kind(api_version: &str, kind: &str) -> Option<Schema> {
    let (group, version) = split_api_version(api_version);
    let root = definition_type(&definition_name(group, version, kind)?)?;
    let has_status =
        catalog::by_kind(api_version, kind).is_some_and(|it| it.subresource("status").is_some());
    Some(Schema {
        root: Root::BuiltIn(root),
        group: group.to_owned(),
        kind: kind.to_owned(),
        has_status,
    })
}

/// The name of a kind's definition: `io.k8s.api.apps.v1.Deployment`.
pub(crate) fn definition_name(group: &str, version: &str, kind: &str) -> Option<String> {
    let short = group.split('.').next().unwrap_or_default();
    let package = match group {
        "" => "io.k8s.api.core".to_owned(),
        "meta.k8s.io" => "io.k8s.apimachinery.pkg.apis.meta".to_owned(),
        "apiextensions.k8s.io" => {
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions".to_owned()
        }
        "apiregistration.k8s.io" => "io.k8s.kube-aggregator.pkg.apis.apiregistration".to_owned(),
        _ => format!("io.k8s.api.{short}"),
    };
    let name = format!("{package}.{version}.{kind}");
    definition_index(&name).map(|_| name)
}

static TYPES: LazyLock<Vec<OnceLock<Type>>> =
    LazyLock::new(|| data().definitions.iter().map(|_| OnceLock::new()).collect());

/// The decoded definition of this name.
pub(crate) fn definition_type(name: &str) -> Option<&'static Type> {
    definition_index(name).map(definition_at)
}

fn definition_at(index: usize) -> &'static Type {
    TYPES[index].get_or_init(|| {
        let definition = data().definitions[index];
        let schema: Value =
            serde_json::from_str(definition.json).expect("the data file holds JSON");
        decode::decode_definition(definition, &schema)
    })
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// Anything; maps inside are merged key by key, lists are replaced.
    #[default]
    Any,
    /// Anything, replaced as a whole (RawExtension).
    AnyAtomic,
    /// A map with named fields.
    Object,
    /// A map whose values are all of [`Type::element`].
    Map,
    /// A list whose items are all of [`Type::element`].
    List,
    /// A string, of a format.
    String(Format),
    /// `true` or `false`.
    Boolean,
    /// A whole number that fits into so many bits.
    Integer(u8),
    /// A number.
    Number,
    /// A whole number or a string.
    IntOrString,
    /// A [`crate::Quantity`]: a string or a number.
    Quantity,
}

/// What a string must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Anything.
    #[default]
    Plain,
    /// RFC 3339 time.
    DateTime,
    /// Base 64.
    Byte,
}

/// How two versions of a list are merged by server-side apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListType {
    /// Replaced as a whole.
    #[default]
    Atomic,
    /// Scalars that are there once.
    Set,
    /// Maps told apart by [`Type::map_keys`].
    Map,
}

/// How strategic merge treats a field (`x-kubernetes-patch-strategy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PatchStrategy {
    /// The list is merged item by item.
    pub is_merge: bool,
    /// `$retainKeys` clears the keys that the patch does not name.
    pub is_retain_keys: bool,
    /// The map is replaced.
    pub is_replace: bool,
}

/// The type of a value, with what the schema says about the place where it stands.
#[derive(Debug, Clone, Default)]
pub struct Type {
    shape: Shape,
    /// Index of the definition that says the rest.
    reference: Option<u16>,
    /// Sorted by name.
    fields: Vec<(Box<str>, Self)>,
    element: Option<Box<Self>>,
    is_atomic: bool,
    is_nullable: bool,
    preserves_unknown: bool,
    is_embedded: bool,
    omits_zero: bool,
    writes_null: bool,
    list_type: ListType,
    strategy: PatchStrategy,
    rare: Option<Box<Rare>>,
}

/// What few types have.
#[derive(Debug, Clone, Default)]
struct Rare {
    map_keys: Vec<Box<str>>,
    merge_key: Option<Box<str>>,
    required: Vec<Box<str>>,
    default: Option<Value>,
}

impl Type {
    /// The type behind a reference; itself when it is none.
    fn target(&self) -> &Self {
        match self.reference {
            Some(index) => definition_at(usize::from(index)),
            None => self,
        }
    }

    /// The full name of the definition behind a reference: `io.k8s.api.core.v1.PodSpec`.
    pub fn definition(&self) -> Option<&'static str> {
        self.reference.map(|index| data().definitions[usize::from(index)].name)
    }

    /// What the value may be.
    pub fn shape(&self) -> Shape {
        self.target().shape
    }

    /// The named fields of a map, sorted by name; empty for anything else.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.target().fields.iter().map(|(name, it)| (&**name, it))
    }

    /// A named field of a map.
    pub fn field(&self, name: &str) -> Option<&Self> {
        let fields = &self.target().fields;
        let found = fields.binary_search_by(|(it, _)| (**it).cmp(name)).ok()?;
        Some(&fields[found].1)
    }

    /// The type of a list's items, or of the values of a map's unnamed keys.
    pub fn element(&self) -> Option<&Self> {
        self.target().element.as_deref()
    }

    /// The type at a key: the named field, else the element, else anything where unknown fields are kept.
    pub fn at_key(&self, key: &str) -> Option<&Self> {
        self.field(key).or_else(|| self.element()).or_else(|| {
            let keeps =
                self.preserves_unknown() || matches!(self.shape(), Shape::Any | Shape::AnyAtomic);
            keeps.then_some(&ANY)
        })
    }

    /// Whether a map is replaced as a whole by server-side apply (`x-kubernetes-map-type: atomic`).
    pub fn is_atomic(&self) -> bool {
        self.is_atomic || self.target().is_atomic
    }

    /// How a list is merged by server-side apply.
    pub fn list_type(&self) -> ListType {
        self.list_type
    }

    /// The keys by which items of a [`ListType::Map`] are told apart, in the schema's order.
    pub fn map_keys(&self) -> &[Box<str>] {
        self.rare.as_ref().map_or(&[], |it| &it.map_keys)
    }

    /// The key by which strategic merge tells a list's items apart.
    pub fn merge_key(&self) -> Option<&str> {
        self.rare.as_ref()?.merge_key.as_deref()
    }

    /// How strategic merge treats the field.
    pub fn patch_strategy(&self) -> PatchStrategy {
        self.strategy
    }

    /// The fields that a map must have.
    pub fn required(&self) -> &[Box<str>] {
        self.target().rare.as_ref().map_or(&[], |it| &it.required)
    }

    /// Whether a map must have this field.
    pub fn is_required(&self, name: &str) -> bool {
        self.required().iter().any(|it| **it == *name)
    }

    /// Whether the field is left out when it is `""`, `0` or `false`, as Go leaves it out.
    pub(crate) fn omits_zero(&self) -> bool {
        self.omits_zero
    }

    /// Whether the list is written as null when it is empty, as Go writes it.
    pub(crate) fn writes_null(&self) -> bool {
        self.writes_null
    }

    /// The value that the schema gives where there is none.
    ///
    /// Built-in schemas say `""`, `0`, `false` and `{}` for every required field; of the others few say anything.
    pub fn default_value(&self) -> Option<&Value> {
        let of = |it: &Self| it.rare.as_ref().is_some_and(|it| it.default.is_some());
        let found = if of(self) { self } else { self.target() };
        found.rare.as_ref()?.default.as_ref()
    }

    /// Whether `null` is a value here (custom resources only).
    pub fn is_nullable(&self) -> bool {
        self.is_nullable || self.target().is_nullable
    }

    /// Whether fields without a name in the schema are kept.
    pub fn preserves_unknown(&self) -> bool {
        self.preserves_unknown || self.target().preserves_unknown
    }

    /// Whether the value is an object of its own (`x-kubernetes-embedded-resource`).
    pub fn is_embedded(&self) -> bool {
        self.is_embedded || self.target().is_embedded
    }

    /// What Go writes of a value of this type to which nothing was assigned: the structs in it, zeros and nulls
    /// of fields that are always written. Empty for custom resources.
    pub(crate) fn empty_value(&self) -> Value {
        let mut empty = serde_json::Map::new();
        for (name, field) in self.fields() {
            match field.default_value() {
                Some(Value::Object(_)) if field.shape() != Shape::Object => {}
                Some(Value::Object(_)) => {
                    empty.insert(name.to_owned(), field.empty_value());
                }
                Some(default) if is_zero(default) => {
                    empty.insert(name.to_owned(), default.clone());
                }
                None if field.writes_null || self.is_required(name) => {
                    empty.insert(name.to_owned(), Value::Null);
                }
                _ => {}
            }
        }
        Value::Object(empty)
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Gives a map the fields that every object has.
    fn add_object_fields(&mut self) {
        let text = || Self { shape: Shape::String(Format::Plain), ..Self::default() };
        let meta = definition_index("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
        let reference = meta.and_then(|it| u16::try_from(it).ok());
        self.set_field("apiVersion", text());
        self.set_field("kind", text());
        self.set_field("metadata", Self { reference, ..Self::default() });
    }

    fn set_field(&mut self, name: &str, field: Self) {
        match self.fields.binary_search_by(|(it, _)| (**it).cmp(name)) {
            Ok(found) => self.fields[found].1 = field,
            Err(place) => self.fields.insert(place, (name.into(), field)),
        }
    }
}

/// Whether a scalar is what Go assigns by itself.
pub(crate) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Bool(it) => !it,
        Value::Number(it) => it.as_i64() == Some(0),
        Value::String(it) => it.is_empty(),
        _ => false,
    }
}

/// What a value without a schema is.
pub(crate) static ANY: Type = Type {
    shape: Shape::Any,
    reference: None,
    fields: Vec::new(),
    element: None,
    is_atomic: false,
    is_nullable: true,
    preserves_unknown: true,
    is_embedded: false,
    omits_zero: false,
    writes_null: false,
    list_type: ListType::Atomic,
    strategy: PatchStrategy { is_merge: false, is_retain_keys: false, is_replace: false },
    rare: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> &'static Type {
        let mut path = path.split('.');
        let Root::BuiltIn(mut found) = of_kind("apps/v1", path.next().unwrap()).unwrap().root
        else {
            panic!("built in")
        };
        for step in path {
            found = if step == "[]" { found.element() } else { found.field(step) }.unwrap();
        }
        found
    }

    #[test]
    fn every_definition_decodes() {
        for index in 0..data().definitions.len() {
            definition_at(index);
        }
    }

    #[test]
    fn every_resource_has_a_schema() {
        for resource in catalog::all() {
            assert!(of(resource).root().field("kind").is_some(), "{resource:?}");
            for it in &resource.subresources {
                let known = of_kind(&catalog::api_version(&it.group, &it.version), &it.kind);
                let is_options = it.kind.ends_with("Options");
                assert!(known.is_some() || is_options, "{it:?}");
            }
        }
    }

    #[test]
    fn list_and_patch_rules_stand_at_the_field() {
        let containers = at("Deployment.spec.template.spec.containers");
        assert_eq!(containers.list_type(), ListType::Map);
        assert_eq!(containers.map_keys(), ["name".into()]);
        assert_eq!(containers.merge_key(), Some("name"));
        assert!(containers.patch_strategy().is_merge);
        let ports = at("Deployment.spec.template.spec.containers.[].ports");
        assert_eq!(ports.map_keys(), ["containerPort".into(), "protocol".into()]);
        let protocol = ports.element().unwrap().field("protocol").unwrap();
        assert_eq!(protocol.default_value().unwrap(), "TCP");
        assert!(at("Deployment.spec.strategy").patch_strategy().is_retain_keys);
        assert!(at("Deployment.spec.selector").is_atomic());
        assert!(at("Deployment.spec.template.spec.nodeSelector").is_atomic());
        assert!(!at("Deployment.metadata.labels").is_atomic());
        assert_eq!(at("Deployment.metadata.finalizers").list_type(), ListType::Set);
        let volumes = at("Deployment.spec.template.spec.volumes").patch_strategy();
        assert!(volumes.is_merge && volumes.is_retain_keys);
    }

    #[test]
    fn shapes_are_told_from_types_and_formats() {
        assert_eq!(at("Deployment.spec.replicas").shape(), Shape::Integer(32));
        assert_eq!(at("Deployment.metadata.generation").shape(), Shape::Integer(64));
        let time = at("Deployment.metadata.creationTimestamp");
        assert_eq!(time.shape(), Shape::String(Format::DateTime));
        let limits = at("Deployment.spec.template.spec.containers.[].resources.limits");
        assert_eq!(limits.shape(), Shape::Map);
        assert_eq!(limits.element().unwrap().shape(), Shape::Quantity);
        let surge = at("Deployment.spec.strategy.rollingUpdate.maxSurge");
        assert_eq!(surge.shape(), Shape::IntOrString);
        assert_eq!(at("ControllerRevision.data").shape(), Shape::AnyAtomic);
        assert_eq!(at("Deployment").required().len(), 0);
        assert_eq!(at("Deployment.spec").required(), ["selector".into(), "template".into()]);
    }
}
