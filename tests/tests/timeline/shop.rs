//! A shop that has one book left: what goes wrong in it is looked at.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::time::sleep;
use simoom_sim::Sim;

/// What the shop says when somebody has paid.
pub(crate) const SOLD: &str = "a book is sold";

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

async fn sell(left: Rc<Cell<u32>>, mut buyer: TcpStream) -> io::Result<()> {
    let seen = left.get();
    if seen == 0 {
        return buyer.write_u8(0).await;
    }
    sleep(ms(5)).await;
    left.set(seen - 1);
    tracing::info!(left = left.get(), "{SOLD}");
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

/// Keeps a connection of its own busy.
async fn chat(rounds: u32) -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:7").await?;
    let answer = simoom::task::spawn_local(async move {
        let (mut stream, _) = listener.accept().await?;
        loop {
            let byte = stream.read_u8().await?;
            stream.write_u8(byte).await?;
        }
        #[expect(unreachable_code, reason = "it says what the result is")]
        io::Result::Ok(())
    });
    let mut stream = TcpStream::connect("radio:7").await?;
    for _ in 0..rounds {
        stream.write_u8(1).await?;
        stream.read_u8().await?;
        sleep(ms(2)).await;
    }
    answer.abort();
    Ok(())
}

/// Two who want the book, somebody who talks, and a machine that is turned off.
pub(crate) async fn one_book_is_sold_once(sim: Sim) {
    let shop_node = sim.node("shop");
    shop_node.run(shop);
    let radio = sim.node("radio");
    radio.spawn(chat(6));
    let lamp = sim.node("lamp");
    lamp.spawn(async { sleep(ms(1_000)).await });
    sim.note("the shop opens");
    let ann = sim.node("ann").spawn(buy());
    sleep(ms(8)).await;
    lamp.kill();
    sim.net().partition(&radio, &lamp);
    sleep(ms(7)).await;
    let bob = sim.node("bob").spawn(buy());
    let sold = ann.await.unwrap().unwrap() + bob.await.unwrap().unwrap();
    assert_eq!(sold, 1, "so many have paid for one book");
}
