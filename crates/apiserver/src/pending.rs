//! Temporary.
pub(crate) mod validate {
    use serde_json::Value;
    #[derive(Debug, Clone)]
    pub(crate) struct FieldError {
        pub(crate) field: String,
        pub(crate) text: String,
    }
    impl std::fmt::Display for FieldError {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{}: {}", self.field, self.text)
        }
    }
    pub(crate) fn validate(_: &kobject::Resource, _: &Value, _: Option<&Value>) -> Vec<FieldError> {
        vec![]
    }
}
pub(crate) mod openapi {
    use serde_json::{Value, json};
    pub(crate) fn index() -> Value {
        json!({"paths":{}})
    }
    pub(crate) fn document(_: &str, _: &str) -> Option<Value> {
        None
    }
}
pub(crate) mod table {
    use serde_json::{Value, json};
    pub(crate) fn table(_: &kobject::Resource, o: &[&Value], _: jiff::Timestamp) -> Value {
        json!({"kind":"Table","apiVersion":"meta.k8s.io/v1","columnDefinitions":[{"name":"Name","type":"string","format":"name","priority":0,"description":""}],"rows": o.iter().map(|o| json!({"cells":[o["metadata"]["name"]]})).collect::<Vec<_>>()})
    }
}
