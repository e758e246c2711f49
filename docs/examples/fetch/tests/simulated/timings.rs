//! How long it takes, to the nanosecond: on a network that takes no time, all there is are the pauses
//! of the servers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fetch::agents::{Agent, ask_all, ask_in_turn};
use fetch::stop::until;
use fetch::{Answer, Client, Failure, Finding, Source, crawl};
use hyper::StatusCode;
use simoom::task::spawn_blocking;
use simoom::time::{Instant, sleep};
use simoom_sim::Sim;

use crate::site::Site;
use crate::{client, ms, secs, serve};

/// A server that is there, over a network without delay.
async fn served(sim: &Sim, site: &Site) {
    sim.net().default_latency(Duration::ZERO, Duration::ZERO);
    serve(sim, site);
    sleep(secs(1)).await;
}

/// What `work` returns, and how long it took.
async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let output = work.await;
    (output, start.elapsed())
}

/// Pages of this server, in this order.
fn urls(pages: impl IntoIterator<Item = impl std::fmt::Display>) -> Vec<String> {
    let pages = pages.into_iter();
    pages.map(|page| format!("http://server/{page}")).collect()
}

fn agents(client: &Client) -> Vec<Agent> {
    let at = || "http://server".to_owned();
    let sources = [
        Source::Summary(at()),
        Source::Search(at()),
        Source::News(at()),
    ];
    let ask = |it: Source| Agent::new(it.name(), it.ask(client.clone(), "deserts".into()));
    sources.map(ask).into()
}

fn is_found(answer: &Answer) -> bool {
    answer.came.is_ok()
}

#[simoom_sim::test(seeds = 50)]
async fn three_sources_take_as_long_as_the_slowest(sim: Sim) {
    served(&sim, &Site::knowing(ms(600), ms(700), ms(1200))).await;
    let client = client(secs(5), 10);

    let (answers, took) = timed(ask_all(agents(&client))).await;
    assert_eq!(took, ms(1200));
    let names: Vec<_> = answers.iter().map(|answer| &*answer.from).collect();
    assert_eq!(names, ["summary", "search", "news"]);
    assert!(answers.iter().all(is_found));

    let (answers, took) = timed(ask_in_turn(agents(&client))).await;
    assert_eq!(took, ms(2500));
    assert!(answers.iter().all(is_found));
}

#[simoom_sim::test(seeds = 50)]
async fn pages_of_one_two_and_three_seconds_take_six_or_three(sim: Sim) {
    let site = (1..=3).fold(Site::default(), |site, it| {
        site.titled(&format!("/{it}"), secs(it))
    });
    served(&sim, &site).await;
    let one_by_one = client(secs(5), 1);
    let (answers, took) = timed(crawl(&one_by_one, urls(1..=3))).await;
    assert_eq!(took, secs(6));
    assert!(answers.iter().all(is_found));

    let at_once = client(secs(5), 10);
    let (answers, took) = timed(crawl(&at_once, urls(1..=3))).await;
    assert_eq!(took, secs(3));
    assert!(answers.iter().all(is_found));
}

#[simoom_sim::test(seeds = 50)]
async fn three_pages_of_a_second_take_one(sim: Sim) {
    let site = (1..=3).fold(Site::default(), |site, it| {
        site.titled(&format!("/{it}"), secs(1))
    });
    served(&sim, &site).await;
    let (_, took) = timed(crawl(&client(secs(5), 10), urls(1..=3))).await;
    assert_eq!(took, secs(1));
}

#[simoom_sim::test(seeds = 50)]
async fn answers_come_in_the_order_of_the_questions(sim: Sim) {
    let site = Site::default()
        .titled("/1", secs(2))
        .titled("/2", secs(3))
        .titled("/3", secs(1))
        .refusing("/4", StatusCode::GONE);
    served(&sim, &site).await;
    let (answers, took) = timed(crawl(&client(secs(5), 10), urls(1..=4))).await;
    assert_eq!(took, secs(3));
    assert_eq!(site.seen().done, ["/4", "/3", "/1", "/2"]);
    let texts: Vec<String> = answers.iter().map(Answer::to_string).collect();
    let expected = [
        "the page /1",
        "the page /2",
        "the page /3",
        "the server says 410 Gone",
    ];
    for (number, (text, expected)) in (1..).zip(texts.iter().zip(expected)) {
        assert_eq!(*text, format!("http://server/{number}: {expected}"));
    }
}

