//! Canaries of disks.

use std::future::Future;
use std::io;

use simoom::fs::{self, File};
use simoom::io::AsyncReadExt;
use simoom::time::{Duration, Instant, sleep};
use simoom_sim::{Kind, Sim};

use crate::Canary;

pub(crate) const CANARIES: &[Canary] = &[
    Canary::new(Kind::DiskReadFailed, |sim| {
        Box::pin(async move {
            on_node(&sim, async {
                fs::write("/tmp/a", b"hello").await.expect("it is written");
                errno(fs::read("/tmp/a").await) == Some(libc::EIO)
            })
            .await
        })
    }),
    Canary::new(Kind::DiskWriteFailed, |sim| {
        Box::pin(async move {
            let writing = async { errno(fs::write("/tmp/a", b"hello").await) };
            on_node(&sim, writing).await == Some(libc::EIO)
        })
    }),
    Canary::new(Kind::DiskSpaceExhausted, |sim| {
        Box::pin(async move {
            let writing = async { errno(fs::write("/tmp/a", b"hello").await) };
            on_node(&sim, writing).await == Some(libc::ENOSPC)
        })
    }),
    Canary::new(Kind::DiskSyncFailed, |sim| {
        Box::pin(async move {
            on_node(&sim, async {
                let file = File::create("/tmp/a").await.expect("it is made");
                file.write_at(b"hello", 0).await.expect("it is written");
                errno(file.sync_all().await) == Some(libc::EIO)
            })
            .await
        })
    }),
    Canary::new(Kind::DiskSyncFailed, |sim| {
        Box::pin(async move {
            let naming = async {
                let file = File::create("/tmp/a").await.expect("it is made");
                let _ = file.sync_all().await;
                let _ = fs::sync_dir("/tmp").await;
            };
            on_node(&sim, naming).await;
            let worker = sim.node("worker");
            worker.power_loss();
            !worker.disk().exists("/tmp/a")
        })
    }),
    Canary::new(Kind::DiskReadShortened, |sim| {
        Box::pin(async move {
            let report = on_node(&sim, async {
                fs::write("/tmp/a", [7; 1000]).await.expect("it is written");
                let mut file = File::open("/tmp/a").await.expect("it is there");
                file.read(&mut [0; 1000]).await.expect("it can be read")
            });
            report.await < 1000
        })
    }),
    Canary::new(Kind::DiskWriteShortened, |sim| {
        Box::pin(async move {
            let report = on_node(&sim, async {
                let file = File::create("/tmp/a").await.expect("it is made");
                file.write_at(&[7; 1000], 0).await.expect("it is written")
            });
            report.await < 1000
        })
    }),
    Canary::new(Kind::DiskAccessSlowed, |sim| {
        Box::pin(async move {
            let report = on_node(&sim, async {
                let before = Instant::now();
                fs::write("/tmp/a", b"hello").await.expect("it is written");
                before.elapsed()
            });
            report.await > Duration::from_secs(1)
        })
    })
    .with(|fault| {
        let second = Duration::from_secs(1);
        fault.lasting(second..=second)
    }),
    Canary::new(Kind::DiskUnsyncedLost, |sim| {
        Box::pin(async move { after_power_losses(&sim, |content| content.is_none()).await })
    })
    .without_a_plan_too(),
    // A sector of which a part is as it was.
    Canary::new(Kind::DiskSectorTorn, |sim| {
        Box::pin(async move {
            after_power_losses(&sim, |content| {
                let content = content.unwrap_or_default();
                content.first() == Some(&NEW) && content.iter().any(|byte| *byte != NEW)
            })
            .await
        })
    })
    .without_a_plan_too(),
];

const NEW: u8 = 2;

/// Runs `program` on a node of its own.
async fn on_node<T: 'static>(sim: &Sim, program: impl Future<Output = T> + 'static) -> T {
    sim.node("worker")
        .spawn(program)
        .await
        .expect("the program ends")
}

fn errno<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

/// Writes files of one sector without a sync, one after the other, and takes the power each time;
/// says whether `notices` anything in one of them.
async fn after_power_losses(sim: &Sim, notices: fn(Option<Vec<u8>>) -> bool) -> bool {
    let worker = sim.node("worker").run(|| async {
        std::future::pending::<()>().await;
    });
    let mut noticed = false;
    for round in 0..12 {
        let path = format!("/tmp/{round}");
        let target = path.clone();
        let writing = worker.spawn(async move { fs::write(target, [NEW; 512]).await });
        writing
            .await
            .expect("the program ends")
            .expect("it is written");
        worker.power_loss();
        worker.restart();
        sleep(Duration::from_millis(1)).await;
        noticed |= notices(worker.disk().read(&path).ok());
    }
    noticed
}
