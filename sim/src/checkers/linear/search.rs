//! The search for an order of the operations of one partition.
//!
//! Owns the algorithm of Wing, Gong and Lowe. Knows nothing of reports.
//!
//! ```text
//!   events of the history, in order      a call of which nothing that returned before is left
//!   [a called] [b called] [b returned] [a returned]      may be placed next
//!       |          |           |
//!       try        try         neither worked: take the last one placed back, try what follows it
//! ```
//!
//! # Invariants
//! 1. An operation that is placed has neither its call nor its return in the list.
//! 2. What is in `seen` was tried and led nowhere, or is being tried.

use std::collections::BTreeSet;

use super::model::Model;
use super::placed::{Key, Placed};

/// An operation as the search sees it.
pub(super) struct Step<'a, O, R> {
    pub(super) op: &'a O,
    /// Its answer, unless it is open.
    pub(super) answer: Option<&'a R>,
    /// When it was called, and when it returned; open ones never do.
    pub(super) called: u64,
    pub(super) returned: Option<u64>,
}

/// What the search came to.
pub(super) enum Searched<S> {
    /// There is an order.
    Found,
    /// There is none. The furthest that was come to, and what it left.
    None(Furthest<S>),
    /// The budget was spent.
    Spent,
}

/// The longest order that was found.
pub(super) struct Furthest<S> {
    /// The operations by their numbers, each with what the model may hold after it.
    pub(super) order: Vec<(usize, Vec<S>)>,
    /// Those that could have come next, and that the model refused.
    pub(super) refused: Vec<usize>,
}

/// An event of the history: an operation's call or its return.
#[derive(Clone, Copy)]
enum Event {
    Call(usize),
    Return,
}

/// The events that are left, in order: a list that is linked both ways through its indices, with
/// its ends at 0.
struct Events {
    events: Vec<Event>,
    next: Vec<usize>,
    previous: Vec<usize>,
    /// Where the call and the return of each operation stand.
    places: Vec<(usize, Option<usize>)>,
}

impl Events {
    fn of<O, R>(steps: &[Step<'_, O, R>]) -> Self {
        let mut moments = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            moments.push((step.called, Event::Call(number), number));
            moments.extend(step.returned.map(|at| (at, Event::Return, number)));
        }
        moments.sort_by_key(|&(moment, ..)| moment);
        let count = moments.len() + 1;
        let mut places = vec![(0, None); steps.len()];
        let mut events = vec![Event::Return];
        for (_, event, number) in moments {
            match event {
                Event::Call(_) => places[number].0 = events.len(),
                Event::Return => places[number].1 = Some(events.len()),
            }
            events.push(event);
        }
        Self {
            events,
            next: (1..=count).map(|index| index % count).collect(),
            previous: (0..count)
                .map(|index| (index + count - 1) % count)
                .collect(),
            places,
        }
    }

    /// Takes an operation out.
    fn lift(&mut self, number: usize) {
        let (call, ret) = self.places[number];
        self.unlink(call);
        if let Some(ret) = ret {
            self.unlink(ret);
        }
    }

    /// Puts the operation back that was taken out last.
    fn put_back(&mut self, number: usize) {
        let (call, ret) = self.places[number];
        if let Some(ret) = ret {
            self.link(ret);
        }
        self.link(call);
    }

    fn unlink(&mut self, index: usize) {
        let (next, previous) = (self.next[index], self.previous[index]);
        self.next[previous] = next;
        self.previous[next] = previous;
    }

    fn link(&mut self, index: usize) {
        let (next, previous) = (self.next[index], self.previous[index]);
        self.next[previous] = index;
        self.previous[next] = index;
    }
}

/// What the model may hold after `step`, in order and each once.
fn apply<M: Model>(
    model: &M,
    states: &[M::State],
    step: &Step<'_, M::Op, M::Ret>,
) -> Vec<M::State> {
    let mut next: Vec<_> = states
        .iter()
        .flat_map(|state| model.step(state, step.op, step.answer))
        .collect();
    next.sort_unstable();
    next.dedup();
    next
}

/// Looks for an order of `steps` that the model allows and that no return contradicts. Each step
/// that returned has its place in it; open ones may.
///
/// `budget` counts down with every question to the model.
pub(super) fn search<M: Model>(
    model: &M,
    steps: &[Step<'_, M::Op, M::Ret>],
    budget: &mut u64,
) -> Searched<M::State> {
    let mut events = Events::of(steps);
    let mut left = steps.iter().filter(|step| step.returned.is_some()).count();
    let mut placed = Placed::new(steps.len());
    let mut seen: BTreeSet<(Key, Vec<M::State>)> = BTreeSet::new();
    let mut states = vec![model.init()];
    // What was placed, with what the model held before.
    let mut stack: Vec<(usize, Vec<M::State>)> = Vec::new();
    let mut furthest = Furthest {
        order: Vec::new(),
        refused: Vec::new(),
    };
    let mut refused = Vec::new();
    let mut at = events.next[0];
    loop {
        if left == 0 {
            return Searched::Found;
        }
        if let Event::Call(number) = events.events[at] {
            if *budget == 0 {
                return Searched::Spent;
            }
            *budget -= 1;
            let next = apply(model, &states, &steps[number]);
            // An open operation that changes nothing need not be placed.
            let is_idle = steps[number].returned.is_none() && next == states;
            if next.is_empty() {
                refused.push(number);
            } else if !is_idle {
                placed.insert(number);
                if seen.insert((placed.key(), next.clone())) {
                    events.lift(number);
                    left -= usize::from(steps[number].returned.is_some());
                    stack.push((number, std::mem::replace(&mut states, next)));
                    refused.clear();
                    at = events.next[0];
                    continue;
                }
                placed.remove(number);
            }
            at = events.next[at];
            continue;
        }
        let is_first = furthest.order.is_empty() && furthest.refused.is_empty();
        if is_first || (stack.len() > furthest.order.len() && !refused.is_empty()) {
            let after = stack.iter().skip(1).map(|(_, states)| states);
            let after = after.chain(std::iter::once(&states));
            let order = stack.iter().map(|&(number, _)| number);
            furthest = Furthest {
                order: order.zip(after.cloned()).collect(),
                refused: refused.clone(),
            };
        }
        let Some((number, before)) = stack.pop() else {
            return Searched::None(furthest);
        };
        states = before;
        refused.clear();
        placed.remove(number);
        events.put_back(number);
        left += usize::from(steps[number].returned.is_some());
        at = events.next[events.places[number].0];
    }
}