#[simoom_sim::test(seeds = 50)]
async fn two_at_once_go_in_waves(sim: Sim) {
    let site = ["a", "b", "c", "d"]
        .iter()
        .fold(Site::default(), |site, it| {
            site.titled(&format!("/{it}"), secs(1))
        });
    served(&sim, &site).await;
    let two = client(secs(5), 2);
    let crawling =
        simoom::spawn(async move { timed(crawl(&two, urls(["a", "b", "c", "d"]))).await });
    sleep(ms(500)).await;
    assert_eq!(site.seen().now, 2);
    assert_eq!(site.seen().done.len(), 0);
    sleep(secs(1)).await;
    assert_eq!(site.seen().now, 2);
    assert_eq!(site.seen().done.len(), 2);
    let (_, took) = crawling.await.unwrap();
    assert_eq!(took, secs(2));
    assert_eq!(site.seen().most, 2);
}

#[simoom_sim::test(seeds = 50)]
async fn ten_at_once_go_in_waves_too(sim: Sim) {
    let site = (0..25).fold(Site::default(), |site, it| {
        site.titled(&format!("/{it}"), secs(1))
    });
    served(&sim, &site).await;
    let (answers, took) = timed(crawl(&client(secs(5), 10), urls(0..25))).await;
    assert_eq!(took, secs(3));
    assert_eq!(site.seen().most, 10);
    assert!(answers.iter().all(is_found));
}

#[simoom_sim::test(seeds = 50)]
async fn patience_ends_when_it_says(sim: Sim) {
    let site = Site::default()
        .titled("/soon", ms(500))
        .titled("/never", secs(10));
    served(&sim, &site).await;
    for patience in [2, 3, 5].map(secs) {
        let client = client(patience, 10);
        let (answers, took) = timed(crawl(&client, urls(["never", "soon"]))).await;
        assert_eq!(took, patience);
        assert!(matches!(answers[0].came, Err(Failure::TimedOut(it)) if it == patience));
        assert!(is_found(&answers[1]));
    }
    // What was given up is not worked on any more, as soon as the server has heard of it.
    sleep(ms(1)).await;
    assert_eq!(site.seen().now, 0);
    assert_eq!(site.seen().done, ["/soon"; 3]);
}

#[simoom_sim::test(seeds = 50)]
async fn a_stop_leaves_what_there_is(sim: Sim) {
    let site = Site::default()
        .titled("/1", ms(500))
        .titled("/2", ms(1000))
        .titled("/3", ms(2000));
    served(&sim, &site).await;
    let client = client(secs(5), 10);
    let crawling = async move { crawl(&client, urls(1..=3)).await };
    let (answers, took) = timed(until(sleep(ms(1500)), crawling)).await;
    assert_eq!(took, ms(1500));
    let answers = answers.unwrap();
    assert!(is_found(&answers[0]) && is_found(&answers[1]));
    assert!(matches!(answers[2].came, Err(Failure::Stopped)));
}

#[simoom_sim::test(seeds = 20)]
async fn what_takes_a_thread_takes_no_turn_of_others() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let noted = order.clone();
    let squares = async move {
        let squares = spawn_blocking(|| (0..10_000_000_u128).map(|it| it * it).sum::<u128>());
        let sum = squares.await?;
        noted.lock().unwrap().push("squares");
        Ok(Finding {
            lines: vec![sum.to_string()],
        })
    };
    let answers = ask_all(vec![Agent::new("squares", squares)]).await;
    let Ok(Finding { lines }) = &answers[0].came else {
        panic!("{}", answers[0])
    };
    assert_eq!(lines, &["333333283333335000000"]);
    assert_eq!(*order.lock().unwrap(), ["squares"]);
}
