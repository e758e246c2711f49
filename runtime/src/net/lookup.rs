//! Looking up names.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::task::ready;

use super::addr::{Named, ToSocketAddrs};
use crate::backend::{Backend, Op, OpKind};
use crate::{context, coop};

/// Looks up the addresses that `host` names, which must carry a port.
///
/// # Errors
/// When the name does not exist or cannot be looked up; when there is no port; outside a runtime,
/// unless the address is literal.
///
/// # Cancel safety
/// Safe. The operating system may go on with an abandoned lookup for a while.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// for addr in simoom::net::lookup_host("localhost:80").await.unwrap() {
///     assert!(addr.ip().is_loopback());
/// }
/// # });
/// ```
#[track_caller]
#[must_use = "futures do nothing unless awaited"]
pub fn lookup_host<T>(host: T) -> impl Future<Output = io::Result<impl Iterator<Item = SocketAddr>>>
where
    T: ToSocketAddrs,
{
    let named = host.named();
    let site = Location::caller();
    async move { Ok(resolve(named, site).await?.into_iter()) }
}

/// Turns `named` into addresses.
pub(super) async fn resolve(
    named: Named,
    site: &'static Location<'static>,
) -> io::Result<Vec<SocketAddr>> {
    let (host, port) = match named {
        Named::Known(addrs) => return Ok(addrs),
        Named::Invalid(error) => return Err(error),
        Named::Host { host, port } => (host, port),
    };
    let op = Op::private(OpKind::Resolve, site);
    let mut lookup = None;
    poll_fn(|cx| {
        let progress = ready!(coop::proceed(cx, &op));
        let lookup = match &mut lookup {
            Some(lookup) => lookup,
            none => none.insert(in_current(|backend| Ok(backend.resolve(&host, port)))?),
        };
        let addrs = ready!(lookup.as_mut().poll(cx));
        progress.done();
        addrs.into()
    })
    .await
}

/// Runs `f` with the runtime that new sockets belong to.
pub(crate) fn in_current<T>(f: impl FnOnce(&dyn Backend) -> io::Result<T>) -> io::Result<T> {
    context::with_current(|backend| match backend {
        Some(backend) => f(backend),
        None => Err(io::Error::other(
            "there is no simoom runtime here: use sockets inside `Runtime::block_on`, \
             `#[simoom::main]` or `#[simoom::test]`, or keep the guard of `Handle::enter`",
        )),
    })
}
