//! Accepting.

use std::future::poll_fn;
use std::task::Poll;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{UnixListener, UnixStream};
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

use super::name;

both! {
    async fn an_accept_waits_for_a_connection() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        let accepting = simoom::spawn(async move { listener.accept().await.unwrap().0 });
        settle().await;
        assert!(!accepting.is_finished());
        let mut client = UnixStream::connect(&name).await.unwrap();
        let mut server = accepting.await.unwrap();
        server.write_all(b"hi").await.unwrap();
        let mut bytes = [0; 2];
        client.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"hi");
    }

    async fn connections_are_accepted_in_their_order() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        let mut clients = Vec::new();
        for number in 0..5_u8 {
            let mut client = UnixStream::connect(&name).await.unwrap();
            client.write_u8(number).await.unwrap();
            clients.push(client);
        }
        for number in 0..5_u8 {
            let (mut server, _) = listener.accept().await.unwrap();
            assert_eq!(server.read_u8().await.unwrap(), number);
        }
    }

    async fn a_dropped_accept_takes_no_connection() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        assert!(timeout(Duration::from_millis(2), listener.accept()).await.is_err());
        let mut client = UnixStream::connect(&name).await.unwrap();
        client.write_all(b"x").await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 1);
    }

    async fn several_tasks_accept_from_one_listener() {
        let name = name();
        let listener = std::sync::Arc::new(UnixListener::bind(&name).unwrap());
        let accepting: Vec<_> = (0..3)
            .map(|_| {
                let listener = listener.clone();
                simoom::spawn(async move { listener.accept().await.unwrap().0 })
            })
            .collect();
        settle().await;
        for _ in 0..3 {
            UnixStream::connect(&name).await.unwrap();
        }
        for accepted in accepting {
            assert_eq!(accepted.await.unwrap().read(&mut [0; 8]).await.unwrap(), 0);
        }
    }

    async fn accepting_can_be_polled() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        poll_fn(|cx| {
            assert!(listener.poll_accept(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let _client = UnixStream::connect(&name).await.unwrap();
        let (_server, from) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        assert!(from.is_unnamed());
        assert!(listener.take_error().unwrap().is_none());
        assert!(format!("{listener:?}").contains("simoom-"));
    }

    async fn a_client_that_has_gone_is_accepted_all_the_same() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        drop(UnixStream::connect(&name).await.unwrap());
        let (mut server, _) = listener.accept().await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
