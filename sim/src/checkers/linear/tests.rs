//! The search beside one that tries every order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::checkers::history::{Moment, Operation, Outcome};
use crate::choice::value;

type Op = Operation<RegisterOp<u8>, RegisterRet<u8>>;

fn at(event: u64) -> Moment {
    Moment::new(event, Duration::from_micros(event))
}

/// Whether there is an order, found by trying all of them: each operation that may come next, or,
/// if it is open, may be left out.
fn has_an_order<M: Model>(model: &M, operations: &[Operation<M::Op, M::Ret>]) -> bool {
    fn go<M: Model>(
        model: &M,
        operations: &[Operation<M::Op, M::Ret>],
        left: &BTreeSet<usize>,
        state: &M::State,
    ) -> bool {
        let ended = |index: &usize| operations[*index].ended;
        if left.iter().all(|index| ended(index).is_none()) {
            return true;
        }
        let first_end = left.iter().filter_map(ended).min();
        left.iter().any(|&index| {
            let operation = &operations[index];
            if first_end.is_some_and(|end| end < operation.invoked) {
                return false;
            }
            let answer = match &operation.outcome {
                Outcome::Returned(answer) => Some(answer),
                _ => None,
            };
            let mut rest = left.clone();
            rest.remove(&index);
            let next = model.step(state, &operation.op, answer);
            next.iter().any(|next| go(model, operations, &rest, next))
        })
    }
    let mut partitions: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (index, operation) in operations.iter().enumerate() {
        if !matches!(operation.outcome, Outcome::Failed) {
            let partition = model.partition(&operation.op);
            partitions.entry(partition).or_default().insert(index);
        }
    }
    let mut partitions = partitions.values();
    partitions.all(|left| go(model, operations, left, &model.init()))
}

/// The search and the trial of every order agree.
fn agree_in_verdict<M: Model>(model: &M, operations: &[Operation<M::Op, M::Ret>]) -> bool {
    let verdict = check(model, operations);
    let expected = has_an_order(model, operations);
    assert_eq!(verdict.is_linearizable(), expected, "{operations:#?}");
    expected
}

/// The search and the trial of every order agree, also about every beginning of the history.
fn agree<M: Model>(model: &M, operations: &[Operation<M::Op, M::Ret>]) -> bool
where
    Operation<M::Op, M::Ret>: Clone,
    M::Ret: Clone,
    M::Op: Clone,
{
    let verdict = check(model, operations);
    let expected = has_an_order(model, operations);
    assert_eq!(verdict.is_linearizable(), expected, "{operations:#?}");
    if let Some(violation) = verdict.violation() {
        assert_is_shortest(model, operations, violation);
    }
    expected
}

/// The operations up to the event `end`, those that ended later open.
fn beginning<O: Clone, R: Clone>(operations: &[Operation<O, R>], end: u64) -> Vec<Operation<O, R>> {
    let begun = operations.iter().filter(|it| it.invoked.event() <= end);
    begun
        .map(|it| match (&it.outcome, it.ended) {
            (_, Some(ended)) if ended.event() <= end => it.clone(),
            _ => Operation::new(&it.client, it.op.clone(), it.invoked),
        })
        .collect()
}

fn assert_is_shortest<M: Model>(
    model: &M,
    operations: &[Operation<M::Op, M::Ret>],
    violation: &Violation,
) where
    M::Op: Clone,
    M::Ret: Clone,
{
    let mine: Vec<_> = operations
        .iter()
        .filter(|it| model.partition(&it.op) == violation.partition())
        // What is known not to have happened is not part of it, whenever that became known.
        .filter(|it| !matches!(it.outcome, Outcome::Failed))
        .cloned()
        .collect();
    let mut ends: Vec<_> = mine
        .iter()
        .filter_map(|it| it.ended)
        .map(Moment::event)
        .collect();
    ends.sort_unstable();
    let first = ends
        .iter()
        .find(|&&end| !has_an_order(model, &beginning(&mine, end)))
        .expect("some beginning is wrong");
    let begun: Vec<_> = (0..operations.len())
        .filter(|&index| {
            let it = &operations[index];
            it.invoked.event() <= *first
                && !matches!(it.outcome, Outcome::Failed)
                && model.partition(&it.op) == violation.partition()
        })
        .collect();
    assert_eq!(violation.operations(), begun, "{violation}");
}

