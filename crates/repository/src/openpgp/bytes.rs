//! A cursor over bytes that others wrote: it never reads past the end.

/// What is still to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'b>(pub(super) &'b [u8]);

impl<'b> Cursor<'b> {
    pub(super) fn take(&mut self, n_bytes: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(n_bytes)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|it| it[0])
    }

    pub(super) fn two(&mut self) -> Option<usize> {
        self.take(2).map(|it| usize::from(it[0]) << 8 | usize::from(it[1]))
    }

    pub(super) fn four(&mut self) -> Option<u32> {
        self.take(4).map(|it| it.iter().fold(0, |acc, byte| acc << 8 | u32::from(*byte)))
    }

    /// A big number, without leading zeros.
    ///
    /// Source: RFC 4880, section 3.2.
    pub(super) fn number(&mut self) -> Option<&'b [u8]> {
        let n_bits = self.two()?;
        let number = self.take(n_bits.div_ceil(8))?;
        let n_zeros = number.iter().take_while(|it| **it == 0).count();
        Some(&number[n_zeros..])
    }
}
