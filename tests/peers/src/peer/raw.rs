//! The system calls alone: one edge-triggered epoll, no tasks.
//!
//! The server does as little as a correct server can: it reads once for each event, and once more
//! only if the buffer was filled. The client keeps one message under way on each connection.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};

use crate::echo::{BUFFER, MESSAGE};
use crate::measure::{Costs, Span};

/// Echoes on `connections` connections until their clients leave.
pub fn echo(connections: usize, messages: u64) -> Costs {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    crate::echo::announce(listener.local_addr().expect("a bound listener"));
    let poll = Poll::new();
    let mut streams = Vec::new();
    for index in 0..connections {
        let stream = listener.accept().expect("a client").0;
        stream.set_nonblocking(true).expect("an open socket");
        poll.add(stream.as_raw_fd(), index as u64);
        streams.push(stream);
    }
    let span = Span::start();
    let mut buffer = vec![0; BUFFER];
    let mut left = connections;
    while left > 0 {
        for index in poll.wait() {
            let stream = &mut streams[index as usize];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => {
                        left -= 1;
                        break;
                    }
                    Ok(count) => {
                        // The answer fits the socket's buffer: one message is under way.
                        stream.write_all(&buffer[..count]).expect("a living client");
                        if count < BUFFER {
                            break;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
    span.end(messages)
}

/// Sends `messages` messages over `connections` connections and checks what comes back.
pub fn client(port: u16, connections: usize, messages: u64) {
    let poll = Poll::new();
    let message = [b'x'; MESSAGE];
    let mut streams: Vec<(TcpStream, usize)> = (0..connections)
        .map(|index| {
            let stream = TcpStream::connect(("127.0.0.1", port)).expect("a listening server");
            stream.set_nodelay(true).expect("an open socket");
            stream.set_nonblocking(true).expect("an open socket");
            poll.add(stream.as_raw_fd(), index as u64);
            (stream, 0)
        })
        .collect();
    let mut sent = 0;
    for (stream, _) in &mut streams {
        stream.write_all(&message).expect("a living server");
        sent += 1;
    }
    let mut received = 0;
    let mut buffer = vec![0; BUFFER];
    while received < messages {
        for index in poll.wait() {
            let (stream, have) = &mut streams[index as usize];
            match stream.read(&mut buffer) {
                Ok(0) => panic!("the server left"),
                Ok(count) => {
                    assert!(buffer[..count].iter().all(|&byte| byte == b'x'));
                    *have += count;
                    if *have == MESSAGE {
                        *have = 0;
                        received += 1;
                        if sent < messages {
                            stream.write_all(&message).expect("a living server");
                            sent += 1;
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

struct Poll(RawFd);

impl Poll {
    fn new() -> Self {
        // SAFETY: the call has no preconditions.
        let descriptor = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        assert!(descriptor >= 0, "the system has descriptors left");
        Self(descriptor)
    }

    fn add(&self, descriptor: RawFd, number: u64) {
        let mut event = libc::epoll_event {
            events: (libc::EPOLLIN | libc::EPOLLET) as u32,
            u64: number,
        };
        // SAFETY: `event` is valid during the call.
        let result =
            unsafe { libc::epoll_ctl(self.0, libc::EPOLL_CTL_ADD, descriptor, &raw mut event) };
        assert_eq!(result, 0, "an open socket can be watched");
    }

    fn wait(&self) -> Vec<u64> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 256];
        // SAFETY: `events` is valid for that many writes during the call.
        let count = unsafe { libc::epoll_wait(self.0, events.as_mut_ptr(), 256, -1) };
        let count = usize::try_from(count).unwrap_or(0);
        events[..count].iter().map(|event| event.u64).collect()
    }
}
