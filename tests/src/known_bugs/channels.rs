//! Messages that are lost, torn or left where nobody looks.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use simoom::io::{self, AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::{Mutex, Notify, mpsc, oneshot};
use simoom::task::{preemption_point, yield_now};
use simoom::time::{Instant, interval_at, sleep};
use simoom_sim::Sim;

use super::bug::{Bug, Twin, bug};
use super::parts::{all, ms};
use crate::kernels::spawn_local;

pub(super) const BUGS: [Bug; 7] = [
    bug! {
        torn_frame, Cancellation, "no frame begins so", seeds: 200,
        "https://github.com/vnvo/pgwire-replication/pull/6",
        "A replication client read frames with `read_exact` in one branch of `select!`. When \
         another branch won in the middle of a frame, what had been read of it was gone, and the \
         rest was taken for the next frame.",
    },
    bug! {
        hole_in_stream, Cancellation, "there is a hole in the stream", seeds: 100,
        "https://github.com/moq-dev/web-transport/pull/323",
        "`write_buf` took bytes out of the caller's buffer and then waited for room in a queue. When \
         it was dropped there, they were in neither, and the stream went on after them.",
    },
    bug! {
        lost_event, Cancellation, "deadlock", seeds: 100,
        "https://github.com/xline-kv/Xline/issues/339",
        "A loop made a new listener for each round of its `select!`. What happened while another \
         branch was at work found no listener and was lost.",
    },
    bug! {
        lost_in_permit, Loss, "a message is lost", seeds: 200,
        "https://github.com/tokio-rs/tokio/pull/8074",
        "`mpsc::Receiver::try_recv` called a closed channel disconnected while somebody still held \
         a permit to send. Whoever drained it so lost the message.",
    },
    bug! {
        sent_while_closed, Atomicity, "the value is gone", seeds: 500,
        "https://github.com/tokio-rs/tokio/issues/4225",
        "`oneshot::Sender::send` stored its value, set a flag, and took the value back if the \
         channel was closed. The receiver, which had closed it, saw the flag and took it too.",
    },
    bug! {
        missed_event, Order, "a payment was missed", seeds: 100,
        "https://github.com/cashubtc/cdk/pull/1023",
        "A subscription read the state first and was registered afterwards. What happened in \
         between was neither in the one nor told to the other.",
    },
    bug! {
        left_in_queue, Loss, "a stream was dropped", seeds: 100,
        "https://github.com/saorsa-labs/ant-quic/pull/201",
        "`accept_bi` selected between a queue of streams and the end of the endpoint. When both \
         were ready it could say that it is over, with streams left in the queue.",
    },
];

/// Sends frames, each of its length in two bytes and that many bytes of seven.
async fn send_frames(twin: Twin) -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:5432").await?;
    let (mut stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    for length in 4..8_u16 {
        stream.write_all(&length.to_be_bytes()).await?;
        twin.here();
        stream.write_all(&vec![7; usize::from(length)]).await?;
        sleep(ms(20)).await;
    }
    Ok(())
}

/// What was read of a frame so far. Outlives the future that reads.
#[derive(Default)]
struct Partial {
    bytes: Vec<u8>,
}

impl Partial {
    async fn frame(&mut self, stream: &mut TcpStream) -> io::Result<Vec<u8>> {
        loop {
            let missing = match self.bytes[..] {
                [high, low, ..] => {
                    2 + usize::from(u16::from_be_bytes([high, low])) - self.bytes.len()
                }
                _ => 2 - self.bytes.len(),
            };
            if missing == 0 {
                return Ok(std::mem::take(&mut self.bytes));
            }
            let mut part = vec![0; missing];
            match stream.read(&mut part).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.bytes.extend_from_slice(&part[..count]),
            }
        }
    }
}

async fn torn_frame(sim: Sim, twin: Twin) {
    sim.node("database").run(move || send_frames(twin));
    sleep(ms(1)).await;
    let mut stream = TcpStream::connect("database:5432").await.unwrap();
    let mut reports = interval_at(Instant::now() + ms(10), ms(10));
    let mut partial = Partial::default();
    let mut frames = 0;
    while frames < 4 {
        let next = async {
            if !twin.is_fixed() {
                partial = Partial::default();
            }
            partial.frame(&mut stream).await
        };
        simoom::select! {
            frame = next => {
                let frame = frame.unwrap_or_default();
                let is_whole = frame.len() == 6 + frames && frame[2..].iter().all(|it| *it == 7);
                assert!(is_whole, "no frame begins so: {frame:?}");
                frames += 1;
            }
            _ = reports.tick() => twin.here(),
        }
    }
}

/// Moves the next byte of `buffer` to `queue`.
async fn write_buf(buffer: &mut VecDeque<u8>, queue: &mpsc::Sender<u8>, twin: Twin) {
    if twin.is_fixed() {
        let place = queue.reserve().await.unwrap();
        if let Some(byte) = buffer.pop_front() {
            place.send(byte);
        }
    } else if let Some(byte) = buffer.pop_front() {
        queue.send(byte).await.unwrap();
    }
}

async fn hole_in_stream(_sim: Sim, twin: Twin) {
    let (queue, mut queued) = mpsc::channel(1);
    let (prefer, mut preferred) = mpsc::channel(1);
    let connection = spawn_local(async move {
        for expected in 0..6 {
            let byte = queued.recv().await;
            assert_eq!(byte, Some(expected), "there is a hole in the stream");
        }
    });
    let groups = spawn_local(async move {
        for priority in 0..2 {
            for _ in 0..16 {
                yield_now().await;
            }
            let _ = prefer.send(priority).await;
        }
    });
    let mut buffer: VecDeque<u8> = (0..6).collect();
    while !buffer.is_empty() {
        simoom::select! {
            () = write_buf(&mut buffer, &queue, twin) => {}
            Some(_) = preferred.recv() => twin.here(),
        }
    }
    drop(preferred);
    all(vec![connection, groups]).await;
}