/// Every way in which `count` calls and returns follow one another, as the events of each call and
/// return. Operations are numbered by their calls.
fn interleavings(count: usize) -> Vec<Vec<(u64, u64)>> {
    fn go(
        count: usize,
        event: u64,
        open: &[usize],
        spans: &mut Vec<(u64, u64)>,
        all: &mut Vec<Vec<(u64, u64)>>,
    ) {
        if spans.len() == count && open.is_empty() {
            all.push(spans.clone());
            return;
        }
        if spans.len() < count {
            spans.push((event, 0));
            let mut more = open.to_vec();
            more.push(spans.len() - 1);
            go(count, event + 1, &more, spans, all);
            spans.pop();
        }
        for (place, &number) in open.iter().enumerate() {
            let mut fewer = open.to_vec();
            fewer.remove(place);
            spans[number].1 = event;
            go(count, event + 1, &fewer, spans, all);
        }
    }
    let mut all = Vec::new();
    go(count, 1, &[], &mut Vec::new(), &mut all);
    all
}

/// What an operation can be, all of them.
fn kind(number: usize, span: (u64, u64)) -> Op {
    let (from, to) = span;
    let open = |op| Operation::new("client", op, at(from));
    match number {
        0 => open(RegisterOp::Read).returned(RegisterRet::Value(0), at(to)),
        1 => open(RegisterOp::Read).returned(RegisterRet::Value(1), at(to)),
        2 => open(RegisterOp::Write(1)).returned(RegisterRet::Written, at(to)),
        3 => open(RegisterOp::Write(1)),
        4 => open(RegisterOp::Write(0)).returned(RegisterRet::Written, at(to)),
        _ => open(RegisterOp::CompareAndSet(1, 0)).returned(RegisterRet::Exchanged(true), at(to)),
    }
}

/// Every history of `count` operations of the first `kinds` kinds; how many, and how many have an
/// order. What is told of those that have none is looked at for one in `sparing`.
fn all_histories(count: usize, kinds: usize, sparing: u64) -> (u64, u64) {
    let register = Register::new(0);
    let (mut histories, mut fine) = (0, 0);
    for spans in interleavings(count) {
        for mut code in 0..kinds.pow(count as u32) {
            let operations: Vec<_> = spans
                .iter()
                .map(|&span| {
                    let operation = kind(code % kinds, span);
                    code /= kinds;
                    operation
                })
                .collect();
            histories += 1;
            let judged = match histories % sparing {
                0 => agree(&register, &operations),
                _ => agree_in_verdict(&register, &operations),
            };
            fine += u64::from(judged);
        }
    }
    (histories, fine)
}

#[test]
fn every_history_of_up_to_four_operations_is_judged_as_by_trying_every_order() {
    let mut counted = Vec::new();
    for count in 1..=3 {
        counted.push(all_histories(count, 6, 1).0);
    }
    counted.push(all_histories(4, 5, 4).0);
    // So many ways to interleave, times so many kinds for each operation.
    assert_eq!(counted, [6, 3 * 36, 15 * 216, 105 * 625]);
}

#[test]
fn every_history_of_five_operations_is_judged_as_by_trying_every_order() {
    let (histories, fine) = all_histories(5, 3, 50);
    assert_eq!(histories, 945 * 243);
    assert!(fine > 10_000 && fine < histories / 2, "{fine}");
}

/// Numbers of a test, each from the one before.
struct Draw(u64, u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.1 += 1;
        value(self.0, 0x6c69_6e65, self.1) % limit
    }
}

