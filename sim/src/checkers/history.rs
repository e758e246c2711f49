//! Histories: who asked for what, when, and what came of it.
//!
//! Owns the operations of a history and their stored form. Knows nothing of what an operation
//! means: that is a model's business.
//!
//! A test writes a history down while it runs; it is part of the run's record. When a run fails, it
//! lies beside the record as `history-NAME.jsonl`, and [`History::load`] reads it again.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use super::sheet::Moment;
use super::sheet::{Lines, Written, json};

/// What clients asked for and what came of it, in the order in which it happened.
///
/// Made by [`Sim::history`](crate::Sim::history), or [loaded](Self::load) from a file. Cloning it
/// gives another handle to the same history.
///
/// Each operation has a moment at which it was asked for and, unless it is open, one at which its
/// answer came, both in virtual time: there are no clocks of clients that could be wrong. An
/// operation whose answer never came, since its task was dropped, its node killed or its patience
/// over, stays open: it may or may not have happened, at any time since.
///
/// # Examples
/// ```
/// use simoom_sim::linear::{Register, RegisterOp, RegisterRet};
/// use simoom_sim::{Config, History, check};
///
/// check(Config::default().seeds(20), |sim| async move {
///     let history: History<RegisterOp<u32>, RegisterRet<u32>> = sim.history("register");
///     let value = std::sync::Arc::new(simoom::sync::Mutex::new(0));
///
///     let (log, shared) = (history.clone(), value.clone());
///     let writer = simoom::spawn(async move {
///         let call = log.invoke("writer", RegisterOp::Write(1));
///         *shared.lock().await = 1;
///         call.returns(RegisterRet::Written);
///     });
///     let call = history.invoke("reader", RegisterOp::Read);
///     let seen = *value.lock().await;
///     call.returns(RegisterRet::Value(seen));
///
///     writer.await.unwrap();
///     history.assert_linearizable(&Register::new(0));
/// })
/// .unwrap();
/// ```
pub struct History<O, R> {
    shared: Arc<Shared<O, R>>,
}

struct Shared<O, R> {
    name: String,
    /// Where it is written down; `None` if it was loaded.
    sheet: Option<Box<dyn Written + Send + Sync>>,
    operations: Mutex<Vec<Operation<O, R>>>,
}

/// One operation of a history.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom_sim::history::{Moment, Operation, Outcome};
///
/// let at = |event| Moment::new(event, Duration::ZERO);
/// let read: Operation<&str, u32> = Operation::new("client", "read", at(1));
/// assert_eq!(read.outcome, Outcome::Open);
/// let read = read.returned(5, at(2));
/// assert_eq!(read.outcome, Outcome::Returned(5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation<O, R> {
    /// Who asked.
    pub client: String,
    /// For what.
    pub op: O,
    /// What came of it.
    pub outcome: Outcome<R>,
    /// When it was asked for.
    pub invoked: Moment,
    /// When its outcome was known; `None` if it is open.
    pub ended: Option<Moment>,
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<R> {
    /// Nobody knows: it may have happened, or happen yet, or not at all.
    Open,
    /// It happened, and this was the answer.
    Returned(R),
    /// It is known not to have happened, and never will.
    Failed,
}

impl<O, R> Operation<O, R> {
    /// An open operation.
    #[must_use]
    pub fn new(client: impl fmt::Display, op: O, invoked: Moment) -> Self {
        Self {
            client: client.to_string(),
            op,
            outcome: Outcome::Open,
            invoked,
            ended: None,
        }
    }

    /// The same with its answer, which came `at` this moment.
    #[must_use]
    pub fn returned(mut self, answer: R, at: Moment) -> Self {
        self.outcome = Outcome::Returned(answer);
        self.ended = Some(at);
        self
    }

    /// The same, known since `at` not to have happened.
    #[must_use]
    pub fn failed(mut self, at: Moment) -> Self {
        self.outcome = Outcome::Failed;
        self.ended = Some(at);
        self
    }
}

/// A line that asks.
#[derive(Serialize)]
struct Asked<'a, O> {
    call: usize,
    client: &'a str,
    op: &'a O,
}

/// A line that answers.
#[derive(Serialize)]
struct Answered<'a, R> {
    call: usize,
    returned: &'a R,
}

