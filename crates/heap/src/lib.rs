//! The allocator of a program that mostly ends at once.
//!
//! Small blocks of one thread, the one that claims them, come from a region that lies in the program itself:
//! an allocation is a block that was freed before, or a step of a pointer. All else is the system's allocator's:
//! large blocks, which it puts together again, other threads, and what no longer fits.
#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::{Cell, UnsafeCell},
    fmt,
    ptr::{self, NonNull},
    sync::atomic::{AtomicBool, Ordering},
};

/// How much the region holds: what a command that ends at once allocates. A program that runs for long leaves
/// it behind, and what other threads free of it, which is lost, is never more than this.
const REGION_BYTES: usize = 4 << 20;

/// What blocks are aligned to, and their sizes a multiple of.
const STEP: usize = 16;

/// The largest block.
const BLOCK_BYTES_MAX: usize = 256;

/// How many sizes of blocks there are.
const CLASSES: usize = BLOCK_BYTES_MAX / STEP;

#[repr(C, align(4096))]
struct Bytes([u8; REGION_BYTES]);

/// The allocator: `#[global_allocator] static HEAP: Heap = Heap::new();`.
///
/// All of it is zero at first, so that it costs no memory before it is used.
pub struct Heap {
    bytes: UnsafeCell<Bytes>,
    /// Where what was never handed out begins.
    top: Cell<usize>,
    /// The blocks that were freed, by class; each holds the next in its first word.
    free: [Cell<Option<NonNull<u8>>>; CLASSES],
    is_claimed: AtomicBool,
}

// SAFETY: what is not atomic is touched by the thread alone that claimed the region.
unsafe impl Sync for Heap {}

