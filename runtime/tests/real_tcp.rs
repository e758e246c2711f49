//! TCP in the real world.

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::runtime::Runtime;

fn run<F: Future>(future: F) -> F::Output {
    Runtime::new().unwrap().block_on(future)
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let client = client.await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

#[test]
fn eight_mebibytes_come_back_unchanged() {
    run(async {
        let (client, server) = pair().await;
        let echo = simoom::spawn(async move {
            let (mut reader, mut writer) = server.into_split();
            simoom::io::copy(&mut reader, &mut writer).await.unwrap()
        });
        let sent: Vec<u8> = (0..8u32 << 20)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let (mut reader, mut writer) = client.into_split();
        let expected = sent.clone();
        let sending = simoom::spawn(async move {
            writer.write_all(&sent).await.unwrap();
        });
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        sending.await.unwrap();
        assert_eq!(echo.await.unwrap(), 8 << 20);
        assert!(received == expected, "the bytes that came back are others");
    });
}
