//! The streams that the combinators of [`StreamExt`](super::StreamExt) return.

mod chunks_timeout;
mod deadline;
mod fuse;
mod merge;
mod throttle;
mod timeout;
mod timeout_repeating;

pub use self::chunks_timeout::ChunksTimeout;
pub use self::merge::Merge;
pub use self::throttle::Throttle;
pub use self::timeout::Timeout;
pub use self::timeout_repeating::TimeoutRepeating;
