//! Servers to try the program out with, none of which needs the world outside. Ctrl-C ends them, and
//! tells what they have seen.

#[path = "../tests/site/mod.rs"]
mod site;

use std::io;
use std::time::Duration;

use hyper::StatusCode;
use simoom::asyncio::gather;
use simoom::net::TcpListener;
use simoom::select;
use simoom::signal::ctrl_c;

use site::Site;

#[simoom::main]
async fn main() -> io::Result<()> {
    let site = Site::knowing(ms(600), ms(700), ms(1200))
        .titled("/quick", ms(5))
        .titled("/slow", ms(8000))
        .refusing("/gone", StatusCode::GONE);
    let servers = ["summary", "search", "news"].map(|name| {
        let site = site.clone();
        async move {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            println!("--{name} http://{}", listener.local_addr()?);
            site.serve(listener).await
        }
    });
    let stop = ctrl_c();
    select! {
        served = gather(servers) => drop(served.map_err(io::Error::other)?),
        stopped = stop => stopped?,
    }
    let seen = site.seen();
    println!(
        "{} requests, {} answers, {} requests at once, {} left",
        seen.begun.len(),
        seen.done.len(),
        seen.most,
        seen.now,
    );
    Ok(())
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}
