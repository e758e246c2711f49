//! The codecs of `tokio-util`, and the traits of `futures::io`.

use futures::{AsyncReadExt as _, AsyncWriteExt as _, SinkExt, StreamExt};
use hyper::body::Bytes;
use simoom::net::{TcpListener, TcpStream, UnixStream};
use simoom_tests::both;
use tokio_util::codec::{Framed, LengthDelimitedCodec, LinesCodec, LinesCodecError};
use tokio_util::compat::TokioAsyncReadCompatExt;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

both! {
    async fn lines_are_framed() {
        let (client, server) = pair().await;
        let answering = simoom::spawn(async move {
            let mut lines = Framed::new(server, LinesCodec::new());
            // Its peer goes without reading the last answer, which resets the connection.
            while let Some(Ok(line)) = lines.next().await {
                if lines.send(line.to_uppercase()).await.is_err() {
                    break;
                }
            }
        });
        let mut lines = Framed::new(client, LinesCodec::new_with_max_length(100));
        for line in ["one", "", "three words here"] {
            lines.send(line).await.unwrap();
        }
        for line in ["ONE", "", "THREE WORDS HERE"] {
            assert_eq!(lines.next().await.unwrap().unwrap(), line);
        }
        lines.send("x".repeat(101)).await.unwrap();
        let error = lines.next().await.unwrap().unwrap_err();
        assert!(matches!(error, LinesCodecError::MaxLineLengthExceeded));
        drop(lines);
        answering.await.unwrap();
    }

    async fn lengths_delimit_frames() {
        let (one, two) = UnixStream::pair().unwrap();
        let mut frames = LengthDelimitedCodec::builder().new_framed(one);
        let sending = simoom::spawn(async move {
            for length in [0, 1, 70_000, 5] {
                frames.send(Bytes::from(vec![7; length])).await.unwrap();
            }
        });
        let mut frames = LengthDelimitedCodec::builder().new_framed(two);
        let mut lengths = Vec::new();
        while let Some(frame) = frames.next().await {
            lengths.push(frame.unwrap().len());
        }
        assert_eq!(lengths, [0, 1, 70_000, 5]);
        sending.await.unwrap();
    }

    async fn the_traits_of_futures_are_there_through_an_adapter() {
        let (client, server) = pair().await;
        let (mut client, mut server) = (client.compat(), server.compat());
        client.write_all(b"question").await.unwrap();
        client.close().await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "question");
    }
}
