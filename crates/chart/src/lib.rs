//! A Helm chart as a value: values merging, sprig, `render`.
