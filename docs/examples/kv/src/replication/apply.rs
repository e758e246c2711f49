//! What has come from a primary, and what becomes of it.
//!
//! Owns the order: safe, acknowledged, shown. Knows nothing of connections.

use std::io;
use std::time::Duration;

use simoom::time::sleep;

use crate::log::do_changes;
use crate::shared::Shared;
use crate::store::Both;

/// Shows what is safe, some commits at a time, as long as the log goes on.
///
/// Between two times it pauses: clients need the store as well, and what comes in the meantime is
/// shown together.
pub(crate) async fn apply(shared: &Shared) {
    while shared.log.wait_for_changes().await.is_ok() {
        {
            let store = &mut *shared.store.lock().await;
            let clock = Both::now();
            for record in shared.log.take_for_store() {
                let known = do_changes(&record, |change| store.follow(change, clock));
                debug_assert!(known.is_some(), "it was looked at when it came");
            }
            shared.publish(store);
        }
        sleep(PAUSE).await;
    }
}

/// Lets this server decide, once it shows everything that it has acknowledged.
///
/// # Errors
/// The log is broken.
pub(super) async fn promote(shared: &Shared) -> io::Result<()> {
    // A copy that is under way is all there is, or nothing of it.
    shared.log.settled().await?;
    // What was received may have been acknowledged, and its client told.
    if !cfg!(feature = "planted-stale-read") {
        shared.log.all_applied().await?;
    }
    let store = &mut *shared.store.lock().await;
    if shared.roles.take_over(store, &shared.log) {
        tracing::info!("replication.promoted");
    }
    Ok(())
}

/// How long clients have the store to themselves.
const PAUSE: Duration = Duration::from_millis(10);