/// A line that says that it did not happen.
#[derive(Serialize)]
struct Refused {
    call: usize,
    failed: bool,
}

/// Any of them, read again. Flat and with a field for each, so that `()` can be an answer.
#[derive(Deserialize)]
struct Line {
    call: usize,
    #[serde(default)]
    client: Option<String>,
    #[serde(default)]
    op: Option<serde_json::Value>,
    #[serde(default, deserialize_with = "present")]
    returned: Option<serde_json::Value>,
    #[serde(default)]
    failed: bool,
}

/// A field that is there, `null` included.
fn present<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(from).map(Some)
}

impl<O, R> History<O, R> {
    pub(crate) fn written(name: &str, sheet: Box<dyn Written + Send + Sync>) -> Self {
        Self::of(name.to_owned(), Some(sheet), Vec::new())
    }

    fn of(
        name: String,
        sheet: Option<Box<dyn Written + Send + Sync>>,
        operations: Vec<Operation<O, R>>,
    ) -> Self {
        let operations = Mutex::new(operations);
        Self {
            shared: Arc::new(Shared {
                name,
                sheet,
                operations,
            }),
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// How many operations it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The operations so far, in the order in which they were asked for.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation<O, R>>
    where
        O: Clone,
        R: Clone,
    {
        self.lock().clone()
    }

    /// Notes that `client` asks for `op` now. Ask for it right after this.
    ///
    /// The operation is open until [`Call::returns`] or [`Call::fails`], and stays so if the call is
    /// dropped.
    ///
    /// # Panics
    /// If the history was loaded, or its run is over.
    pub fn invoke(&self, client: impl fmt::Display, op: O) -> Call<O, R>
    where
        O: Serialize,
    {
        let Some(sheet) = &self.shared.sheet else {
            panic!("history {:?} was loaded: nothing can be added", self.name());
        };
        let client = client.to_string();
        let call = self.len();
        let (asked, client_text) = (&op, client.as_str());
        let body = json(&Asked {
            call,
            client: client_text,
            op: asked,
        });
        let written = sheet.write(&body).map(|moment| {
            self.lock().push(Operation::new(client, op, moment));
            call
        });
        Call {
            history: self.clone(),
            call: written,
        }
    }

    /// Reads a history that a failed run has left: `history-NAME.jsonl` beside its record.
    ///
    /// # Errors
    /// The file cannot be read, or holds no history of such operations.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::History;
    /// use simoom_sim::linear::{Register, RegisterOp, RegisterRet};
    ///
    /// let path = std::env::temp_dir().join(format!("history-{}.jsonl", std::process::id()));
    /// std::fs::write(
    ///     &path,
    ///     r#"{"simoom":"history","format":1,"name":"register"}
    /// {"event":3,"ns":0,"call":0,"client":"a","op":{"Write":1}}
    /// {"event":9,"ns":1500000,"call":0,"returned":"Written"}
    /// "#,
    /// )
    /// .unwrap();
    /// let history = History::<RegisterOp<u32>, RegisterRet<u32>>::load(&path).unwrap();
    /// history.assert_linearizable(&Register::new(0));
    /// # std::fs::remove_file(&path).unwrap();
    /// ```
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self>
    where
        O: DeserializeOwned,
        R: DeserializeOwned,
    {
        let path = path.as_ref();
        Self::read(&path.display(), &fs::read_to_string(path)?)
    }

    /// Reads the text of a file.
    fn read(file: &dyn fmt::Display, text: &str) -> io::Result<Self>
    where
        O: DeserializeOwned,
        R: DeserializeOwned,
    {
        let (name, lines) = Lines::read::<Line>(KIND, file, text)?;
        let wrong = |moment: Moment, why: String| {
            let message = format!("{file}: event {}: {why}", moment.event());
            io::Error::new(io::ErrorKind::InvalidData, message)
        };
        let mut operations: Vec<Operation<O, R>> = Vec::new();
        for (moment, line) in lines {
            let unreadable = |error: serde_json::Error| wrong(moment, error.to_string());
            if let (Some(client), Some(op)) = (line.client, line.op) {
                if line.call != operations.len() {
                    return Err(wrong(moment, "a call is missing".to_owned()));
                }
                let op = serde_json::from_value(op).map_err(unreadable)?;
                operations.push(Operation::new(client, op, moment));
                continue;
            }
            let Some(operation) = operations.get_mut(line.call) else {
                let why = format!("nobody has made call {}", line.call);
                return Err(wrong(moment, why));
            };
            if operation.ended.is_some() {
                let why = format!("call {} has ended before", line.call);
                return Err(wrong(moment, why));
            }
            operation.outcome = match line.returned {
                Some(answer) => {
                    Outcome::Returned(serde_json::from_value(answer).map_err(unreadable)?)
                }
                None if line.failed => Outcome::Failed,
                None => return Err(wrong(moment, "neither a call nor its end".to_owned())),
            };
            operation.ended = Some(moment);
        }
        Ok(Self::of(name, None, operations))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Operation<O, R>>> {
        let operations = self.shared.operations.lock();
        operations.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what may be a history of a register, writes it, reads it again, and judges it.
#[cfg(feature = "fuzzing")]
pub(crate) fn check_history(text: &str) {
    use super::linear::{Register, RegisterOp, RegisterRet, check_within};

    let Ok(read) = History::<RegisterOp<u8>, RegisterRet<u8>>::read(&"the file", text) else {
        return;
    };
    let operations = read.operations();
    let mut lines = Vec::new();
    for (call, operation) in operations.iter().enumerate() {
        let client = &operation.client;
        let op = &operation.op;
        lines.push((operation.invoked, json(&Asked { call, client, op })));
        let ended = match &operation.outcome {
            Outcome::Open => continue,
            Outcome::Returned(returned) => json(&Answered { call, returned }),
            Outcome::Failed => json(&Refused { call, failed: true }),
        };
        let moment = operation.ended.expect("it has ended");
        assert!(operation.invoked < moment, "an answer before the question");
        lines.push((moment, ended));
    }
    let written = Lines::text(KIND, read.name(), lines);
    let again = History::<RegisterOp<u8>, RegisterRet<u8>>::read(&"what is written", &written);
    let again = again.unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(
        (again.name(), again.operations()),
        (read.name(), operations)
    );
    // Without its last line, a history that was in order still is.
    let judge = |operations: &[_]| check_within(&Register::new(0), operations, 500);
    let mut operations = again.operations();
    if judge(&operations).is_linearizable() {
        let events = operations.iter().map(|it| it.ended.unwrap_or(it.invoked));
        let last = events.max();
        operations.retain(|it| Some(it.invoked) != last);
        for operation in &mut operations {
            if operation.ended == last && last.is_some() {
                operation.outcome = Outcome::Open;
                operation.ended = None;
            }
        }
        assert!(judge(&operations).violation().is_none(), "{written}");
    }
}

impl<O, R> Clone for History<O, R> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<O, R> fmt::Debug for History<O, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("name", &self.name())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// An operation under way. Dropped, it stays open: it may or may not have happened.
#[must_use = "an operation stays open unless `returns` or `fails` is called"]
pub struct Call<O, R> {
    history: History<O, R>,
    /// Its number; `None` if it was made where nothing has an effect any more.
    call: Option<usize>,
}

impl<O, R> Call<O, R> {
    /// Notes that `answer` came now.
    pub fn returns(self, answer: R)
    where
        R: Serialize,
    {
        let Some(call) = self.call else { return };
        let returned = &answer;
        let body = json(&Answered { call, returned });
        self.end(call, &body, Outcome::Returned(answer));
    }

    /// Notes that the operation is known not to have happened, as when it was refused before
    /// anything was done. Of one that timed out nobody knows that: drop its call.
    pub fn fails(self) {
        let Some(call) = self.call else { return };
        let failed = true;
        let body = json(&Refused { call, failed });
        self.end(call, &body, Outcome::Failed);
    }

    fn end(&self, call: usize, body: &str, outcome: Outcome<R>) {
        let sheet = self.history.shared.sheet.as_ref();
        let Some(moment) = sheet.and_then(|sheet| sheet.write(body)) else {
            return;
        };
        let mut operations = self.history.lock();
        operations[call].outcome = outcome;
        operations[call].ended = Some(moment);
    }
}

impl<O, R> fmt::Debug for Call<O, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("history", &self.history.name())
            .field("call", &self.call)
            .finish()
    }
}

/// What the first line of its file says.
pub(crate) const KIND: &str = "history";
