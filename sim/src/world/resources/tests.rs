//! Things that several worlds use.

use simoom::backend::Resource;

use super::Resources;
use crate::world::alive::Alive;

/// Numbers that no world of another test has.
const ONE: u64 = 0xfff0_0001;
const OTHER: u64 = 0xfff0_0002;

#[test]
fn what_a_world_uses_that_runs_now_is_shared() {
    let (resource, mut one, mut other) =
        (Resource::new(), Resources::default(), Resources::default());
    let _one = Alive::new(ONE);
    let alive = Alive::new(OTHER);
    one.thing(ONE, &resource);
    one.thing(ONE, &resource);
    assert!(!one.take_shared(), "its own");
    other.thing(OTHER, &resource);
    assert!(other.take_shared());
    assert!(!other.take_shared(), "it is told once");
    // The first finds it taken over.
    one.thing(ONE, &resource);
    assert!(one.take_shared());
    other.thing(OTHER, &resource);
    drop(alive);
    one.take_shared();
    one.thing(ONE, &resource);
    assert!(
        !one.take_shared(),
        "a static that outlives a run is named anew"
    );
}
