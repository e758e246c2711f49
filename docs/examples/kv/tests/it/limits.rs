//! What a client can cost the server, and what it is told when it asks for too much.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::process::{Process, check_reply, read_to_end};

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

#[test]
fn malformed_input_is_answered_and_ends_its_connection_only() {
    let server = Process::start(&[]);
    let mut bystander = server.connect();
    for (input, complaint) in [
        (&b"*1\r\n:5\r\n"[..], "expected '$', got ':'"),
        (b"*x\r\n", "invalid multibulk length"),
        (b"*1\r\n$-5\r\n", "invalid bulk length"),
        (b"echo \"open\r\n", "unbalanced quotes in request"),
    ] {
        let mut stream = server.connect();
        // What follows is more than fits on the way, and is still being sent when the error is
        // found. It must spoil neither the reply nor the sending.
        let sent = [PING, input, &vec![b'x'; 8 << 20]].concat();
        stream.write_all(&sent).unwrap();
        let expected = format!("+PONG\r\n-ERR Protocol error: {complaint}\r\n");
        assert_eq!(read_to_end(stream), expected);
    }
    check_reply(&mut bystander, PING, "+PONG\r\n");
}

#[test]
fn a_request_beyond_its_limit_is_refused_before_it_is_received() {
    let server = Process::start(&["--max-request-bytes", "2000"]);
    let mut stream = server.connect();
    let value = "v".repeat(1900);
    check_reply(
        &mut stream,
        format!("SET a {value}\r\n").as_bytes(),
        "+OK\r\n",
    );
    stream
        .write_all(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1990\r\n")
        .unwrap();
    let refusal = "-ERR Protocol error: request larger than 2000 bytes\r\n";
    assert_eq!(read_to_end(stream), refusal);

    let mut stream = server.connect();
    stream.write_all(b"*2\r\n$4\r\nECHO\r\n$5000\r\n").unwrap();
    assert_eq!(
        read_to_end(stream),
        "-ERR Protocol error: invalid bulk length\r\n"
    );
}

#[test]
fn a_browser_is_turned_away() {
    let server = Process::start(&[]);
    let mut stream = server.connect();
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET a 1\r\n")
        .unwrap();
    assert_eq!(read_to_end(stream), "-ERR this is not an HTTP server\r\n");
    check_reply(&mut server.connect(), b"EXISTS a\r\n", ":0\r\n");
}

#[test]
fn quit_is_answered_before_the_connection_is_closed() {
    let server = Process::start(&[]);
    let mut stream = server.connect();
    stream.write_all(b"PING\r\nQUIT\r\nPING\r\n").unwrap();
    assert_eq!(read_to_end(stream), "+PONG\r\n+OK\r\n");
}

#[test]
fn a_client_that_stops_sending_still_gets_its_replies() {
    let server = Process::start(&[]);
    let mut stream = server.connect();
    stream.write_all(b"PING\r\nECHO hi\r\nPIN").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(stream), "+PONG\r\n$2\r\nhi\r\n");
}

#[test]
fn one_client_too_many_is_told_so() {
    let server = Process::start(&["--max-clients", "2"]);
    let mut first = server.connect();
    let mut second = server.connect();
    check_reply(&mut first, PING, "+PONG\r\n");
    check_reply(&mut second, PING, "+PONG\r\n");
    assert_eq!(
        read_to_end(server.connect()),
        "-ERR max number of clients reached\r\n"
    );
    check_reply(&mut second, PING, "+PONG\r\n");

    drop(first);
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        let mut third = server.connect();
        let mut reply = [0; 7];
        // The server may close before it is asked, so that asking fails.
        let asked = third
            .write_all(PING)
            .and_then(|()| third.read_exact(&mut reply));
        if asked.is_ok() && &reply == b"+PONG\r\n" {
            break;
        }
        assert!(
            Instant::now() < limit,
            "the place of a client that left is not given away"
        );
    }
}

#[test]
fn a_silent_client_is_closed_after_the_timeout() {
    let server = Process::start(&["--timeout", "1"]);
    let mut stream = server.connect();
    check_reply(&mut stream, PING, "+PONG\r\n");
    let silent_since = Instant::now();
    assert_eq!(read_to_end(stream), "");
    assert!(silent_since.elapsed() >= Duration::from_millis(990));
}

#[test]
fn a_client_that_reads_nothing_is_not_served_further() {
    const REQUEST_BYTES: usize = 100_000;
    let server = Process::start(&[]);
    let mut stream = server.connect();
    stream
        .set_write_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let message = "m".repeat(REQUEST_BYTES);
    let request = format!("*2\r\n$4\r\nECHO\r\n${REQUEST_BYTES}\r\n{message}\r\n");

    let (requests, unsent) = send_until_stuck(&mut stream, request.as_bytes());
    #[cfg(target_os = "linux")]
    {
        let memory = server.memory_bytes_max();
        assert!(
            memory < 32 << 20,
            "{memory} bytes are held for a client that reads nothing"
        );
    }
    check_reply(&mut server.connect(), PING, "+PONG\r\n");

    // Once it reads, it gets everything that it asked for.
    stream.set_write_timeout(None).unwrap();
    let mut sender = stream.try_clone().unwrap();
    let unsent = request.as_bytes()[request.len() - unsent..].to_vec();
    let sending = std::thread::spawn(move || {
        sender.write_all(&unsent).unwrap();
        sender.shutdown(Shutdown::Write).unwrap();
    });
    let reply = format!("${REQUEST_BYTES}\r\n{message}\r\n");
    assert_eq!(read_to_end(stream), reply.repeat(requests));
    sending.join().unwrap();
}

