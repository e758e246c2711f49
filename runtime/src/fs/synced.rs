//! Syncing a file, and telling of a write that failed before.
//!
//! Owns the future of [`File::sync_all`] and [`File::sync_data`]. Knows nothing of how anything is
//! written.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::file::{File, stream_of};
use super::operation::Operation;

/// The future of [`File::sync_all`] and [`File::sync_data`].
///
/// # Examples
/// ```
/// use simoom::fs::{self, File};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let path = std::env::temp_dir().join(format!("simoom-doc-synced-{}", std::process::id()));
/// # rt.block_on(async {
/// let file = File::create(&path).await?;
/// let synced: fs::Synced<'_> = file.sync_all();
/// synced.await?;
/// fs::remove_file(&path).await
/// # }).unwrap();
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Synced<'a> {
    file: &'a File,
    sync: Operation<()>,
    /// How the sync ended, if it has.
    ended: Option<io::Result<()>>,
}

impl<'a> Synced<'a> {
    pub(super) fn new(file: &'a File, sync: Operation<()>) -> Self {
        Self {
            file,
            sync,
            ended: None,
        }
    }

    /// Names another line as the user's.
    pub(super) fn called_at(&mut self, site: &'static Location<'static>) {
        self.sync.called_at(site);
    }
}

impl Future for Synced<'_> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ended.is_none() {
            this.ended = Some(ready!(Pin::new(&mut this.sync).poll(cx)));
        }
        // The sync came after the write, so the write is over, too.
        let written = ready!(stream_of(&this.file.stream).poll_written(cx));
        let synced = this.ended.take().expect("it is set above");
        Poll::Ready(written.and(synced))
    }
}

impl fmt::Debug for Synced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Synced").finish_non_exhaustive()
    }
}
