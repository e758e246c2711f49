//! Canaries of the operating system's limits.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use simoom::net::{TcpListener, TcpStream};
use simoom::time::{Duration, sleep};
use simoom_sim::Kind;

use crate::Canary;

pub(crate) const CANARIES: &[Canary] = &[Canary::new(Kind::OsDescriptorsExhausted, |sim| {
    Box::pin(async move {
        let failed = Rc::new(Cell::new(false));
        let noticed = failed.clone();
        sim.node("server").spawn(async move {
            let listener = TcpListener::bind("0.0.0.0:80").await?;
            let accepted = listener.accept().await.map(|_| ());
            let is_full = |error: &io::Error| error.raw_os_error() == Some(libc::EMFILE);
            noticed.set(accepted.as_ref().is_err_and(is_full));
            sleep(Duration::from_secs(1)).await;
            accepted
        });
        let client = sim.node("client").spawn(async {
            sleep(Duration::from_millis(100)).await;
            let stream = TcpStream::connect("server:80").await;
            sleep(Duration::from_millis(500)).await;
            stream.map(|_| ())
        });
        let connected = client.await.expect("the client ends");
        connected.expect("the attempt waits in the queue");
        failed.get()
    })
})];
