//! Ledgers: what was sent, and where each message is in the end.
//!
//! Owns the books and how they are balanced. Knows nothing of how messages travel.
//!
//! As a history, a ledger is part of the run's record, and lies beside it as `ledger-NAME.jsonl`
//! when the run has failed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::sheet::{Lines, Moment, Written, json};

/// Where messages are: sent, and then received, returned or in flight.
///
/// Made by [`Sim::ledger`](crate::Sim::ledger), or [loaded](Self::load) from a file. Cloning it
/// gives another handle to the same ledger. A test writes into it what its clients and servers see;
/// at the end, the books must balance.
///
/// Messages are told apart by their value: give each a number of its own. Equal ones are counted.
///
/// # Examples
/// ```
/// use simoom_sim::{Config, Ledger, check};
///
/// check(Config::default().seeds(20), |sim| async move {
///     let ledger: Ledger<u32> = sim.ledger("jobs");
///     let (sender, mut receiver) = simoom::sync::mpsc::channel(2);
///
///     let books = ledger.clone();
///     let worker = simoom::spawn(async move {
///         for _ in 0..3 {
///             books.received("worker", receiver.recv().await.unwrap());
///         }
///     });
///     for job in 0..4 {
///         ledger.sent("boss", job);
///         if let Err(back) = sender.send(job).await {
///             ledger.returned("boss", back.0);
///         } else if job == 3 {
///             // Nobody takes the last one out of the channel.
///             ledger.in_flight("channel", job);
///         }
///     }
///     worker.await.unwrap();
///     ledger.conserved().unwrap();
///     ledger.fifo().unwrap();
/// })
/// .unwrap();
/// ```
pub struct Ledger<M> {
    shared: Arc<Shared<M>>,
}

struct Shared<M> {
    name: String,
    /// Where it is written down; `None` if it was loaded.
    sheet: Option<Box<dyn Written + Send + Sync>>,
    entries: Mutex<Vec<Entry<M>>>,
}

#[derive(Clone)]
struct Entry<M> {
    moment: Moment,
    what: What,
    who: String,
    message: M,
}

/// What became known of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Sent,
    Received,
    Returned,
    InFlight,
}

#[derive(Serialize)]
struct LineOut<'a, M> {
    what: What,
    who: &'a str,
    message: &'a M,
}

#[derive(Deserialize)]
struct LineIn<M> {
    what: What,
    who: String,
    message: M,
}

impl<M> Ledger<M> {
    pub(crate) fn written(name: &str, sheet: Box<dyn Written + Send + Sync>) -> Self {
        Self::of(name.to_owned(), Some(sheet), Vec::new())
    }