async fn handle(request: u32, twin: Twin) {
    twin.here();
    for _ in 0..request {
        yield_now().await;
    }
}

async fn lost_event(_sim: Sim, twin: Twin) {
    let stop = Rc::new(Notify::new());
    let (requests, mut requested) = mpsc::channel(1);
    let watcher = {
        let stop = stop.clone();
        spawn_local(async move {
            let mut listener = None;
            loop {
                if !twin.is_fixed() {
                    listener = None;
                }
                let listens = listener.get_or_insert_with(|| Box::pin(stop.notified()));
                simoom::select! {
                    Some(request) = requested.recv() => handle(request, twin).await,
                    () = listens => return,
                }
            }
        })
    };
    for request in 0..3 {
        requests.send(request).await.unwrap();
        for _ in 0..8 {
            yield_now().await;
        }
    }
    stop.notify_waiters();
    watcher.await.unwrap();
}

async fn lost_in_permit(_sim: Sim, twin: Twin) {
    let (jobs, mut queue) = mpsc::channel(2);
    let sent = Rc::new(Cell::new(0));
    let producer = {
        let sent = sent.clone();
        spawn_local(async move {
            while let Ok(place) = jobs.reserve().await {
                twin.here();
                // The job is made.
                preemption_point().await;
                place.send(sent.get());
                sent.set(sent.get() + 1);
            }
        })
    };
    let mut received = 0;
    while received < 3 {
        queue.recv().await.unwrap();
        received += 1;
    }
    queue.close();
    if twin.is_fixed() {
        while queue.recv().await.is_some() {
            received += 1;
        }
    } else {
        while queue.try_recv().is_ok() {
            received += 1;
        }
    }
    producer.await.unwrap();
    assert_eq!(received, sent.get(), "a message is lost");
}

/// A channel for one value, each field of which is read and written on its own.
#[derive(Default)]
struct OneValue {
    value: RefCell<Option<u32>>,
    is_sent: Cell<bool>,
    is_closed: Cell<bool>,
}

impl OneValue {
    /// Gives the value back if nobody is going to take it.
    async fn send(&self, value: u32, twin: Twin) -> Result<(), u32> {
        self.value.replace(Some(value));
        preemption_point().await;
        let is_closed = self.is_closed.get();
        if !(twin.is_fixed() && is_closed) {
            self.is_sent.set(true);
        }
        twin.here();
        if !is_closed {
            return Ok(());
        }
        preemption_point().await;
        Err(self.value.take().expect("the value is gone"))
    }

    async fn close_and_take(&self) -> Option<u32> {
        self.is_closed.set(true);
        preemption_point().await;
        if self.is_sent.get() {
            preemption_point().await;
            self.value.take()
        } else {
            None
        }
    }
}

async fn sent_while_closed(_sim: Sim, twin: Twin) {
    let channel = Rc::new(OneValue::default());
    let sender = {
        let channel = channel.clone();
        spawn_local(async move {
            let _ = channel.send(7, twin).await;
        })
    };
    let receiver = spawn_local(async move {
        let _ = channel.close_and_take().await;
    });
    all(vec![sender, receiver]).await;
}

/// What was paid, and who is told of it.
#[derive(Default)]
struct Payments {
    paid: Mutex<Vec<u32>>,
    subscribers: Mutex<Vec<mpsc::UnboundedSender<u32>>>,
}

impl Payments {
    async fn pay(&self, amount: u32) {
        self.paid.lock().await.push(amount);
        for subscriber in self.subscribers.lock().await.iter() {
            let _ = subscriber.send(amount);
        }
    }

    async fn subscribe(&self, twin: Twin) -> mpsc::UnboundedReceiver<u32> {
        let (tell, told) = mpsc::unbounded_channel();
        if twin.is_fixed() {
            self.subscribers.lock().await.push(tell.clone());
        }
        for amount in self.paid.lock().await.iter() {
            let _ = tell.send(*amount);
        }
        twin.here();
        if !twin.is_fixed() {
            self.subscribers.lock().await.push(tell);
        }
        told
    }
}

async fn missed_event(_sim: Sim, twin: Twin) {
    let payments = Rc::new(Payments::default());
    let payer = {
        let payments = payments.clone();
        spawn_local(async move { payments.pay(5).await })
    };
    let mut told = payments.subscribe(twin).await;
    payer.await.unwrap();
    assert_eq!(told.try_recv(), Ok(5), "a payment was missed");
}

async fn left_in_queue(_sim: Sim, twin: Twin) {
    let (streams, mut opened) = mpsc::channel(4);
    let (end, mut ended) = oneshot::channel::<()>();
    let peer = spawn_local(async move {
        for stream in 0..3 {
            streams.send(stream).await.unwrap();
            for _ in 0..6 {
                yield_now().await;
            }
        }
        let _ = end.send(());
    });
    let mut accepted = 0;
    loop {
        let stream = simoom::select! {
            stream = opened.recv() => stream,
            _ = &mut ended => None,
        };
        twin.here();
        if stream.is_none() {
            break;
        }
        accepted += 1;
    }
    if twin.is_fixed() {
        while opened.recv().await.is_some() {
            accepted += 1;
        }
    }
    assert_eq!(accepted, 3, "a stream was dropped");
    peer.await.unwrap();
}
