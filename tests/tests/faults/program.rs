//! A real program, the example `kv`, under everything that goes wrong.

use kv::Client;
use simoom::time::{Duration, sleep, timeout};
use simoom_sim::{Config, Profile, Report, Sim, check};

use crate::config;

/// A client counts for half a minute; when faults have ended, another is answered.
async fn counts(sim: Sim, profile: Profile) {
    let server = sim.node("server").run(|| kv::serve("0.0.0.0:6379"));
    sim.faults(profile);
    let counting = sim.node("client").spawn(async {
        loop {
            sleep(Duration::from_millis(200)).await;
            let asking = async {
                let mut client = Client::connect("server:6379").await?;
                client.incr("count").await
            };
            if let Ok(Ok(count)) = timeout(Duration::from_secs(2), asking).await {
                assert!(count > 0, "counts begin at 1");
            }
        }
        #[expect(unreachable_code, reason = "gives the block its type")]
        ()
    });
    sleep(Duration::from_secs(30)).await;
    sim.heal();
    assert!(server.is_alive());
    let asking = sim.node("other client").spawn(async {
        let mut client = Client::connect("server:6379").await?;
        client.ping().await
    });
    let answered = timeout(Duration::from_secs(10), asking).await;
    let answered = answered.expect("the server answers in time");
    answered.unwrap().expect("nothing goes wrong any more");
    counting.abort();
}

fn sweep(profile: Profile) -> Report {
    let config: Config = config(12);
    check(config, move |sim| counts(sim, profile))
}

#[test]
fn kv_serves_again_after_everything_went_wrong() {
    for profile in [Profile::lossy(), Profile::hostile(), Profile::swarm()] {
        let report = sweep(profile);
        assert!(report.failure().is_none(), "{profile}: {report}");
        let fired: u64 = report.faults().iter().map(|(_, counts)| counts.fired).sum();
        assert!(fired > 20, "{profile}: {report}");
    }
}
