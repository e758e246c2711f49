//! What the checks of the whole project share, and the pages whose examples are tests.

pub mod asyncio;
mod both;
#[cfg(target_os = "linux")]
pub mod conformance;
pub mod from_tokio;
pub mod fuzz;
pub mod kernels;
pub mod known_bugs;
pub mod page;
pub mod primitives;
mod programs;
pub mod scripts;
pub mod workload;

pub use self::both::*;
pub use self::programs::register as register_programs;

/// The README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub mod readme {}

/// The book, but for the quickstart: `docs/quickstart-check` runs that one as it stands.
#[cfg(doctest)]
pub mod book {
    #[doc = include_str!("../../docs/book/src/introduction.md")]
    pub mod introduction {}

    #[doc = include_str!("../../docs/book/src/testing.md")]
    pub mod testing {}

    #[doc = include_str!("../../docs/book/src/command-line.md")]
    pub mod command_line {}

    #[doc = include_str!("../../docs/book/src/explaining.md")]
    pub mod explaining {}

    #[doc = include_str!("../../docs/book/src/timeline.md")]
    pub mod timeline {}

    #[doc = include_str!("../../docs/book/src/nodes.md")]
    pub mod nodes {}

    #[doc = include_str!("../../docs/book/src/configuration.md")]
    pub mod configuration {}

    #[doc = include_str!("../../docs/book/src/strategies.md")]
    pub mod strategies {}

    #[doc = include_str!("../../docs/book/src/property-testing.md")]
    pub mod property_testing {}

    #[doc = include_str!("../../docs/book/src/fuzzing.md")]
    pub mod fuzzing {}

    #[doc = include_str!("../../docs/book/src/checking.md")]
    pub mod checking {}

    #[doc = include_str!("../../docs/book/src/cancellation.md")]
    pub mod cancellation {}

    #[doc = include_str!("../../docs/book/src/groups.md")]
    pub mod groups {}
    #[doc = include_str!("../../docs/book/src/from-asyncio.md")]
    pub mod from_asyncio {}

    #[doc = include_str!("../../docs/book/src/faults.md")]
    pub mod faults {}

    #[doc = include_str!("../../docs/book/src/files.md")]
    pub mod files {}

    #[doc = include_str!("../../docs/book/src/processes.md")]
    pub mod processes {}

    #[doc = include_str!("../../docs/book/src/production.md")]
    pub mod production {}

    #[doc = include_str!("../../docs/book/src/debugging.md")]
    pub mod debugging {}

    #[cfg(feature = "ecosystem")]
    #[doc = include_str!("../../docs/book/src/http.md")]
    pub mod http {}

    #[doc = include_str!("../../docs/book/src/determinism.md")]
    pub mod determinism {}

    #[doc = include_str!("../../docs/book/src/migrating.md")]
    pub mod migrating {}

    #[doc = include_str!("../../docs/book/src/from-tokio.md")]
    pub mod from_tokio {}
}
