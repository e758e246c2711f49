//! What is answered to which request.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};

use hyper::{Method, Request, Response, StatusCode};

use super::metrics::{self, metrics};
use super::page::page;
use super::snapshot::{Snapshot, obstacle, phase};
use crate::phase::Phase;
use crate::shared::Shared;

/// Answers a request. What it sends beside its head is not looked at.
///
/// # Cancel safety
/// Safe: it only reads.
pub(super) async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Response<String> {
    let path = request.uri().path();
    if !matches!(path, "/" | "/metrics" | "/health" | "/ready") {
        let text = "there are /, /metrics, /health and /ready\n";
        return response(StatusCode::NOT_FOUND, PLAIN, text.into());
    }
    // The body of a response to HEAD is left out below.
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let text = "only GET and HEAD are allowed\n".into();
        let mut response = response(StatusCode::METHOD_NOT_ALLOWED, PLAIN, text);
        let headers = response.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match path {
        "/metrics" => {
            let text = metrics(Snapshot::take(&shared).await);
            response(StatusCode::OK, metrics::CONTENT_TYPE, text)
        }
        "/health" => well_unless(match phase(&shared) {
            Phase::Serving => None,
            phase => Some(phase.name()),
        }),
        "/ready" => well_unless(obstacle(&shared)),
        _ => {
            let text = page(&Snapshot::take(&shared).await);
            let mut response = response(StatusCode::OK, "text/html; charset=utf-8", text);
            let policy = "default-src 'none'; style-src 'unsafe-inline'";
            let headers = response.headers_mut();
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
            response
        }
    }
}

fn well_unless(obstacle: Option<&str>) -> Response<String> {
    match obstacle {
        None => response(StatusCode::OK, PLAIN, "ok\n".into()),
        Some(why) => response(StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("{why}\n")),
    }
}

fn response(status: StatusCode, kind: &'static str, text: String) -> Response<String> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

const PLAIN: &str = "text/plain; charset=utf-8";
