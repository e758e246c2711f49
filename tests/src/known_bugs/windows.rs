//! Flow control: what is held by one stream and needed by another.

use std::rc::Rc;

use simoom::sync::oneshot;
use simoom_sim::Sim;

use super::bug::{Bug, Twin, bug};
use super::parts::{Semaphore, all};
use crate::kernels::spawn_local;

pub(super) const BUGS: [Bug; 2] = [
    bug! {
        kept_byte, Deadlock, "deadlock", seeds: 100,
        "https://github.com/hyperium/hyper/issues/4003",
        "While it waited for more of a body, a request kept one byte of the connection's window \
         for itself. The server gives more when all of it is used, and the request whose answer \
         the body needs could not send its last byte.",
    },
    bug! {
        unopened_streams, Deadlock, "deadlock", seeds: 100,
        "https://github.com/hyperium/h2/pull/860",
        "Streams that waited to be opened were given parts of the connection's window. With all of \
         it in their hands, the open ones had nothing to go on with.",
    },
];

/// The window of a connection. The peer opens it again when nothing is left of it.
struct Window {
    bytes: Rc<Semaphore>,
}

impl Window {
    const SIZE: u32 = 4;

    fn new() -> Rc<Self> {
        Rc::new(Self {
            bytes: Semaphore::new(Self::SIZE),
        })
    }
}

async fn kept_byte(_sim: Sim, twin: Twin) {
    let window = Window::new();
    let (answer, answered) = oneshot::channel();
    let asks = {
        let window = window.clone();
        spawn_local(async move {
            let _byte = window.bytes.acquire(1).await;
            answer.send(()).unwrap();
        })
    };
    let streams = spawn_local(async move {
        let _sent = window.bytes.acquire(Window::SIZE - 1).await;
        twin.here();
        if twin.is_fixed() {
            answered.await.unwrap();
            let _next = window.bytes.acquire(1).await;
        } else {
            let _next = window.bytes.acquire(1).await;
            answered.await.unwrap();
        }
    });
    all(vec![asks, streams]).await;
}

async fn unopened_streams(_sim: Sim, twin: Twin) {
    let window = Window::new();
    let open = Semaphore::new(1);
    let stream = |_| {
        let (window, open) = (window.clone(), open.clone());
        spawn_local(async move {
            if twin.is_fixed() {
                let _opened = open.acquire(1).await;
                let _head = window.bytes.acquire(2).await;
                let _body = window.bytes.acquire(2).await;
            } else {
                let _head = window.bytes.acquire(2).await;
                twin.here();
                let _opened = open.acquire(1).await;
                let _body = window.bytes.acquire(2).await;
            }
        })
    };
    all((0..3).map(stream).collect()).await;
}
