//! A bound on memory for all tests.

use std::alloc::{GlobalAlloc, Layout, System};

/// No single allocation of a test may be larger: one that is ends the run.
const LARGEST: usize = 256 << 20;
/// But for whole pages: matrix products take room for twice the processor's cache, and use what they need of it.
const PAGE: usize = 4096;

struct Watched;

#[allow(unsafe_code)]
// SAFETY: what is not refused is what the system does.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match layout.size() > LARGEST && layout.align() < PAGE {
            true => std::ptr::null_mut(),
            false => unsafe { System.alloc(layout) },
        }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static WATCHED: Watched = Watched;
