//! How much of the native stack has been used, so that recursion ends in an error and not in a crash.

/// Where the stack was when work began, and how many bytes may be used from there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stack {
    base: usize,
    bytes_max: usize,
}

impl Stack {
    /// Counts from here.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { base: position(), bytes_max }
    }

    /// Whether more was used than is allowed.
    pub(crate) fn is_exhausted(self) -> bool {
        self.base.abs_diff(position()) > self.bytes_max
    }
}

/// The address of something on the stack.
#[inline(never)]
fn position() -> usize {
    let marker = 0u8;
    std::ptr::from_ref(&marker).addr()
}
