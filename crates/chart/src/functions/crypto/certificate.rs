//! What `genCA` and its kin give.

use std::any::Any;

use gotmpl::{Kind, Object, Str, Value};

/// A `sprig.certificate`: a certificate and its key, both as PEM.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) cert: Str,
    pub(crate) key: Str,
}

impl Object for Certificate {
    fn type_name(&self) -> &'static str {
        "sprig.certificate"
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(Value::String(self.cert.clone())),
            "Key" => Some(Value::String(self.key.clone())),
            _ => None,
        }
    }

    fn entries(&self) -> Vec<(Value, Value)> {
        vec![
            ("Cert".into(), Value::String(self.cert.clone())),
            ("Key".into(), Value::String(self.key.clone())),
        ]
    }

    fn is_equal(&self, other: &dyn Object) -> Option<bool> {
        let other = other.as_any().downcast_ref::<Self>()?;
        Some(self.cert == other.cert && self.key == other.key)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
