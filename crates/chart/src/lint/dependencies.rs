//! Dependencies that are listed, and those that are there (Helm 4.1.4, `rules/dependencies.go`).

use super::{Findings, Folder};

pub(super) fn check(folder: &Folder, findings: &mut Findings) {
    let chart = match folder.load() {
        Ok(chart) => chart,
        Err(error) => return findings.error("", format!("unable to load chart\n\t{error}")),
    };
    let listed: Vec<&str> =
        chart.metadata.dependencies.iter().flatten().map(|it| it.name.as_str()).collect();
    let present: Vec<&str> = chart.dependencies.iter().map(|it| it.name()).collect();
    let without = |some: &[&str], others: &[&str]| {
        let missing: Vec<&str> = some.iter().filter(|it| !others.contains(it)).copied().collect();
        (!missing.is_empty()).then(|| missing.join(","))
    };
    if let Some(missing) = without(&present, &listed) {
        let text = format!("chart metadata is missing these dependencies: {missing}");
        findings.error(&folder.path, text);
    }
    // A name or alias that comes twice has kept the chart from loading.
    if let Some(missing) = without(&listed, &present) {
        let text = format!("chart directory is missing these dependencies: {missing}");
        findings.warning(&folder.path, text);
    }
}
