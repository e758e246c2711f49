//! Values that are set once.

use std::cell::Cell;
use std::rc::Rc;

use simoom::sync::{OnceCell, SetOnce};
use simoom::time::{Duration, sleep};

use super::Parties;
use super::injection::ends;
use crate::settle;

pub(super) async fn once_cell(parties: Parties) {
    let cell = Rc::new(OnceCell::new());
    let made = Rc::new(Cell::new(0));
    let making = [1, 2, 3].map(|number| {
        let (cell, made) = (cell.clone(), made.clone());
        parties.start(async move {
            let make = async || {
                sleep(Duration::from_millis(1)).await;
                made.set(made.get() + 1);
                number
            };
            *cell.get_or_init(make).await
        })
    });
    let seen: Vec<_> = ends(making.into()).await.into_iter().flatten().collect();
    let value = *cell.get_or_init(async || 4).await;
    assert!(seen.iter().all(|seen| *seen == value), "{seen:?}");
    assert!(made.get() <= 1, "it was made twice");
    assert!(value == 4 || made.get() == 1);
}

pub(super) async fn set_once(parties: Parties) {
    let cell = Rc::new(SetOnce::new());
    let waiting = [(); 3].map(|()| {
        let cell = cell.clone();
        parties.start(async move { *cell.wait().await })
    });
    settle().await;
    cell.set(5).expect("nobody has");
    assert!(cell.set(6).is_err());
    let seen = ends(waiting.into()).await;
    assert!(seen.into_iter().flatten().all(|value| value == 5));
}
