//! Carrying out a script: the same code in both worlds.

use std::io;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::time::{sleep, timeout};

use super::script::{End, Script, Step};

/// How much time passes before each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// None but what the machine takes.
    OwnTime,
    /// What the seed says, so that some steps find everything arrived and some do not.
    Drawn,
}

/// Longer than anything takes to arrive on loopback, in both worlds.
const SETTLED: Duration = Duration::from_millis(3);
/// After so long nothing more will come.
const NOTHING_COMES: Duration = Duration::from_millis(25);

/// Does what `script` says, and returns what each step was answered.
///
/// # Errors
/// If the two ends could not be connected in the first place.
///
/// # Cancel safety
/// Dropping it closes what is open.
pub async fn act(script: &Script, pace: Pace) -> io::Result<Vec<String>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let target = listener.local_addr()?;
    let opener = TcpStream::connect(target).await?;
    let mut ends = Ends {
        listener: Some(listener),
        opener: Some(opener),
        taker: None,
    };
    let pauses_long = pace == Pace::Drawn && simoom::rand::range(0..2) == 0;
    let mut answers = Vec::with_capacity(script.0.len());
    for step in &script.0 {
        if pauses_long {
            sleep(SETTLED).await;
        } else if pace == Pace::Drawn {
            sleep(Duration::from_micros(150 * simoom::rand::range(0..3))).await;
        }
        answers.push(ends.step(*step).await);
    }
    Ok(answers)
}

struct Ends {
    listener: Option<TcpListener>,
    opener: Option<TcpStream>,
    taker: Option<TcpStream>,
}

impl Ends {
    fn end(&mut self, end: End) -> &mut Option<TcpStream> {
        match end {
            End::Opener => &mut self.opener,
            End::Taker => &mut self.taker,
        }
    }

    async fn step(&mut self, step: Step) -> String {
        match step {
            Step::Settle => {
                sleep(SETTLED).await;
                return String::new();
            }
            Step::CloseListener => {
                self.listener = None;
                return String::new();
            }
            Step::Accept => return self.accept().await,
            Step::Close(end) => {
                *self.end(end) = None;
                return String::new();
            }
            _ => {}
        }
        let (Step::Write(end, _)
        | Step::Read(end, _)
        | Step::Peek(end)
        | Step::Shutdown(end)
        | Step::LingerZero(end)
        | Step::LingerOff(end)
        | Step::SendAtOnce(end)
        | Step::HoldBack(end)
        | Step::TakeError(end)
        | Step::PeerAddr(end)) = step
        else {
            return String::new();
        };
        let Some(stream) = self.end(end) else {
            return "closed".to_owned();
        };
        match step {
            Step::Write(_, bytes) => {
                let bytes = vec![b'x'; bytes];
                waited(timeout(NOTHING_COMES, stream.write(&bytes)).await)
            }
            Step::Read(_, most) => {
                let mut bytes = vec![0; most];
                waited(timeout(NOTHING_COMES, stream.read(&mut bytes)).await)
            }
            Step::Peek(_) => {
                let mut bytes = [0; 64];
                waited(timeout(NOTHING_COMES, stream.peek(&mut bytes)).await)
            }
            Step::Shutdown(_) => waited(timeout(NOTHING_COMES, stream.shutdown()).await),
            Step::LingerZero(_) => said(stream.set_linger(Some(Duration::ZERO))),
            Step::LingerOff(_) => said(stream.set_linger(None)),
            Step::SendAtOnce(_) => said(stream.set_nodelay(true)),
            Step::HoldBack(_) => said(stream.set_nodelay(false)),
            Step::TakeError(_) => match stream.take_error() {
                Ok(Some(error)) => format!("had {:?}", error.kind()),
                Ok(None) => "had none".to_owned(),
                Err(error) => format!("{:?}", error.kind()),
            },
            Step::PeerAddr(_) => said(stream.peer_addr().map(drop)),
            _ => String::new(),
        }
    }

    async fn accept(&mut self) -> String {
        let Some(listener) = &self.listener else {
            return "closed".to_owned();
        };
        match timeout(NOTHING_COMES, listener.accept()).await {
            Ok(Ok((stream, _))) => {
                self.taker = Some(stream);
                "taken".to_owned()
            }
            Ok(Err(error)) => format!("{:?}", error.kind()),
            Err(_) => "nothing".to_owned(),
        }
    }
}

fn said<T: std::fmt::Debug>(answer: io::Result<T>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

fn waited<T: std::fmt::Debug, E>(answer: Result<io::Result<T>, E>) -> String {
    match answer {
        Ok(answer) => said(answer),
        Err(_) => "nothing".to_owned(),
    }
}
