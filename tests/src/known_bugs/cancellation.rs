//! What is left behind by who gives up half way.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::mem::ManuallyDrop;
use std::rc::Rc;

use simoom::io::{self, AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::{Mutex, oneshot};
use simoom::time::{sleep, timeout};
use simoom_sim::{Node, Sim};

use super::bug::{Bug, Twin, bug};
use super::parts::{all, ms};
use crate::kernels::{spawn, spawn_local};

pub(super) const BUGS: [Bug; 5] = [
    bug! {
        crossed_reply, Cancellation, "the reply to another question", seeds: 100,
        "https://github.com/deadpool-rs/deadpool/issues/97",
        "A command to Redis was cancelled after it had been sent, and its connection went back to \
         the pool. Whoever got that connection next was given the reply to the cancelled command.",
    },
    bug! {
        lost_connection, Leak, "the pool stays empty", seeds: 100,
        "https://github.com/djc/bb8/issues/67",
        "A pool handed a connection to whoever had waited longest. Who had given up in the meantime \
         never took it, and it was not given to anybody else: later every `get` timed out.",
    },
    bug! {
        uncounted_connection, Leak, "the pool stays empty", seeds: 100,
        "https://github.com/mongodb/mongo-rust-driver/pull/234",
        "A connection whose operation was cancelled was closed, as it has to be, and still counted. \
         With each of them the pool allowed one less, and in the end none.",
    },
    bug! {
        abandoned_request, Cancellation, "deadlock", seeds: 200,
        "https://github.com/chroma-core/chroma/pull/6433",
        "Equal requests to a storage waited for the first of them. When that one was dropped, its \
         entry stayed, and those who waited for it, or came later, waited for good.",
    },
    bug! {
        registered_twice, Cancellation, "it was registered twice", seeds: 100,
        "https://github.com/tokio-rs/tokio/issues/4496",
        "The future that initialises a `OnceCell` is dropped with whoever polls it. What it had done \
         until then was done again by the next.",
    },
];

/// A database that answers each question, a number, with its double.
async fn database(twin: Twin) -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:27017").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        spawn(async move {
            while let Ok(question) = stream.read_u32().await {
                twin.here();
                if stream.write_u32(question * 2).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Starts the database, from which an answer usually takes two milliseconds, and up to sixteen.
pub(super) async fn start(sim: &Sim, twin: Twin) -> Node {
    sim.net().default_latency(ms(1), ms(8));
    let database = sim.node("database").run(move || database(twin));
    sleep(ms(1)).await;
    database
}

/// A connection, and whether an answer is still to come on it.
pub(super) struct Connection {
    stream: TcpStream,
    is_busy: bool,
}

impl Connection {
    pub(super) async fn open() -> Self {
        let stream = TcpStream::connect("database:27017").await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            is_busy: false,
        }
    }

    pub(super) async fn ask(&mut self, question: u32) -> u32 {
        self.is_busy = true;
        self.stream.write_u32(question).await.unwrap();
        let answer = self.stream.read_u32().await.unwrap();
        self.is_busy = false;
        answer
    }
}

async fn crossed_reply(sim: Sim, twin: Twin) {
    start(&sim, twin).await;
    let mut idle = None;
    for question in 0..5 {
        let mut connection = match idle.take() {
            Some(connection) => connection,
            None => Connection::open().await,
        };
        let answer = timeout(ms(12), connection.ask(question)).await;
        twin.here();
        if let Ok(answer) = answer {
            assert_eq!(answer, question * 2, "the reply to another question");
        }
        if !(twin.is_fixed() && connection.is_busy) {
            idle = Some(connection);
        }
    }
}

/// A pool of one connection, which goes to whoever has waited longest.
#[derive(Default)]
struct Pool {
    idle: RefCell<Option<Connection>>,
    waiters: RefCell<VecDeque<oneshot::Sender<Lease>>>,
}

/// A connection that goes back to its pool when it is dropped.
struct Lease {
    pool: Rc<Pool>,
    connection: Option<Connection>,
    twin: Twin,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.put_back(connection, self.twin);
        }
    }
}

impl Pool {
    async fn lease(self: &Rc<Self>, twin: Twin) -> Lease {
        if let Some(connection) = self.idle.take() {
            return self.of(connection, twin);
        }
        let (give, given) = oneshot::channel();
        self.waiters.borrow_mut().push_back(give);
        given.await.expect("the pool is there")
    }

    fn of(self: &Rc<Self>, connection: Connection, twin: Twin) -> Lease {
        Lease {
            pool: self.clone(),
            connection: Some(connection),
            twin,
        }
    }

    fn put_back(self: &Rc<Self>, connection: Connection, twin: Twin) {
        let next = self.waiters.borrow_mut().pop_front();
        let Some(next) = next else {
            self.idle.replace(Some(connection));
            return;
        };
        if let Err(mut lease) = next.send(self.of(connection, twin))
            && !twin.is_fixed()
        {
            // Nobody waits there any more.
            lease.connection = None;
        }
    }
}

