//! Any bytes as a template: parsing ends, in trees or in an error with a place.
#![no_main]

use gotmpl::{CallError, Context, Functions, Limits, Signature, Templates, Value};
use libfuzzer_sys::fuzz_target;

struct None;

impl Functions for None {
    fn find(&self, _: &str) -> Option<u16> {
        Option::None
    }

    fn signature(&self, _: u16) -> &Signature {
        unreachable!("there are no functions")
    }

    fn call(&self, _: u16, _: &mut Context<'_>, _: &[Value]) -> Result<Value, CallError> {
        unreachable!("there are no functions")
    }
}

fuzz_target!(|text: &[u8]| {
    let limits = Limits::default();
    let parsed = Templates::new().parse("t", text, &None, limits.stack_bytes_max);
    if let Err(error) = parsed {
        assert!(error.to_string().starts_with("template: t:"), "{error}");
    }
});
