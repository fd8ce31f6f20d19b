//! Images and layers as values; reproducible tar.