/// A history of the map: some operations, random spans, some open, some failed, answers that one
/// copy gives in the order of the calls, and now and then another.
fn random_map(seed: u64) -> Vec<Operation<MapOp<u8, u8>, MapRet<u8>>> {
    let mut draw = Draw(seed, 0);
    let count = 1 + draw.below(7);
    let mut events: Vec<u64> = (0..2 * count).map(|_| draw.below(1 << 40)).collect();
    events.sort_unstable();
    let mut operations = Vec::new();
    let mut held = std::collections::BTreeMap::new();
    let model = Map::<u8, u8>::new();
    for number in 0..count {
        let key = draw.below(2) as u8;
        let by = draw.below(3) as u8;
        let op = match draw.below(6) {
            0 | 1 => MapOp::Get(key),
            2 => MapOp::Set(key, by),
            3 => MapOp::Delete(key),
            4 => MapOp::Increment(key, by),
            _ => MapOp::CompareAndSet(key, (by > 0).then(|| by - 1), by),
        };
        let from = number * 2 + 1;
        let to = from + 1 + 2 * draw.below(4);
        let operation = Operation::new(format!("c{number}"), op.clone(), at(from * 100));
        let state: Option<u8> = held.get(&key).copied();
        let wrong = draw.below(8) == 0;
        let answer = match &op {
            MapOp::Get(_) if wrong => MapRet::Value(Some(by)),
            MapOp::Get(_) => MapRet::Value(state),
            MapOp::Set(..) => MapRet::Done,
            MapOp::Delete(_) => MapRet::Deleted(state.is_some() != wrong),
            MapOp::CompareAndSet(_, from, _) => MapRet::Exchanged((*from == state) != wrong),
            MapOp::Increment(..) => MapRet::Number(state.unwrap_or(0) + by + u8::from(wrong)),
        };
        let how = draw.below(8);
        let next = model.step(&state, &op, None)[0];
        if how != 0 && (how != 1 || draw.below(2) == 0) {
            match next {
                Some(next) => held.insert(key, next),
                None => held.remove(&key),
            };
        }
        operations.push(match how {
            0 => operation.failed(at(to * 100 + 50)),
            1 => operation,
            _ => operation.returned(answer, at(to * 100 + number)),
        });
    }
    operations
}

#[test]
fn random_histories_of_up_to_seven_operations_are_judged_as_by_trying_every_order() {
    let mut fine = 0;
    let count = 6_000;
    for seed in 0..count {
        fine += u64::from(agree(&Map::new(), &random_map(seed)));
    }
    assert!(fine > count / 5 && fine < count * 4 / 5, "{fine}");
}

/// As [`random_map`], of a queue.
fn random_queue(seed: u64) -> Vec<Operation<QueueOp<u64>, QueueRet<u64>>> {
    let mut draw = Draw(seed, 1 << 32);
    let count = 1 + draw.below(6);
    let mut operations = Vec::new();
    let mut held = Vec::new();
    for number in 0..count {
        let from = number * 2 + 1;
        let to = from + 1 + 2 * draw.below(4);
        let wrong = draw.below(2) == 0;
        let is_push = draw.below(2) == 0;
        let op = if is_push {
            QueueOp::Push(number)
        } else {
            QueueOp::Pop
        };
        let operation = Operation::new(format!("c{number}"), op, at(from * 100));
        let answer = if is_push {
            held.push(number);
            QueueRet::Pushed
        } else if held.is_empty() || wrong {
            QueueRet::Popped(None)
        } else {
            QueueRet::Popped(Some(held.remove(0)))
        };
        operations.push(match draw.below(6) {
            0 => operation,
            _ => operation.returned(answer, at(to * 100 + number)),
        });
    }
    operations
}

#[test]
fn random_histories_of_a_queue_are_judged_as_by_trying_every_order() {
    let mut fine = 0;
    let count = 3_000;
    for seed in 0..count {
        fine += u64::from(agree(&Queue::new(), &random_queue(seed)));
    }
    assert!(fine > count / 5 && fine < count * 19 / 20, "{fine}");
}

/// A model that leaves open what happens: a register that may forget.
struct Forgetful;

impl Model for Forgetful {
    type Op = RegisterOp<u8>;
    type Ret = RegisterRet<u8>;
    type State = u8;

