//! What the process brings along.

use std::io::ErrorKind;

use simoom::io::unix::AsyncFd;
use simoom::io::{AsyncReadExt, AsyncWriteExt, stderr, stdin, stdout};
use simoom_tests::both;

both! {
    async fn what_is_said_is_written() {
        for _ in 0..3 {
            let mut out = stdout();
            out.write_all(b"a line\n").await.unwrap();
            out.flush().await.unwrap();
        }
        let mut complaints = stderr();
        complaints.write_all(b"another\n").await.unwrap();
        complaints.shutdown().await.unwrap();
    }
}

#[test]
fn a_simulated_program_has_no_input() {
    simoom_tests::simulated(async || {
        let mut text = String::new();
        assert_eq!(stdin().read_to_string(&mut text).await.unwrap(), 0);
    });
}

#[test]
fn a_simulated_program_has_no_descriptors() {
    simoom_tests::simulated(async || {
        let standard_input = 0;
        let error = AsyncFd::new(standard_input).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error
                .to_string()
                .contains("use the sockets and pipes of `simoom::net`")
        );
    });
}
