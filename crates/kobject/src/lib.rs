//! A Kubernetes object as a value: kinds, selectors, quantities, patches, server-side apply, printers.
