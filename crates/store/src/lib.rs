//! The versioned object store with watch, durable.
