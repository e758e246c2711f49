//! TLS by rustls.

use std::io::ErrorKind;
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::task::JoinHandle;
use simoom_tests::both;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A server and a client that trusts it.
pub(super) fn configs() -> (TlsAcceptor, TlsConnector) {
    let (server, client) = parts();
    (server.into(), client.into())
}

/// What a server and a client that trusts it are made of.
pub(super) fn parts() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let signed = rcgen::generate_simple_self_signed(["server.test".to_owned()]).unwrap();
    let certificate = signed.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], PrivateKeyDer::from(key))
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

/// Echoes what comes over TLS, for one connection.
pub(super) async fn echo(listener: TcpListener, acceptor: TlsAcceptor) {
    let (stream, _) = listener.accept().await.unwrap();
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let (mut reader, mut writer) = simoom::io::split(stream);
    simoom::io::copy(&mut reader, &mut writer).await.unwrap();
    writer.shutdown().await.unwrap();
}

/// A connection to a server, which `serve` runs for one.
pub(super) async fn connected<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(TcpListener) -> F,
) -> (TcpStream, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = simoom::spawn(serve(listener));
    (TcpStream::connect(addr).await.unwrap(), server)
}

/// More than fits into one record.
pub(super) fn many_bytes() -> Vec<u8> {
    (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect()
}

pub(super) fn name(text: &'static str) -> ServerName<'static> {
    ServerName::try_from(text).unwrap()
}

both! {
    async fn a_secure_stream_carries_bytes() {
        let (acceptor, connector) = configs();
        let (stream, server) = connected(|listener| echo(listener, acceptor)).await;
        let mut stream = connector.connect(name("server.test"), stream).await.unwrap();
        let sent = many_bytes();
        let (mut reader, mut writer) = simoom::io::split(&mut stream);
        let writing = async {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut received = Vec::new();
        let reading = async {
            reader.read_to_end(&mut received).await.unwrap();
        };
        simoom::join!(writing, reading);
        assert!(received == sent);
        server.await.unwrap();
    }

    async fn a_server_under_another_name_is_not_trusted() {
        let (acceptor, connector) = configs();
        let (stream, server) = connected(|listener| echo(listener, acceptor)).await;
        let error = connector.connect(name("other.test"), stream).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        server.await.unwrap();
    }
}
