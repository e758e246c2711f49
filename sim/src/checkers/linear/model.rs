//! What operations mean.

use std::fmt::Debug;

/// What one copy does that does one thing after the other: the specification that a history is
/// compared with.
///
/// # Examples
/// ```
/// use simoom_sim::linear::Model;
///
/// /// Gives out numbers, each once, in whatever order.
/// struct Tickets {
///     count: u32,
/// }
///
/// impl Model for Tickets {
///     type Op = ();
///     type Ret = u32;
///     /// Those that are left.
///     type State = Vec<u32>;
///
///     fn init(&self) -> Vec<u32> {
///         (0..self.count).collect()
///     }
///
///     fn step(&self, left: &Vec<u32>, _op: &(), answer: Option<&u32>) -> Vec<Vec<u32>> {
///         let without = |ticket: &u32| left.iter().copied().filter(|it| it != ticket).collect();
///         let given = left.iter().filter(|ticket| answer.is_none_or(|answer| answer == *ticket));
///         given.map(without).collect()
///     }
/// }
/// ```
pub trait Model {
    /// What is asked for.
    type Op: Debug;
    /// What is answered.
    type Ret: Debug;
    /// What the copy holds. Its order only serves to find states again.
    type State: Clone + Ord + Debug;

    /// What it holds at first.
    fn init(&self) -> Self::State;

    /// What it may hold after `op` in `state` was answered by `answer`; nothing if that cannot be.
    ///
    /// Without an answer the operation is open: then, what it may hold after any answer. More than
    /// one state says that the model leaves open what happens.
    fn step(
        &self,
        state: &Self::State,
        op: &Self::Op,
        answer: Option<&Self::Ret>,
    ) -> Vec<Self::State>;

    /// The part of the state that `op` is about, such as a key, if no operation is about two parts.
    /// Default: there is one part, with the empty name.
    ///
    /// The operations of each part are judged by themselves, each with a state of its own, which is
    /// what makes long histories checkable.
    fn partition(&self, op: &Self::Op) -> String {
        let _ = op;
        String::new()
    }
}