    fn of(
        name: String,
        sheet: Option<Box<dyn Written + Send + Sync>>,
        entries: Vec<Entry<M>>,
    ) -> Self {
        let entries = Mutex::new(entries);
        Self {
            shared: Arc::new(Shared {
                name,
                sheet,
                entries,
            }),
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Notes that `sender` sends `message` now. Send it right after this: what is received before it
    /// was sent came out of nothing.
    ///
    /// # Panics
    /// Here and below: if the ledger was loaded, or its run is over.
    pub fn sent(&self, sender: impl fmt::Display, message: M)
    where
        M: Serialize,
    {
        self.enter(What::Sent, &sender, message);
    }

    /// Notes that `receiver` has received `message`.
    pub fn received(&self, receiver: impl fmt::Display, message: M)
    where
        M: Serialize,
    {
        self.enter(What::Received, &receiver, message);
    }

    /// Notes that `sender` got `message` back: an error says that nobody will ever receive it.
    ///
    /// An error that leaves that open, as a time-out does, is none.
    pub fn returned(&self, sender: impl fmt::Display, message: M)
    where
        M: Serialize,
    {
        self.enter(What::Returned, &sender, message);
    }

    /// Notes that `message` is on its way or kept at `place` when the run ends.
    pub fn in_flight(&self, place: impl fmt::Display, message: M)
    where
        M: Serialize,
    {
        self.enter(What::InFlight, &place, message);
    }

    /// Reads a ledger that a failed run has left: `ledger-NAME.jsonl` beside its record.
    ///
    /// # Errors
    /// The file cannot be read, or holds no ledger of such messages.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::Ledger;
    ///
    /// let path = std::env::temp_dir().join(format!("ledger-{}.jsonl", std::process::id()));
    /// std::fs::write(
    ///     &path,
    ///     r#"{"simoom":"ledger","format":1,"name":"jobs"}
    /// {"event":3,"ns":0,"what":"sent","who":"boss","message":1}
    /// "#,
    /// )
    /// .unwrap();
    /// let lost = Ledger::<u32>::load(&path).unwrap().conserved().unwrap_err();
    /// assert_eq!(lost.to_string(), "1 message is lost: 1, sent by boss at 0.000000 s");
    /// # std::fs::remove_file(&path).unwrap();
    /// ```
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self>
    where
        M: DeserializeOwned,
    {
        let path = path.as_ref();
        Self::read(&path.display(), &fs::read_to_string(path)?)
    }

    /// Reads the text of a file.
    fn read(file: &dyn fmt::Display, text: &str) -> io::Result<Self>
    where
        M: DeserializeOwned,
    {
        let (name, lines) = Lines::read::<LineIn<M>>(KIND, file, text)?;
        let entry = |(moment, line): (Moment, LineIn<M>)| Entry {
            moment,
            what: line.what,
            who: line.who,
            message: line.message,
        };
        Ok(Self::of(name, None, lines.into_iter().map(entry).collect()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry<M>>> {
        let entries = self.shared.entries.lock();
        entries.unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, what: What, who: &dyn fmt::Display, message: M)
    where
        M: Serialize,
    {
        let Some(sheet) = &self.shared.sheet else {
            panic!("ledger {:?} was loaded: nothing can be added", self.name());
        };
        let who = who.to_string();
        let line = LineOut {
            what,
            who: &who,
            message: &message,
        };
        if let Some(moment) = sheet.write(&json(&line)) {
            self.lock().push(Entry {
                moment,
                what,
                who,
                message,
            });
        }
    }
}

/// Reads what may be a ledger, writes it, reads it again, and balances it.
#[cfg(feature = "fuzzing")]
pub(crate) fn check_ledger(text: &str) {
    let Ok(read) = Ledger::<u8>::read(&"the file", text) else {
        return;
    };
    let written = |ledger: &Ledger<u8>| {
        let entries = ledger.entries().into_iter().map(|entry| {
            let line = LineOut {
                what: entry.what,
                who: &entry.who,
                message: &entry.message,
            };
            (entry.moment, json(&line))
        });
        Lines::text(KIND, ledger.name(), entries.collect())
    };
    let once = written(&read);
    let again = Ledger::<u8>::read(&"what is written", &once);
    let again = again.unwrap_or_else(|error| panic!("{error}\n{once}"));
    assert_eq!(written(&again), once);
    // What each of them asks for follows from what another does.
    let _ = again.fifo();
    if again.conserved().is_ok() {
        assert!(again.at_least_once().is_ok(), "{once}");
        assert!(again.at_most_once().is_ok(), "{once}");
    }
    if again.exactly_once().is_ok() {
        assert!(again.at_most_once().is_ok(), "{once}");
    }
}

/// How the books are balanced. Each has what it does not ask for at liberty.
impl<M: Ord + Clone + fmt::Debug> Ledger<M> {
    /// Whether each message that was sent is in one place: it was received, or returned, or is in
    /// flight, once; and nothing is anywhere that was not sent.
    ///
    /// # Errors
    /// What is lost, in two places, or out of nothing; here and below.
    pub fn conserved(&self) -> Result<(), Unbalanced> {
        self.balance(|sent, places| match places.len().cmp(&sent) {
            std::cmp::Ordering::Less => Some(Fault::Lost),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Fault::TooMany),
        })
    }

    /// Whether each message that was sent was received, once, and nothing else was.
    pub fn exactly_once(&self) -> Result<(), Unbalanced> {
        self.balance(|sent, places| match received(places).cmp(&sent) {
            std::cmp::Ordering::Less => Some(Fault::Lost),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Fault::TooMany),
        })
    }

    /// Whether each message that was sent and not returned was received, once or more often, or is
    /// in flight, and nothing else was received.
    pub fn at_least_once(&self) -> Result<(), Unbalanced> {
        self.balance(|sent, places| (places.len() < sent).then_some(Fault::Lost))
    }

    /// Whether no message was received more often than it was sent.
    pub fn at_most_once(&self) -> Result<(), Unbalanced> {
        self.balance(|sent, places| (received(places) > sent).then_some(Fault::TooMany))
    }

    /// Whether each receiver got what it got of one sender in the order in which that was sent.
    /// Messages may be missing.
    ///
    /// # Errors
    /// What came after something that was sent later.
    pub fn fifo(&self) -> Result<(), Unbalanced> {
        let entries = self.entries();
        // The places of each message among those of its sender.
        let mut sent: BTreeMap<&M, Vec<(&str, usize)>> = BTreeMap::new();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut last: BTreeMap<(&str, &str), (usize, &M)> = BTreeMap::new();
        let mut lines = Vec::new();
        for entry in &entries {
            match entry.what {
                What::Sent => {
                    let count = counts.entry(&entry.who).or_default();
                    sent.entry(&entry.message)
                        .or_default()
                        .push((&entry.who, *count));
                    *count += 1;
                }
                What::Received => {
                    let places = sent.get(&entry.message).map_or(&[][..], Vec::as_slice);
                    // Of messages that are equal, the first that is not too early.
                    let fits = places.iter().find(|(sender, place)| {
                        let before = last.get(&(*sender, entry.who.as_str()));
                        before.is_none_or(|(before, _)| before < place)
                    });
                    match (fits, places.first()) {
                        (Some(&(sender, place)), _) => {
                            last.insert((sender, &entry.who), (place, &entry.message));
                        }
                        (None, Some(&(sender, _))) => {
                            let (_, before) = last[&(sender, entry.who.as_str())];
                            lines.push(format!(
                                "{:?}, sent by {sender} before {before:?}, received by {} after it \
                                 at {}",
                                entry.message, entry.who, entry.moment
                            ));
                        }
                        // Out of nothing: not a question of order.
                        (None, None) => {}
                    }
                }
                What::Returned | What::InFlight => {}
            }
        }
        Unbalanced::unless_empty(vec![("overtook another", lines)])
    }

    fn entries(&self) -> Vec<Entry<M>> {
        self.lock().clone()
    }

    /// Asks `judge` of each message how often it was sent and where it is.
    fn balance(
        &self,
        judge: impl Fn(usize, &[&Entry<M>]) -> Option<Fault>,
    ) -> Result<(), Unbalanced> {
        let entries = self.entries();
        let mut messages: BTreeMap<&M, Account<'_, M>> = BTreeMap::new();
        // In the order in which they are first heard of.
        let mut order = Vec::new();
        let mut known = BTreeSet::new();
        for entry in &entries {
            if known.insert(&entry.message) {
                order.push(&entry.message);
            }
            let (sent, places) = messages.entry(&entry.message).or_default();
            match entry.what {
                What::Sent => sent.push(entry),
                _ => places.push(entry),
            }
        }
        let (mut lost, mut many, mut nothing) = (Vec::new(), Vec::new(), Vec::new());
        for message in order {
            let (sent, places) = &messages[message];
            let Some(first) = sent.first() else {
                nothing.push(format!("{message:?}, {}", all(places)));
                continue;
            };
            if let Some(early) = places.iter().find(|it| it.moment < first.moment) {
                let (place, first) = (place(early), place(first));
                nothing.push(format!("{message:?}, {place}, before it was {first}"));
                continue;
            }
            match judge(sent.len(), places) {
                None => {}
                Some(Fault::Lost) if places.is_empty() => {
                    lost.push(format!("{message:?}, {}", all(sent)));
                }
                Some(Fault::Lost) => {
                    lost.push(format!("{message:?}, {}, {}", all(sent), all(places)));
                }
                Some(Fault::TooMany) => {
                    many.push(format!("{message:?}, {}, {}", all(sent), all(places)));
                }
            }
        }
        Unbalanced::unless_empty(vec![
            ("lost", lost),
            ("in too many places", many),
            ("out of nothing", nothing),
        ])
    }
}

impl<M> Clone for Ledger<M> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<M> fmt::Debug for Ledger<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// The entries that say that a message was sent, and those that say where it is.
type Account<'a, M> = (Vec<&'a Entry<M>>, Vec<&'a Entry<M>>);

/// What is wrong with one message.
#[derive(Clone, Copy)]
enum Fault {
    Lost,
    TooMany,
}

fn received<M>(places: &[&Entry<M>]) -> usize {
    places.iter().filter(|it| it.what == What::Received).count()
}

/// What became of a message, in words.
fn place<M>(entry: &Entry<M>) -> String {
    let how = match entry.what {
        What::Sent => "sent by",
        What::Received => "received by",
        What::Returned => "returned to",
        What::InFlight => "in flight at",
    };
    format!("{how} {} at {}", entry.who, entry.moment)
}

fn all<M>(entries: &[&Entry<M>]) -> String {
    let places = entries.iter().map(|entry| place(entry));
    places.collect::<Vec<_>>().join(", ")
}

/// Books that do not balance.
///
/// It is shown alike by `{}` and `{:?}`, so that `unwrap` tells all.
#[derive(Clone, PartialEq, Eq)]
pub struct Unbalanced {
    /// What is wrong, each with the messages.
    faults: Vec<(&'static str, Vec<String>)>,
}

impl Unbalanced {
    fn unless_empty(mut faults: Vec<(&'static str, Vec<String>)>) -> Result<(), Self> {
        faults.retain(|(_, lines)| !lines.is_empty());
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Self { faults }),
        }
    }

    /// How many messages are where they should not be.
    #[must_use]
    pub fn count(&self) -> usize {
        self.faults.iter().map(|(_, lines)| lines.len()).sum()
    }
}

impl fmt::Display for Unbalanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (what, lines)) in self.faults.iter().enumerate() {
            let start = if index == 0 { "" } else { "\n" };
            match &lines[..] {
                [line] => write!(f, "{start}1 message {}: {line}", singular(what))?,
                lines => {
                    write!(f, "{start}{} messages {}:", lines.len(), plural(what))?;
                    for line in lines.iter().take(SHOWN) {
                        write!(f, "\n  {line}")?;
                    }
                    if lines.len() > SHOWN {
                        write!(f, "\n  … and {} more", lines.len() - SHOWN)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn singular(what: &str) -> String {
    if what.starts_with("overtook") {
        what.to_owned()
    } else {
        format!("is {what}")
    }
}

fn plural(what: &str) -> String {
    if what.starts_with("overtook") {
        what.to_owned()
    } else {
        format!("are {what}")
    }
}

impl fmt::Debug for Unbalanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Unbalanced {}

/// What the first line of its file says.
pub(crate) const KIND: &str = "ledger";

/// How many messages of each sort are told.
const SHOWN: usize = 10;
