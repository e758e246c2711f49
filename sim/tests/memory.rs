//! What runs leave behind. Alone in its process: other tests allocate as they like.

use simoom::io::AsyncWriteExt;
use simoom::net::{TcpListener, TcpStream};
use simoom_sim::{Config, Sim, check};

#[test]
fn memory_does_not_grow_with_seeds() {
    let rss = || {
        let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = status
            .split(' ')
            .nth(1)
            .and_then(|text| text.parse::<u64>().ok());
        pages.unwrap_or(0) * 4
    };
    let small = |_: Sim| async {
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        let (client, server) = simoom::join!(TcpStream::connect("127.0.0.1:80"), listener.accept());
        client.unwrap().write_all(&[0; 1_000]).await.unwrap();
        drop(server);
    };
    check(Config::default().persist(false).seeds(2_000), small).unwrap();
    let before = rss();
    check(Config::default().persist(false).seeds(20_000), small).unwrap();
    let grown = rss().saturating_sub(before);
    assert!(grown < 6_000, "20 000 runs left {grown} KiB behind");
}
