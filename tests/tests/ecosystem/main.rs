//! Crates that were written for tokio, on simoom's streams, tasks and clock, in both worlds.

mod codec;
mod futures_tls;
mod http;
mod http_limits;
mod http_progress;
mod http_shutdown;
mod same;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use simoom::http::{Listener, Serve, serve};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::oneshot;
use simoom::task::JoinHandle;
use std::future::IntoFuture;

/// A listener that counts what it accepts.
struct Counting {
    listener: TcpListener,
    accepted: Arc<AtomicU32>,
}

impl Listener for Counting {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = self.listener.accept().await?;
        self.accepted.fetch_add(1, Ordering::Relaxed);
        Ok(accepted)
    }
}

/// A server that runs.
struct Server {
    addr: SocketAddr,
    accepted: Arc<AtomicU32>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    async fn start(router: Router) -> Self {
        Self::start_with(router, |server| server).await
    }

    /// Starts it with more settings.
    async fn start_with(
        router: Router,
        settings: impl FnOnce(Serve<Counting, Router>) -> Serve<Counting, Router>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicU32::new(0));
        let listener = Counting {
            listener,
            accepted: accepted.clone(),
        };
        let (stop, stopped) = oneshot::channel();
        let server = settings(serve(listener, router)).shutdown(async { drop(stopped.await) });
        let task = simoom::spawn(server.into_future());
        Self {
            addr,
            accepted,
            stop,
            task,
        }
    }

    fn uri(&self, path: &str) -> hyper::Uri {
        format!("http://{}{path}", self.addr).parse().unwrap()
    }

    fn accepted(&self) -> u32 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Stops it, and waits until it has.
    async fn stop(self) -> io::Result<()> {
        drop(self.stop);
        self.task.await.unwrap()
    }
}
