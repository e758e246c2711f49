//! A shop that has one book left, and two who want it.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::time::sleep;
use simoom_sim::Sim;

/// Asks the bank, which takes a while.
async fn pay() {
    sleep(Duration::from_millis(5)).await;
}

async fn sell(left: Rc<Cell<u32>>, mut buyer: TcpStream) -> io::Result<()> {
    let seen = left.get();
    if seen == 0 {
        return buyer.write_u8(0).await;
    }
    pay().await;
    left.set(seen - 1);
    buyer.write_u8(1).await
}

async fn shop() -> io::Result<()> {
    let left = Rc::new(Cell::new(1));
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    loop {
        let (buyer, _) = listener.accept().await?;
        simoom::task::spawn_local(sell(left.clone(), buyer));
    }
}

async fn buy() -> io::Result<u8> {
    let mut shop = TcpStream::connect("shop:80").await?;
    shop.read_u8().await
}

pub(crate) async fn one_book_is_sold_once(sim: Sim) {
    sim.node("shop").run(shop);
    let ann = sim.node("ann").spawn(buy());
    sleep(Duration::from_millis(15)).await;
    let bob = sim.node("bob").spawn(buy());
    let sold = ann.await.unwrap().unwrap() + bob.await.unwrap().unwrap();
    assert_eq!(sold, 1, "so many have paid for one book");
}
