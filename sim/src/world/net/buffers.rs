//! Several buffers of one read, as readv(2) fills them.

use std::io::IoSliceMut;

/// How many bytes fit into all of them.
pub(super) fn room_of(targets: &[IoSliceMut<'_>]) -> usize {
    targets.iter().map(|target| target.len()).sum()
}

/// Calls `take` with the parts of `targets` that `count` bytes fill, one after the other.
pub(super) fn fill(targets: &mut [IoSliceMut<'_>], count: usize, mut take: impl FnMut(&mut [u8])) {
    let mut left = count;
    for target in targets {
        let some = target.len().min(left);
        take(&mut target[..some]);
        left -= some;
    }
}
