//! A web server with pages that take their time, for tests and for trying the program out.
//!
//! Owns what it has seen: how many requests there were at once, and the order in which they ended.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use simoom::http;
use simoom::net::TcpListener;
use simoom::time::sleep;
use tower_service::Service;

/// A server, which is made page by page. A clone serves the same pages, and sees the same.
#[derive(Clone, Default)]
pub(crate) struct Site {
    pages: BTreeMap<String, Page>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Clone)]
struct Page {
    pause: Duration,
    status: StatusCode,
    body: String,
}

/// What a server has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// How many requests it works on.
    pub(crate) now: usize,
    /// How many there were at most at a time.
    pub(crate) most: usize,
    /// The paths that were asked for, in order.
    pub(crate) begun: Vec<String>,
    /// The paths that were answered, in order.
    pub(crate) done: Vec<String>,
}

impl Site {
    /// Has a page at `path`, which takes so long.
    pub(crate) fn page(mut self, path: &str, pause: Duration, body: &str) -> Self {
        let page = Page {
            pause,
            status: StatusCode::OK,
            body: body.to_owned(),
        };
        self.pages.insert(path.to_owned(), page);
        self
    }

    /// Has a page with a title.
    pub(crate) fn titled(self, path: &str, pause: Duration) -> Self {
        let title = format!(r#"{{"title": "the page {path}"}}"#);
        self.page(path, pause, &title)
    }

    /// Answers requests for `path` with a status alone.
    pub(crate) fn refusing(mut self, path: &str, status: StatusCode) -> Self {
        let page = Page {
            pause: Duration::ZERO,
            status,
            body: String::new(),
        };
        self.pages.insert(path.to_owned(), page);
        self
    }

    /// Knows what there is to know about deserts: as a summary, in a search and in the news, each of
    /// which takes so long.
    pub(crate) fn knowing(summary: Duration, search: Duration, news: Duration) -> Self {
        Self::default()
            .page(
                "/api/rest_v1/page/summary/deserts",
                summary,
                r#"{"title": "Deserts", "extract": "Deserts are dry. A simoom is a wind of deserts."}"#,
            )
            .page(
                "/w/api.php",
                search,
                r#"{"query": {"search": [{"title": "Simoom"}, {"title": "Sand dunes"}]}}"#,
            )
            .page(
                "/api/v1/search",
                news,
                r#"{"hits": [{"title": "Sand in the gears", "points": 12}]}"#,
            )
    }

    /// What it has seen so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Serves for ever.
    pub(crate) async fn serve(self, listener: TcpListener) -> io::Result<()> {
        http::serve(listener, self).await
    }
}

impl Service<Request<Incoming>> for Site {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let path = request.uri().path().to_owned();
        let page = self.pages.get(&path).cloned();
        let seen = self.seen.clone();
        Box::pin(async move {
            let mut response = Response::new(String::new());
            let Some(page) = page else {
                *response.status_mut() = StatusCode::NOT_FOUND;
                return Ok(response);
            };
            let _request = Working::new(&seen, &path);
            sleep(page.pause).await;
            seen.lock().unwrap().done.push(path);
            *response.status_mut() = page.status;
            *response.body_mut() = page.body;
            Ok(response)
        })
    }
}

/// A request that is worked on until it is dropped, be it that nobody waits for the answer any more.
struct Working(Arc<Mutex<Seen>>);

impl Working {
    fn new(seen: &Arc<Mutex<Seen>>, path: &str) -> Self {
        let mut now = seen.lock().unwrap();
        now.now += 1;
        now.most = now.most.max(now.now);
        now.begun.push(path.to_owned());
        Self(seen.clone())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.lock().unwrap().now -= 1;
    }
}
