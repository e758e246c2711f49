//! The bytes of a file, without those that were never written.

use std::collections::BTreeMap;

/// The unit in which a device writes: what a loss of power may tear.
pub(crate) const SECTOR: u64 = 512;

/// The unit in which space is taken.
pub(crate) const PAGE: u64 = 4096;

/// The bytes of a file. What was never written is zero and takes no room.
///
/// # Invariants
/// 1. No page lies wholly behind the end, and bytes of a page behind the end are zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bytes {
    pages: BTreeMap<u64, Box<[u8]>>,
    len: u64,
}

impl Bytes {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// How many pages it takes.
    pub(crate) fn pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// How many pages it would take more after a write.
    pub(crate) fn pages_missing(&self, offset: u64, count: u64) -> u64 {
        if count == 0 {
            return 0;
        }
        let (first, last) = (offset / PAGE, (offset + count - 1) / PAGE);
        last - first + 1 - self.pages.range(first..=last).count() as u64
    }

    /// At most `most` bytes from `offset` on.
    pub(crate) fn read(&self, offset: u64, most: usize) -> Vec<u8> {
        let count = self.len.saturating_sub(offset).min(most as u64);
        let mut bytes = vec![0; count as usize];
        if count == 0 {
            return bytes;
        }
        let (first, last) = (offset / PAGE, (offset + count - 1) / PAGE);
        for (&number, page) in self.pages.range(first..=last) {
            let start = (number * PAGE).max(offset);
            let end = ((number + 1) * PAGE).min(offset + count);
            let of_page = (start - number * PAGE) as usize..(end - number * PAGE) as usize;
            bytes[(start - offset) as usize..(end - offset) as usize]
                .copy_from_slice(&page[of_page]);
        }
        bytes
    }

    /// Writes `bytes` at `offset`; what is before may become longer.
    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len() as u64;
        let mut at = offset;
        while at < end {
            let number = at / PAGE;
            let stop = ((number + 1) * PAGE).min(end);
            let of_page = (at - number * PAGE) as usize..(stop - number * PAGE) as usize;
            let part = &bytes[(at - offset) as usize..(stop - offset) as usize];
            self.page_mut(number)[of_page].copy_from_slice(part);
            at = stop;
        }
        self.len = self.len.max(end);
    }

    /// Cuts off, or fills up with zeros.
    pub(crate) fn resize(&mut self, len: u64) {
        if len < self.len {
            let whole = len.div_ceil(PAGE);
            self.pages.split_off(&whole);
            if let Some(page) = self.pages.get_mut(&(len / PAGE)) {
                page[(len % PAGE) as usize..].fill(0);
            }
        }
        self.len = len;
    }

    /// A sector, whatever the length says.
    pub(crate) fn sector(&self, number: u64) -> [u8; SECTOR as usize] {
        let mut sector = [0; SECTOR as usize];
        let offset = number * SECTOR;
        if let Some(page) = self.pages.get(&(offset / PAGE)) {
            let start = (offset % PAGE) as usize;
            sector.copy_from_slice(&page[start..start + SECTOR as usize]);
        }
        sector
    }

    /// Replaces a sector; the length stays, so [`resize`](Self::resize) must follow.
    pub(crate) fn set_sector(&mut self, number: u64, sector: &[u8; SECTOR as usize]) {
        let offset = number * SECTOR;
        let start = (offset % PAGE) as usize;
        self.page_mut(offset / PAGE)[start..start + SECTOR as usize].copy_from_slice(sector);
    }

    /// Sets the length after sectors were replaced, whatever they hold behind it.
    pub(crate) fn end_at(&mut self, len: u64) {
        // Invariant 1 may not hold: what is behind the end was written by somebody whose length
        // was lost.
        self.len = u64::MAX;
        self.resize(len);
    }

    /// The sectors from `first` on that hold something.
    pub(crate) fn sectors_from(&self, first: u64) -> impl Iterator<Item = u64> {
        let per_page = PAGE / SECTOR;
        self.pages
            .range(first / per_page..)
            .flat_map(move |(&page, _)| page * per_page..(page + 1) * per_page)
            .filter(move |&sector| sector >= first)
    }

    fn page_mut(&mut self, number: u64) -> &mut [u8] {
        self.pages
            .entry(number)
            .or_insert_with(|| vec![0; PAGE as usize].into_boxed_slice())
    }
}