#[test]
fn small_requests_for_a_large_value_are_answered_as_they_are_read() {
    const VALUE_BYTES: usize = 100_000;
    const REQUESTS: usize = 2000;
    let server = Process::start(&[]);
    let value = "v".repeat(VALUE_BYTES);
    let mut stream = server.connect();
    let setting = format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${VALUE_BYTES}\r\n{value}\r\n");
    check_reply(&mut stream, setting.as_bytes(), "+OK\r\n");
    stream.write_all(&b"GET a\r\n".repeat(REQUESTS)).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();

    let reply = format!("${VALUE_BYTES}\r\n{value}\r\n");
    assert_eq!(read_to_end(stream).len(), REQUESTS * reply.len());
    #[cfg(target_os = "linux")]
    {
        let memory = server.memory_bytes_max();
        assert!(
            memory < 32 << 20,
            "{memory} bytes were held for unread replies"
        );
    }
}

#[test]
fn a_client_that_reads_nothing_is_closed_after_the_timeout() {
    let server = Process::start(&["--timeout", "1"]);
    let mut stream = server.connect();
    stream
        .set_write_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let request = format!("ECHO {}\r\n", "m".repeat(60_000));
    let limit = Instant::now() + Duration::from_secs(10);
    // Until sending fails for another reason than that there is no room.
    while matches!(
        stream
            .write(request.as_bytes())
            .map_err(|error| error.kind()),
        Ok(_) | Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)
    ) {
        assert!(Instant::now() < limit, "the connection is open");
    }
}

/// Sends `request` again and again until the server takes no more. Returns how many requests were
/// begun, and how many bytes of the last one were not sent.
fn send_until_stuck(stream: &mut TcpStream, request: &[u8]) -> (usize, usize) {
    for requests in 1..10_000 {
        let mut unsent = request;
        while !unsent.is_empty() {
            match stream.write(unsent) {
                Ok(sent) => unsent = &unsent[sent..],
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return (requests, unsent.len());
                }
                Err(error) => panic!("sending failed: {error}"),
            }
        }
    }
    panic!("the server takes 1 GB of requests from a client that reads no replies");
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_without_descriptors_waits_for_some() {
    let server = Process::start_with_descriptors(24);
    let clients: Vec<TcpStream> = (0..40).map(|_| server.connect()).collect();
    let mut last = clients.last().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    last.write_all(PING).unwrap();

    let before = server.processor_ticks();
    let refused = last.read(&mut [0; 7]).unwrap_err();
    assert!(
        matches!(refused.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{refused}"
    );
    let spent = server.processor_ticks() - before;
    assert!(
        spent < 20,
        "the server spent {spent} hundredths of a second on waiting for one"
    );

    let last = last.try_clone().unwrap();
    drop(clients);
    last.set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut reply = [0; 7];
    (&last).read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"+PONG\r\n");
}

#[test]
fn a_line_that_is_larger_as_it_is_kept_is_done_in_a_transaction() {
    let server = Process::start(&["--max-request-bytes", "2000"]);
    let mut stream = server.connect();
    let line = format!("DEL{}\r\n", " k".repeat(900));
    check_reply(&mut stream, b"MULTI\r\n", "+OK\r\n");
    check_reply(&mut stream, line.as_bytes(), "+QUEUED\r\n");
    check_reply(&mut stream, b"INCR n\r\n", "+QUEUED\r\n");
    check_reply(&mut stream, b"EXEC\r\n", "*2\r\n:0\r\n:1\r\n");
    check_reply(&mut stream, PING, "+PONG\r\n");
}

#[test]
fn a_transaction_has_one_limit_for_its_replies() {
    const VALUE_BYTES: usize = 1_000_000;
    let server = Process::start(&[]);
    let mut stream = server.connect();
    let value = "v".repeat(VALUE_BYTES);
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${VALUE_BYTES}\r\n{value}\r\n");
    check_reply(&mut stream, set.as_bytes(), "+OK\r\n");
    check_reply(&mut stream, b"RPUSH l kept\r\n", ":1\r\n");
    check_reply(&mut stream, b"MULTI\r\n", "+OK\r\n");
    for _ in 0..20 {
        check_reply(&mut stream, b"GET a\r\n", "+QUEUED\r\n");
    }
    let filler = format!("ECHO {}\r\n", "e".repeat(60_000));
    for _ in 0..20 {
        check_reply(&mut stream, filler.as_bytes(), "+QUEUED\r\n");
    }
    check_reply(&mut stream, b"INCR n\r\n", "+QUEUED\r\n");
    check_reply(&mut stream, b"LPOP l\r\n", "+QUEUED\r\n");
    let bulk = |text: &str| format!("${}\r\n{text}\r\n", text.len());
    let error = "-ERR reply larger than 16777216 bytes\r\n";
    // 16 values fit, and after them 12 of what is smaller.
    let expected = [
        "*42\r\n",
        &bulk(&value).repeat(16),
        &error.repeat(4),
        &bulk(&"e".repeat(60_000)).repeat(12),
        &error.repeat(8),
        ":1\r\n",
        &bulk("kept"),
    ];
    check_reply(&mut stream, b"EXEC\r\n", &expected.concat());
}
