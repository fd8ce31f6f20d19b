//! Types and kinds as Go names them.

use gotmpl::{
    Type::{Any, String as Text},
    Value,
};

use super::{Function, args::text, equal::deep_equal, fixed};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("typeOf", &[Any], |_, args| Ok(args[0].type_name().into())),
    fixed("typeIs", &[Text, Any], |_, args| {
        Ok(Value::Bool(*text(&args[0]) == args[1].type_name()))
    }),
    fixed("typeIsLike", &[Text, Any], |_, args| {
        let (wanted, name) = (text(&args[0]).to_text(), args[1].type_name());
        Ok(Value::Bool(wanted == name || name.strip_prefix('*') == Some(&*wanted)))
    }),
    fixed("kindOf", &[Any], |_, args| Ok(args[0].kind().to_string().into())),
    fixed("kindIs", &[Text, Any], |_, args| {
        Ok(Value::Bool(text(&args[0]).to_text() == args[1].kind().to_string()))
    }),
    fixed("deepEqual", &[Any, Any], |_, args| Ok(Value::Bool(deep_equal(&args[0], &args[1])))),
];
