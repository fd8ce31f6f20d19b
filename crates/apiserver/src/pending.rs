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
