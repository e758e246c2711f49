//! Streams of bytes and servers: giving up an operation loses nothing.

use std::cell::RefCell;
use std::rc::Rc;

use simoom::asyncio::{StreamReader, serve};
use simoom::io::{AsyncReadExt, AsyncWriteExt, duplex};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::Mutex;
use simoom::task::yield_now;

use super::Parties;
use super::injection::ends;

pub(super) async fn lines(parties: Parties) {
    let (reader, mut writer) = duplex(4);
    let reader = Rc::new(Mutex::new(StreamReader::new(reader)));
    let got = Rc::new(RefCell::new(Vec::new()));
    let read = || {
        let (reader, got) = (reader.clone(), got.clone());
        async move {
            while got.borrow().len() < 4 {
                let mut reader = reader.lock().await;
                if got.borrow().len() == 4 {
                    break;
                }
                let count = got.borrow().len();
                let line = match count % 2 {
                    0 => reader.read_line().await,
                    _ => reader.read_exact(6).await,
                };
                got.borrow_mut().push(line.expect("there is more"));
            }
        }
    };
    let reading = vec![parties.start(read()), parties.start(read())];
    let write = async {
        for number in 0..4 {
            let line = format!("line{number}\n");
            writer.write_all(line.as_bytes()).await.expect("it is read");
            yield_now().await;
        }
    };
    let rest = async {
        ends(reading).await;
        read().await;
    };
    simoom::join!(write, rest);
    assert_eq!(got.take().concat(), b"line0\nline1\nline2\nline3\n");
}

pub(super) async fn socket(parties: Parties) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let connecting = TcpStream::connect(address);
    let (accepted, connected) = simoom::join!(listener.accept(), connecting);
    let mut client = connected.expect("it is listened for");
    let stream = accepted.expect("it has come").0;
    let (reader, mut writer) = stream.into_split();
    let reader = Rc::new(Mutex::new(reader));
    let got = Rc::new(RefCell::new(Vec::new()));
    let read = || {
        let (reader, got) = (reader.clone(), got.clone());
        async move {
            while got.borrow().len() < 8 {
                let mut reader = reader.lock().await;
                if got.borrow().len() == 8 {
                    break;
                }
                let mut bytes = [0; 3];
                let count = reader.read(&mut bytes).await.expect("it is connected");
                got.borrow_mut().extend_from_slice(&bytes[..count]);
            }
        }
    };
    let reading = vec![parties.start(read()), parties.start(read())];
    let write = async {
        for part in [b"abc", b"def"] {
            client.write_all(part).await.expect("it is connected");
            yield_now().await;
        }
        client.write_all(b"gh").await.expect("it is connected");
    };
    let rest = async {
        ends(reading).await;
        read().await;
    };
    simoom::join!(write, rest);
    assert_eq!(got.take(), b"abcdefgh");
    // What is left can be used.
    writer.write_all(b"end").await.expect("it is connected");
    let mut bytes = [0; 3];
    client.read_exact(&mut bytes).await.expect("it is sent");
    assert_eq!(&bytes, b"end");
}

pub(super) async fn server(parties: Parties) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let server = Rc::new(serve(listener, |mut stream: TcpStream, _from| async move {
        let mut bytes = [0; 4];
        while let Ok(count @ 1..) = stream.read(&mut bytes).await {
            if stream.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    }));
    let talking = [(); 2].map(|()| {
        parties.start(async move {
            // The server may have gone, where the simulator aborts its tasks.
            let mut stream = TcpStream::connect(address).await.ok()?;
            stream.write_all(b"ping").await.ok()?;
            let mut bytes = [0; 4];
            stream.read_exact(&mut bytes).await.ok()?;
            assert_eq!(&bytes, b"ping");
            Some(())
        })
    });
    ends(talking.into()).await;
    let waiting = [(); 2].map(|()| {
        let server = server.clone();
        parties.start(async move { drop(server.wait_closed().await) })
    });
    yield_now().await;
    server.close();
    ends(waiting.into()).await;
    drop(server.wait_closed().await);
    assert!(!server.is_serving());
    assert_eq!(server.connections(), 0);
}