thread_local! {
    /// The address of the heap whose region this thread has claimed. Without a destructor, so that it asks for
    /// no memory itself.
    static CLAIMED: Cell<usize> = const { Cell::new(0) };
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl Heap {
    /// With nothing handed out, and no thread to hand it to.
    pub const fn new() -> Self {
        Self {
            bytes: UnsafeCell::new(Bytes([0; REGION_BYTES])),
            top: Cell::new(0),
            free: [const { Cell::new(None) }; CLASSES],
            is_claimed: AtomicBool::new(false),
        }
    }

    /// Gives the region to this thread, unless another one has it.
    pub fn claim(&self) {
        if !self.is_claimed.swap(true, Ordering::Relaxed) {
            CLAIMED.set(self.base().addr());
        }
    }

    fn base(&self) -> *mut u8 {
        self.bytes.get().cast()
    }

    fn is_owned(&self) -> bool {
        CLAIMED.get() == self.base().addr()
    }

    /// The class that serves a layout, if the region does.
    fn class_for(&self, layout: Layout) -> Option<usize> {
        let is_served =
            layout.size() <= BLOCK_BYTES_MAX && layout.align() <= STEP && self.is_owned();
        is_served.then(|| layout.size().saturating_sub(1) / STEP)
    }

    fn contains(&self, block: *mut u8) -> bool {
        block.addr().wrapping_sub(self.base().addr()) < REGION_BYTES
    }

    /// A block of a class, unless the region is full. For the owner alone.
    fn take(&self, class: usize) -> Option<NonNull<u8>> {
        if let Some(block) = self.free[class].get() {
            // SAFETY: a freed block holds the next one of its class.
            let next = unsafe { block.cast::<Option<NonNull<u8>>>().read() };
            self.free[class].set(next);
            return Some(block);
        }
        let at = self.top.get();
        let end = at + class_bytes(class);
        if REGION_BYTES < end {
            return None;
        }
        self.top.set(end);
        // SAFETY: `at` lies within the region.
        NonNull::new(unsafe { self.base().add(at) })
    }

    /// Whether a block of a class is the one that was handed out last.
    fn is_last(&self, block: *mut u8, class: usize) -> bool {
        block.addr() + class_bytes(class) == self.base().addr() + self.top.get()
    }

    /// Takes a block back. For the owner alone.
    fn give_back(&self, block: NonNull<u8>, class: usize) {
        if self.is_last(block.as_ptr(), class) {
            return self.top.set(self.top.get() - class_bytes(class));
        }
        // SAFETY: a block has room for a pointer, is aligned for it, and nobody uses it any more.
        unsafe { block.cast::<Option<NonNull<u8>>>().write(self.free[class].get()) };
        self.free[class].set(Some(block));
    }

    /// Makes a block larger or smaller where it lies. For the owner alone.
    fn resize(&self, block: *mut u8, before: usize, after: usize) -> bool {
        if before == after {
            return true;
        }
        let start = block.addr() - self.base().addr();
        let end = start + class_bytes(after);
        let is_possible = self.is_last(block, before) && end <= REGION_BYTES;
        if is_possible {
            self.top.set(end);
        }
        is_possible
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").finish_non_exhaustive()
    }
}

/// How many bytes a block of a class has.
fn class_bytes(class: usize) -> usize {
    (class + 1) * STEP
}

// SAFETY: a block is handed out once until it is given back, is as large as its class says and aligned to
// `STEP`; a layout always finds the class it was handed out with.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.class_for(layout).and_then(|class| self.take(class)) {
            Some(block) => block.as_ptr(),
            // SAFETY: as the caller promised.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match self.class_for(layout).and_then(|class| self.take(class)) {
            Some(block) => {
                // SAFETY: the block is as large as its layout.
                unsafe { block.write_bytes(0, layout.size()) };
                block.as_ptr()
            }
            // SAFETY: as the caller promised.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !self.contains(block) {
            // SAFETY: what the region does not hold came from there.
            return unsafe { System.dealloc(block, layout) };
        }
        // What another thread frees is lost.
        if let (Some(class), Some(block)) = (self.class_for(layout), NonNull::new(block)) {
            self.give_back(block, class);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.contains(block) {
            // SAFETY: what the region does not hold came from there.
            return unsafe { System.realloc(block, layout, size) };
        }
        // SAFETY: the caller promises that the size does not overflow.
        let after = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if let (Some(before), Some(after)) = (self.class_for(layout), self.class_for(after))
            && self.resize(block, before, after)
        {
            return block;
        }
        // SAFETY: the size is not zero, as the caller promises.
        let new = unsafe { self.alloc(after) };
        if new.is_null() {
            return new;
        }
        // SAFETY: both are as large, and a new block lies elsewhere.
        unsafe { ptr::copy_nonoverlapping(block, new, layout.size().min(size)) };
        // SAFETY: it was handed out with this layout.
        unsafe { self.dealloc(block, layout) };
        new
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// What a test does with a heap.
    #[derive(Clone, Debug)]
    enum Step {
        Alloc { size: usize, align: usize },
        Free(usize),
        Resize(usize, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let size = || prop_oneof![1_usize..300, Just(BLOCK_BYTES_MAX), 1_usize..5_000];
        prop_oneof![
            3 => (size(), 0_u32..7).prop_map(|(size, log)| Step::Alloc { size, align: 1 << log }),
            2 => any::<usize>().prop_map(Step::Free),
            2 => (any::<usize>(), size()).prop_map(|(place, size)| Step::Resize(place, size)),
        ]
    }

    /// A block with what was written to it.
    struct Block {
        start: *mut u8,
        layout: Layout,
        mark: u8,
    }

    impl Block {
        fn bytes(&self) -> &[u8] {
            // SAFETY: the block is the test's alone, and was written.
            unsafe { std::slice::from_raw_parts(self.start, self.layout.size()) }
        }

        fn fill(&self) {
            // SAFETY: the block is the test's alone.
            unsafe { self.start.write_bytes(self.mark, self.layout.size()) };
        }

        fn is_whole(&self) -> bool {
            self.bytes().iter().all(|it| *it == self.mark)
        }
    }

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    /// Carries the steps out; every block keeps what was written to it, whatever happens to the others.
    fn carry_out(heap: &Heap, steps: Vec<Step>) {
        let mut blocks: Vec<Block> = Vec::new();
        for (mark, step) in steps.into_iter().enumerate() {
            let mark = mark as u8;
            match step {
                Step::Alloc { size, align } => {
                    let layout = layout(size, align);
                    // SAFETY: the size is not zero.
                    let start = unsafe { heap.alloc_zeroed(layout) };
                    assert!(start.addr().is_multiple_of(align));
                    let block = Block { start, layout, mark };
                    assert!(block.bytes().iter().all(|it| *it == 0));
                    block.fill();
                    blocks.push(block);
                }
                Step::Free(place) if !blocks.is_empty() => {
                    let block = blocks.swap_remove(place % blocks.len());
                    assert!(block.is_whole());
                    // SAFETY: it came from there with this layout.
                    unsafe { heap.dealloc(block.start, block.layout) };
                }
                Step::Resize(place, size) if !blocks.is_empty() => {
                    let place = place % blocks.len();
                    let block = &mut blocks[place];
                    assert!(block.is_whole());
                    let before = block.layout.size();
                    // SAFETY: it came from there with this layout.
                    block.start = unsafe { heap.realloc(block.start, block.layout, size) };
                    block.layout = layout(size, block.layout.align());
                    assert!(block.bytes()[..before.min(size)].iter().all(|it| *it == block.mark));
                    block.fill();
                }
                Step::Free(_) | Step::Resize(..) => {}
            }
        }
        for block in blocks {
            assert!(block.is_whole());
            // SAFETY: it came from there with this layout.
            unsafe { heap.dealloc(block.start, block.layout) };
        }
    }

    fn new() -> Box<Heap> {
        // SAFETY: a heap that is all zero is a new one.
        unsafe { Box::<Heap>::new_zeroed().assume_init() }
    }

    proptest! {
        #[test]
        fn blocks_keep_what_is_written_to_them(steps in vec(step(), 0..400)) {
            let heap = new();
            heap.claim();
            carry_out(&heap, steps.clone());
            CLAIMED.set(0);
            // A thread that has not claimed it is served as well.
            carry_out(&heap, steps);
        }
    }

    #[test]
    fn a_region_that_is_full_leaves_the_rest_to_the_system() {
        let heap = new();
        heap.claim();
        let n_blocks = REGION_BYTES / BLOCK_BYTES_MAX + 10;
        let steps = vec![Step::Alloc { size: BLOCK_BYTES_MAX, align: 16 }; n_blocks];
        carry_out(&heap, steps.clone());
        carry_out(&heap, steps);
        CLAIMED.set(0);
    }

    #[test]
    fn what_was_freed_is_handed_out_again() {
        let heap = new();
        heap.claim();
        let layout = layout(40, 8);
        // SAFETY: the size is not zero.
        let one = unsafe { heap.alloc(layout) };
        // SAFETY: the same.
        let two = unsafe { heap.alloc(layout) };
        // SAFETY: it came from there with this layout.
        unsafe { heap.dealloc(one, layout) };
        // SAFETY: the size is not zero.
        assert_eq!(unsafe { heap.alloc(layout) }, one);
        // SAFETY: it came from there with this layout.
        let grown = unsafe { heap.realloc(two, layout, 200) };
        assert_eq!(grown, two, "the last one grows where it lies");
        CLAIMED.set(0);
    }

    #[test]
    fn the_region_has_one_owner() {
        let heap = new();
        heap.claim();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                heap.claim();
                assert!(!heap.is_owned());
            });
        });
        // SAFETY: the size is not zero.
        let block = unsafe { heap.alloc(layout(8, 8)) };
        assert!(heap.contains(block));
        let address = block.addr();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // SAFETY: it came from there with this layout; what another thread frees is lost.
                unsafe { heap.dealloc(heap.base().with_addr(address), layout(8, 8)) };
            });
        });
        // SAFETY: the size is not zero.
        assert_ne!(unsafe { heap.alloc(layout(8, 8)) }, block);
        CLAIMED.set(0);
    }
}