async fn lost_connection(sim: Sim, twin: Twin) {
    start(&sim, twin).await;
    let pool = Rc::new(Pool::default());
    pool.put_back(Connection::open().await, twin);
    let user = |question: u32| {
        let pool = pool.clone();
        spawn_local(async move {
            let Ok(mut lease) = timeout(ms(9), pool.lease(twin)).await else {
                return;
            };
            twin.here();
            let connection = lease.connection.as_mut().expect("it is leased");
            assert_eq!(connection.ask(question).await, question * 2);
        })
    };
    all((0..3).map(user).collect()).await;
    let later = timeout(ms(1_000), pool.lease(twin)).await;
    assert!(later.is_ok(), "the pool stays empty");
}

/// How many connections there are, of two that there may be.
#[derive(Default)]
struct Counted {
    total: Cell<u32>,
    idle: RefCell<Vec<Connection>>,
}

/// One of them. What becomes of it when it is dropped depends on its state.
struct Counts {
    pool: Rc<Counted>,
    connection: Option<Connection>,
    twin: Twin,
}

impl Counted {
    async fn take(self: &Rc<Self>, twin: Twin) -> Option<Counts> {
        let mut connection = self.idle.borrow_mut().pop();
        if connection.is_none() {
            if self.total.get() == 2 {
                return None;
            }
            self.total.set(self.total.get() + 1);
            connection = Some(Connection::open().await);
        }
        Some(Counts {
            pool: self.clone(),
            connection,
            twin,
        })
    }
}

impl Drop for Counts {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if !connection.is_busy {
            self.pool.idle.borrow_mut().push(connection);
        } else if self.twin.is_fixed() {
            self.pool.total.set(self.pool.total.get() - 1);
        }
    }
}

async fn uncounted_connection(sim: Sim, twin: Twin) {
    start(&sim, twin).await;
    let pool = Rc::new(Counted::default());
    for question in 0..6 {
        let taken = pool.take(twin).await;
        let mut taken = taken.expect("the pool stays empty");
        twin.here();
        let connection = taken.connection.as_mut().expect("it was taken");
        if let Ok(answer) = timeout(ms(11), connection.ask(question)).await {
            assert_eq!(answer, question * 2);
        }
    }
}

/// A client that is made when it is first needed, and registers itself for that.
#[derive(Clone, Default)]
struct Lazy {
    client: Rc<Mutex<Option<u32>>>,
    registrations: Rc<Cell<u32>>,
}

impl Lazy {
    async fn initialise(self) {
        let mut client = self.client.lock().await;
        if client.is_none() {
            self.registrations.set(self.registrations.get() + 1);
            let answer = Connection::open().await.ask(21).await;
            *client = Some(answer);
        }
    }
}

async fn registered_twice(sim: Sim, twin: Twin) {
    start(&sim, twin).await;
    let lazy = Lazy::default();
    let user = |_| {
        let lazy = lazy.clone();
        spawn_local(async move {
            let initialised = lazy.initialise();
            twin.here();
            if twin.is_fixed() {
                let _ = timeout(ms(20), spawn_local(initialised)).await;
            } else {
                let _ = timeout(ms(20), initialised).await;
            }
        })
    };
    all((0..3).map(user).collect()).await;
    // Who comes later finds it made.
    lazy.clone().initialise().await;
    assert_eq!(lazy.registrations.get(), 1, "it was registered twice");
}

/// Requests that are under way, and who waits for each.
#[derive(Default)]
struct Requests {
    waiters: RefCell<BTreeMap<u32, Vec<oneshot::Sender<u32>>>>,
}

/// Takes the entry of a request away when its driver is gone.
struct Driver<'a> {
    requests: &'a Requests,
    question: u32,
}

impl Drop for Driver<'_> {
    fn drop(&mut self) {
        self.requests.waiters.borrow_mut().remove(&self.question);
    }
}

impl Requests {
    /// Waits as well for whoever asks already. Without that there is somebody to drive it.
    fn join(&self, question: u32) -> Option<oneshot::Receiver<u32>> {
        let mut all = self.waiters.borrow_mut();
        let Some(waiters) = all.get_mut(&question) else {
            all.insert(question, Vec::new());
            return None;
        };
        let (tell, told) = oneshot::channel();
        waiters.push(tell);
        Some(told)
    }

    async fn get(&self, question: u32, twin: Twin) -> u32 {
        while let Some(told) = self.join(question) {
            twin.here();
            if let Ok(answer) = told.await {
                return answer;
            }
        }
        let driver = Driver {
            requests: self,
            question,
        };
        let driver = match twin.is_fixed() {
            true => Ok(driver),
            false => Err(ManuallyDrop::new(driver)),
        };
        let answer = Connection::open().await.ask(question).await;
        let waiters = self.waiters.borrow_mut().remove(&question);
        for waiter in waiters.into_iter().flatten() {
            let _ = waiter.send(answer);
        }
        drop(driver);
        answer
    }
}

async fn abandoned_request(sim: Sim, twin: Twin) {
    start(&sim, twin).await;
    let requests = Rc::new(Requests::default());
    let hasty = {
        let requests = requests.clone();
        spawn_local(async move {
            let _ = timeout(ms(20), requests.get(4, twin)).await;
        })
    };
    let patient = spawn_local(async move { assert_eq!(requests.get(4, twin).await, 8) });
    all(vec![hasty, patient]).await;
}
