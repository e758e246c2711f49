//! Requests.
//!
//! Owns that each has a deadline, and that there are not too many of them. Knows nothing of what is
//! asked.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Uri;
use serde::de::DeserializeOwned;
use simoom::http;
use simoom::sync::Semaphore;
use simoom::time::timeout;

use crate::Failure;

/// What a [`Client`] allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a request may take, from its turn to the last byte of the answer. Default 5 s.
    pub patience: Duration,
    /// How many requests there are at most at a time; others wait for their turn. Default 10.
    pub at_once: usize,
    /// How long an answer may be. Default 1 MiB.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(5),
            at_once: 10,
            body_bytes_max: 1 << 20,
        }
    }
}

/// Asks servers for JSON over HTTP/1.1. A clone shares the limits and the connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: http::Client<Empty<Bytes>>,
    limits: Limits,
    turns: Arc<Semaphore>,
}

impl Client {
    /// A client without connections.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            http: http::client(),
            limits,
            turns: Arc::new(Semaphore::new(limits.at_once)),
        }
    }

    /// What is at `url`.
    ///
    /// # Errors
    /// Every [`Failure`] but those of files; `TimedOut` at the latest after the client's patience,
    /// counted from when it was this request's turn.
    ///
    /// # Cancel safety
    /// A request that is given up gives its turn to the next, and its connection is closed.
    pub async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, Failure> {
        let _turn = self.turns.acquire().await.map_err(|_| Failure::Stopped)?;
        let patience = self.limits.patience;
        match timeout(patience, self.body(url)).await {
            Ok(body) => serde_json::from_slice(&body?).map_err(Failure::Unreadable),
            Err(_) => Err(Failure::TimedOut(patience)),
        }
    }

    async fn body(&self, url: &str) -> Result<Bytes, Failure> {
        let url: Uri = url.parse().map_err(broken)?;
        let response = self.http.get(url).await.map_err(broken)?;
        if !response.status().is_success() {
            return Err(Failure::Refused(response.status()));
        }
        let body = Limited::new(response.into_body(), self.limits.body_bytes_max);
        let body = body.collect().await.map_err(Failure::Broken)?;
        Ok(body.to_bytes())
    }
}

fn broken(error: impl Error + Send + Sync + 'static) -> Failure {
    Failure::Broken(error.into())
}
