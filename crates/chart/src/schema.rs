//! values.schema.json.

use gotmpl::Map;

use crate::tree::Node;

/// Holds the values of a chart and its subcharts against their schemas.
pub(crate) fn validate(
    _node: &Node<'_>,
    _values: &Map,
    _log: &mut Vec<String>,
) -> Result<(), String> {
    Ok(())
}
