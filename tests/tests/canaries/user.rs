//! Canaries of marked places.

use simoom_sim::Kind;

use crate::Canary;

pub(crate) const CANARIES: &[Canary] = &[Canary::new(Kind::UserBuggified, |sim| {
    Box::pin(async move {
        let program = sim.node("program").spawn(async {
            let one = simoom::buggify!("empty cache");
            one && simoom::buggify!("early flush", 1 / 1000)
        });
        program.await.expect("the program ends")
    })
})];
