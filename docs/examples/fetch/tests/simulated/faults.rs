//! What the agent promises when machines and networks do not do what they should: whoever is asked
//! answers or fails in time, there are not too many requests, and a stop leaves nothing behind.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use fetch::stop::until;
use fetch::{Answer, Failure, Research, Source, crawl, research};
use simoom::signal::ctrl_c;
use simoom::time::{Instant, sleep};
use simoom_sim::{Ended, Kind, Leaks, Node, Plan, Profile, Sim};

use crate::site::Site;
use crate::{client, ms, secs, serve};

const PATIENCE: Duration = Duration::from_secs(5);

/// Pages that take up to 6 s: some are late even on a good day, and the first 20 have a second left.
fn site() -> Site {
    (0..30).fold(Site::knowing(ms(600), ms(700), ms(1200)), |site, it| {
        site.titled(&format!("/{it}"), ms(it * 200))
    })
}

fn urls() -> Vec<String> {
    (0..30).map(|it| format!("http://server/{it}")).collect()
}

/// Crawls all pages on a machine of its own, and checks what is promised.
async fn crawls(sim: &Sim, site: &Site) -> Vec<Answer> {
    let crawling = sim.node("agent").spawn(async {
        let client = client(PATIENCE, 10);
        let start = Instant::now();
        let answers = crawl(&client, urls()).await;
        (answers, start.elapsed())
    });
    let (answers, took) = crawling.await.unwrap();
    assert_eq!(answers.len(), 30);
    // Three waves of ten, none of which takes longer than the client is patient.
    assert!(took <= 3 * PATIENCE, "{took:?}");
    let given_up = answers.iter().filter(|it| it.came.is_err()).count();
    let seen = site.seen();
    // A server may not have heard yet that nobody waits for its answer.
    assert!(
        seen.most <= 10 + given_up,
        "{} at once, {given_up} given up",
        seen.most
    );
    answers
}

#[simoom_sim::test(seeds = 100)]
async fn everybody_answers_or_fails_in_time(sim: Sim) {
    let site = site();
    serve(&sim, &site);
    sleep(secs(1)).await;
    // Whoever stands still keeps no promise of time.
    sim.faults(Plan::from(Profile::hostile()).without(Kind::NodePaused));
    crawls(&sim, &site).await;
}

#[simoom_sim::test(seeds = 100)]
async fn a_server_that_crashes_is_a_failure_and_no_end(sim: Sim) {
    let site = site();
    let server = serve(&sim, &site);
    sleep(secs(1)).await;
    let crashing = simoom::task::spawn_local(async move {
        sleep(ms(simoom::rand::range(0..3_000))).await;
        server.kill();
        sleep(secs(2)).await;
        server.restart();
    });
    let answers = crawls(&sim, &site).await;
    assert!(answers.iter().any(|it| it.came.is_err()));
    crashing.await.unwrap();
    let answers = crawls(&sim, &site).await;
    assert!(
        answers[..20].iter().all(|it| it.came.is_ok()),
        "{answers:?}"
    );
}

#[simoom_sim::test(seeds = 100)]
async fn behind_a_partition_is_nobody_and_then_somebody(sim: Sim) {
    let site = site();
    let server = serve(&sim, &site);
    sleep(secs(1)).await;
    sim.net().partition(&server, &sim.node("agent"));
    let answers = crawls(&sim, &site).await;
    let is_late = |it: &Answer| matches!(it.came, Err(Failure::TimedOut(PATIENCE)));
    assert!(answers.iter().all(is_late), "{answers:?}");
    sim.net().heal_all();
    let answers = crawls(&sim, &site).await;
    assert!(
        answers[..20].iter().all(|it| it.came.is_ok()),
        "{answers:?}"
    );
}

/// Runs the agent as a program that ends at Ctrl-C, and keeps what it has had.
fn program(sim: &Sim, answers: &Rc<RefCell<Vec<Answer>>>) -> Node {
    let kept = answers.clone();
    sim.node("agent").run(move || {
        let kept = kept.clone();
        async move {
            let stop = ctrl_c();
            let about = Research {
                topic: "deserts".to_owned(),
                sources: [Source::Summary, Source::Search, Source::News]
                    .map(|source| source("http://server".to_owned()))
                    .into(),
                notes: "/notes.txt".into(),
            };
            let work = async move {
                let client = client(PATIENCE, 10);
                let mut answers = research(client.clone(), about).await;
                if !simoom::task::is_cancelled() {
                    answers.extend(crawl(&client, urls()).await);
                }
                answers
            };
            *kept.borrow_mut() = until(stop, work).await.unwrap_or_default();
        }
    })
}

#[simoom_sim::test(seeds = 200)]
async fn ctrl_c_leaves_nothing_behind(sim: Sim) {
    sim.leaks(Leaks::none().allow_on("server"));
    let site = site();
    serve(&sim, &site);
    sleep(secs(1)).await;
    sim.faults(Profile::lossy());
    let answers = Rc::new(RefCell::new(Vec::new()));
    let agent = program(&sim, &answers);
    let after = ms(simoom::rand::range(1..12_000));
    sleep(after).await;
    agent.interrupt();
    let asked = Instant::now();
    assert_eq!(agent.wait().await, Ended::Returned);
    // It waits for nobody: not for a server, and not for a deadline.
    assert!(asked.elapsed() < secs(1), "{:?}", asked.elapsed());
    for answer in answers.borrow().iter() {
        let is_known = matches!(
            answer.came,
            Ok(_) | Err(Failure::Stopped | Failure::TimedOut(_) | Failure::Broken(_))
        );
        assert!(is_known, "{answer}");
    }
    assert!(answers.borrow().len() >= 4, "{:?}", answers.borrow());
    // Its connections are closed, and so its requests end.
    sim.heal();
    sleep(secs(10)).await;
    assert_eq!(site.seen().now, 0);
}

#[simoom_sim::test(seeds = 50)]
async fn what_was_learned_is_remembered(sim: Sim) {
    let site = site();
    serve(&sim, &site);
    sleep(secs(1)).await;
    for expected in [
        "memory: nothing",
        "memory: Deserts are dry. A simoom is a wind of deserts.",
    ] {
        let answers = Rc::new(RefCell::new(Vec::new()));
        let agent = sim.node("agent");
        if expected == "memory: nothing" {
            program(&sim, &answers);
        } else {
            // What was synced outlives the power.
            agent.power_loss();
            let kept = answers.clone();
            agent.restart_with(move || {
                let kept = kept.clone();
                async move {
                    let memory = fetch::memory::recall("/notes.txt".into(), "deserts".into());
                    *kept.borrow_mut() = vec![Answer {
                        from: "memory".to_owned(),
                        came: memory.await,
                    }];
                }
            });
        }
        assert_eq!(agent.wait().await, Ended::Returned);
        let answers = answers.borrow();
        let memory = answers.iter().find(|it| it.from == "memory").unwrap();
        assert_eq!(memory.to_string(), expected);
    }
}