    fn init(&self) -> u8 {
        0
    }

    fn step(&self, state: &u8, op: &RegisterOp<u8>, answer: Option<&RegisterRet<u8>>) -> Vec<u8> {
        let mut next = Register::new(0).step(state, op, answer);
        if matches!(op, RegisterOp::Write(_)) && !next.is_empty() {
            next.push(*state);
        }
        next
    }
}

#[test]
fn a_model_may_leave_open_what_happens() {
    for spans in interleavings(3) {
        for code in 0..5_usize.pow(3) {
            let kinds = [code % 5, code / 5 % 5, code / 25];
            let operations: Vec<_> = spans
                .iter()
                .zip(kinds)
                .map(|(&span, it)| kind(it, span))
                .collect();
            agree(&Forgetful, &operations);
        }
    }
}

#[test]
fn a_long_history_of_one_key_takes_few_steps() {
    // 4 000 operations of 8 clients, each of which waits for its own.
    let mut operations = Vec::new();
    for round in 0..500_u64 {
        for client in 0..8 {
            let number = round * 8 + client;
            let write = Operation::new(client, MapOp::Set("key", number), at(number * 10));
            operations.push(write.returned(MapRet::Done, at(number * 10 + 75)));
        }
    }
    let last = Operation::new("reader", MapOp::Get("key"), at(1_000_000));
    operations.push(last.returned(MapRet::Value(Some(3_999)), at(1_000_001)));
    let verdict = check_within(&Map::new(), &operations, 20_000);
    assert_eq!(verdict, Verdict::Linearizable);
}

#[test]
fn a_budget_that_is_spent_is_no_verdict() {
    let open = |number: u64| Operation::new("c", RegisterOp::Write(number), at(number + 1));
    let mut operations: Vec<_> = (0..20).map(open).collect();
    let read = Operation::new("c", RegisterOp::Read, at(100));
    operations.push(read.returned(RegisterRet::Value(99), at(101)));
    let verdict = check_within(&Register::new(0), &operations, 1_000);
    let Verdict::Unknown { partition, steps } = verdict else {
        panic!("{verdict}");
    };
    assert_eq!((&*partition, steps), ("", 1_000));
}

#[test]
fn a_violation_tells_the_shortest_beginning_and_how_far_an_order_comes() {
    let set = |client: &str, value, from, to| {
        Operation::new(client, MapOp::Set("a", value), at(from)).returned(MapRet::Done, at(to))
    };
    let get = |client: &str, value, from, to| {
        Operation::new(client, MapOp::Get("a"), at(from))
            .returned(MapRet::Value(Some(value)), at(to))
    };
    let history = [
        Operation::new("other", MapOp::Get("b"), at(1)).returned(MapRet::Value(None), at(2)),
        set("one", 1, 1_000, 2_000),
        set("two", 2, 2_500, 3_000),
        Operation::new("gone", MapOp::Set("a", 5), at(3_500)),
        get("one", 1, 4_000, 5_000),
        set("two", 3, 6_000, 7_000),
    ];
    let verdict = check(&Map::new(), &history);
    let violation = verdict.violation().expect("what was overwritten is read");
    assert_eq!(violation.partition(), "\"a\"");
    assert_eq!(violation.operations(), [1, 2, 3, 4]);
    assert_eq!(
        violation.to_string(),
        "not linearizable for \"a\": 4 of 5 operations have no order
    0.001000 s to 0.002000 s    one Set(\"a\", 1) = Done
    0.002500 s to 0.003000 s    two Set(\"a\", 2) = Done
    0.003500 s to never         gone Set(\"a\", 5)
>   0.004000 s to 0.005000 s    one Get(\"a\") = Value(Some(1))
  before one Get(\"a\") = Value(Some(1)) returned, there was an order; now none comes further than
    one Set(\"a\", 1) = Done, which leaves Some(1)
    two Set(\"a\", 2) = Done, which leaves Some(2)
    gone Set(\"a\", 5), which leaves Some(5)
  after which one Get(\"a\") = Value(Some(1)) cannot be"
    );
}
