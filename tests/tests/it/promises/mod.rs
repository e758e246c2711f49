//! What asyncio promises of its own and no other room of these tests has: the numbers are those of
//! `docs/from-asyncio-checks.md`.

mod futures;
mod limits;
mod requests;
mod running;

use simoom::time::Duration;

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);
