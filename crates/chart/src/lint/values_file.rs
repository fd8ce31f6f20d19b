//! values.yaml, and the schema beside it (Helm 4.1.4, `rules/values.go`).

use goyaml::Value;

use super::{Findings, Folder, LintInputs};
use crate::{
    coalesce::coalesce_tables, render::to_template_values, schema::validate_one, values::Values,
};

const FILE: &str = "values.yaml";

pub(super) fn check(folder: &Folder, inputs: &LintInputs<'_>, findings: &mut Findings) {
    let Some(text) = folder.file(FILE) else { return findings.info(FILE, "file does not exist") };
    let table = match goyaml::read(text) {
        Err(error) => {
            let text = format!("unable to parse YAML: error converting YAML to JSON: {error}");
            return findings.error(FILE, text);
        }
        Ok(Value::Null) => Vec::new(),
        Ok(Value::Map(table)) => table,
        Ok(value) => {
            let found = value.json_kind();
            let prefix = "unable to parse YAML: error unmarshaling JSON: while decoding JSON: json";
            let text =
                format!("{prefix}: cannot unmarshal {found} into Go value of type common.Values");
            return findings.error(FILE, text);
        }
    };
    let schema = folder.file("values.schema.json").filter(|it| !it.is_empty());
    let Some(schema) = schema.filter(|_| !inputs.skips_schema) else { return };
    let own = to_template_values(&Values { table });
    let values = coalesce_tables(&to_template_values(inputs.values), &own);
    if let Err(error) = validate_one(schema, &values, inputs.source, &mut Vec::new()) {
        findings.error(FILE, error);
    }
}
