//! What a process reads and writes from its start: this program started once more, as a child.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;

use simoom::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, stderr, stdin, stdout};

const ROLE: &str = "SIMOOM_STDIO_CHILD";

/// Starts the test `child` alone, in a process of its own.
fn start(role: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(ROLE, role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the child does; nothing in an ordinary run.
#[simoom::test]
async fn child() {
    match std::env::var(ROLE).as_deref() {
        Ok("lines") => {
            let mut lines = BufReader::new(stdin()).lines();
            while let Some(line) = lines.next_line().await.unwrap() {
                let line = format!("<{line}>\n");
                let mut out = stdout();
                out.write_all(line.as_bytes()).await.unwrap();
                out.flush().await.unwrap();
                let mut complaints = stderr();
                complaints
                    .write_all(line.to_uppercase().as_bytes())
                    .await
                    .unwrap();
                complaints.flush().await.unwrap();
            }
        }
        Ok("bytes") => {
            let mut bytes = Vec::new();
            stdin().read_to_end(&mut bytes).await.unwrap();
            let mut out = stdout();
            out.write_all(&bytes).await.unwrap();
            out.shutdown().await.unwrap();
        }
        Ok("closed") => {
            // The other end of the output is closed before there is any input.
            stdin().read_u8().await.unwrap();
            let mut out = stdout();
            out.write_all(b"x").await.unwrap();
            let error = out.flush().await.unwrap_err();
            eprintln!("<{:?}>", error.kind());
        }
        _ => {}
    }
}

#[test]
fn lines_come_and_go() {
    let mut child = start("lines");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"one\ntwo\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(said.contains("<one>\n<two>\n"), "{said}");
    assert!(complained.contains("<ONE>\n<TWO>\n"), "{complained}");
}

#[test]
fn many_bytes_are_all_written() {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| b'a' + (i % 23) as u8).collect();
    let mut child = start("bytes");
    let mut input = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let writer = thread::spawn(move || input.write_all(&sent).unwrap());
    let mut said = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut said).unwrap();
    writer.join().unwrap();
    assert!(child.wait().unwrap().success());
    // The harness says something before and after.
    assert!(said.windows(bytes.len()).any(|part| part == bytes));
}

#[test]
fn an_output_that_nobody_reads_is_an_error() {
    let mut child = start("closed");
    let mut said = child.stdout.take().unwrap();
    // What the harness says first; then the pipe has no reader.
    let mut start = [0; 1];
    said.read_exact(&mut start).unwrap();
    drop(said);
    child.stdin.take().unwrap().write_all(b"x").unwrap();
    let mut complained = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut complained)
        .unwrap();
    child.wait().unwrap();
    assert!(complained.contains("<BrokenPipe>"), "{complained}");
}

#[test]
#[should_panic(expected = "outside a simoom runtime")]
fn handles_belong_to_a_runtime() {
    let _ = stdout();
}
