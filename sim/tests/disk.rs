//! Disks of nodes: what outlives a process, and what outlives the power.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use simoom::fs::{self, File, OpenOptions};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::time::{Instant, sleep};
use simoom_sim::{Config, Disk, Fault, Kind, Node, Ratio, Sim, check};

fn config() -> Config {
    Config::default().seeds(300).persist(false)
}

/// What `look` finds on the disk of a node after `work`, which may be cut short by a loss of power
/// within `within`.
fn outcomes<F, T>(work: fn() -> F, within: Option<Duration>, look: fn(Disk) -> T) -> BTreeSet<T>
where
    F: Future<Output = std::io::Result<()>> + 'static,
    T: Ord + Send + 'static,
{
    let found = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = found.clone();
    check(config(), move |sim| {
        let seen = seen.clone();
        async move {
            let server = sim.node("server");
            server.disk().write("/data/f", [b'o'; 700]).unwrap();
            let task = server.spawn(work());
            match within {
                None => task.await.unwrap().unwrap(),
                Some(most) => {
                    let most = most.as_nanos() as u64;
                    sleep(Duration::from_nanos(simoom::rand::range(0..most))).await;
                }
            }
            server.power_loss();
            seen.lock().unwrap().insert(look(server.disk()));
        }
    })
    .unwrap();
    Arc::into_inner(found).unwrap().into_inner().unwrap()
}

fn content(disk: Disk) -> Option<String> {
    let bytes = disk.read("/data/f").ok()?;
    // Runs of the same byte, so that failures can be read.
    let mut text = String::new();
    for part in bytes.chunk_by(|one, two| one == two) {
        let byte = if part[0] == 0 {
            '0'
        } else {
            char::from(part[0])
        };
        text.push_str(&format!("{byte}{} ", part.len()));
    }
    Some(text)
}

async fn overwrite() -> std::io::Result<File> {
    let file = OpenOptions::new().write(true).open("/data/f").await?;
    file.write_all_at(&[b'n'; 700], 0).await?;
    Ok(file)
}

#[test]
fn what_was_not_synced_is_old_new_or_torn() {
    let work = || async { overwrite().await.map(drop) };
    let found = outcomes(work, None, content);
    for expected in ["o700 ", "n700 ", "n512 o188 ", "o512 n188 "] {
        assert!(
            found.contains(&Some(expected.to_owned())),
            "{expected}: {found:?}"
        );
    }
    assert!(
        found.len() > 10,
        "sectors are torn at every byte: {found:?}"
    );
}

#[test]
fn what_was_synced_is_new() {
    let work = || async { overwrite().await?.sync_data().await };
    let found = outcomes(work, None, content);
    assert_eq!(found, BTreeSet::from([Some("n700 ".to_owned())]));
}

#[test]
fn a_write_that_is_synced_by_its_flags_is_new() {
    let work = || async {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .custom_flags(libc::O_DSYNC)
            .open("/data/f")
            .await?;
        file.write_all_at(&[b'n'; 700], 0).await
    };
    assert_eq!(
        outcomes(work, None, content),
        BTreeSet::from([Some("n700 ".to_owned())])
    );
}

#[test]
fn write_atomic_leaves_the_old_or_the_new() {
    async fn work() -> std::io::Result<()> {
        fs::write_atomic("/data/f", [b'n'; 5_000]).await
    }
    let new = Some("n5000 ".to_owned());
    let old = Some("o700 ".to_owned());
    let found = outcomes(work, Some(Duration::from_millis(40)), content);
    assert_eq!(found, BTreeSet::from([old, new.clone()]));
    let found = outcomes(work, None, content);
    assert_eq!(found, BTreeSet::from([new]));
}

#[test]
fn renaming_without_syncing_the_bytes_loses_both() {
    let work = || async {
        fs::write("/data/f.new", [b'n'; 700]).await?;
        fs::rename("/data/f.new", "/data/f").await?;
        fs::sync_dir("/data").await
    };
    let found = outcomes(work, None, content);
    assert!(
        found.contains(&Some(String::new())),
        "neither old nor new: {found:?}"
    );
}

#[test]
fn a_new_file_needs_its_directory_synced() {
    async fn make() -> std::io::Result<()> {
        let mut file = File::create_new("/data/g").await?;
        file.write_all(b"new").await?;
        file.sync_all().await
    }
    let look = |disk: Disk| disk.read("/data/g").ok();
    let found = outcomes(make, None, look);
    assert_eq!(found, BTreeSet::from([None, Some(b"new".to_vec())]));
    let found = outcomes(
        || async {
            make().await?;
            File::open("/data").await?.sync_all().await
        },
        None,
        look,
    );
    assert_eq!(found, BTreeSet::from([Some(b"new".to_vec())]));
}

/// What PostgreSQL learnt in 2018: after a failed fsync the next one succeeds, and the bytes are
/// lost.
#[test]
fn a_failed_sync_is_not_made_good_by_the_next() {
    let failed = Arc::new(AtomicU32::new(0));
    let counted = failed.clone();
    check(config().seeds(20), move |sim| {
        let counted = counted.clone();
        async move {
            let failing = Fault::new(Kind::DiskSyncFailed)
                .probability(Ratio::ALWAYS)
                .when(simoom_sim::faults::When::Nth(0));
            sim.faults(failing);
            let server = sim.node("server");
            server.disk().write("/data/f", b"old").unwrap();
            let task = server.spawn(async move {
                let mut options = OpenOptions::new();
                let file = options.read(true).write(true).open("/data/f").await?;
                file.write_all_at(b"new", 0).await?;
                let Err(error) = file.sync_all().await else {
                    // The calm run, in which nothing goes wrong.
                    return Ok(false);
                };
                assert_eq!(error.raw_os_error(), Some(libc::EIO));
                file.sync_all().await?;
                let mut three = [0; 3];
                file.read_exact_at(&mut three, 0).await?;
                assert_eq!(&three, b"new", "the page cache still has it");
                std::io::Result::Ok(true)
            });
            if task.await.unwrap().unwrap() {
                counted.fetch_add(1, Ordering::Relaxed);
                assert_eq!(server.disk().read_synced("/data/f").unwrap(), b"old");
                server.power_loss();
                assert_eq!(server.disk().read("/data/f").unwrap(), b"old");
            }
        }
    })
    .unwrap();
    assert!(failed.load(Ordering::Relaxed) >= 20);
}

/// The same of names: what a failed sync of a directory was to keep counts as kept, and is not.
#[test]
fn a_failed_sync_of_a_directory_loses_its_names() {
    let failed = Arc::new(AtomicU32::new(0));
    let counted = failed.clone();
    check(config().seeds(20), move |sim| {
        let counted = counted.clone();
        async move {
            let failing = Fault::new(Kind::DiskSyncFailed)
                .target(simoom_sim::faults::Target::path("/data"))
                .probability(Ratio::ALWAYS)
                .when(simoom_sim::faults::When::Nth(0));
            sim.faults(failing);
            let server = sim.node("server");
            for name in ["old", "left"] {
                server
                    .disk()
                    .write(format!("/data/{name}"), b"old")
                    .unwrap();
            }
            let task = server.spawn(async move {
                fs::write("/data/new", b"new").await?;
                File::open("/data/new").await?.sync_all().await?;
                fs::rename("/data/old", "/data/moved").await?;
                fs::remove_file("/data/left").await?;
                let Err(error) = fs::sync_dir("/data").await else {
                    // The calm run, in which nothing goes wrong.
                    return Ok(false);
                };
                assert_eq!(error.raw_os_error(), Some(libc::EIO));
                fs::write("/data/later", b"later").await?;
                File::open("/data/later").await?.sync_all().await?;
                fs::sync_dir("/data").await?;
                assert!(fs::try_exists("/data/new").await?, "it is seen until then");
                std::io::Result::Ok(true)
            });
            if task.await.unwrap().unwrap() {
                counted.fetch_add(1, Ordering::Relaxed);
                server.power_loss();
                assert_eq!(
                    server.disk().list("/data").unwrap(),
                    ["later", "left", "old"]
                );
                assert_eq!(server.disk().read("/data/old").unwrap(), b"old");
            }
        }
    })
    .unwrap();
    assert!(failed.load(Ordering::Relaxed) >= 20);
}

#[test]
fn a_name_that_a_failed_sync_lost_is_kept_once_it_is_given_anew() {
    check(config().seeds(20), |sim| async move {
        let failing = Fault::new(Kind::DiskSyncFailed)
            .target(simoom_sim::faults::Target::path("/data"))
            .probability(Ratio::ALWAYS)
            .when(simoom_sim::faults::When::Nth(0));
        sim.faults(failing);
        let server = sim.node("server");
        server.disk().write("/data/f", b"old").unwrap();
        let task = server.spawn(async {
            for _ in 0..2 {
                fs::write("/data/t", b"new").await?;
                File::open("/data/t").await?.sync_all().await?;
                fs::rename("/data/t", "/data/f").await?;
                // The first of them fails, but in a calm run.
                let _ = fs::sync_dir("/data").await;
            }
            std::io::Result::Ok(())
        });
        task.await.unwrap().unwrap();
        server.power_loss();
        assert_eq!(server.disk().list("/data").unwrap(), ["f"]);
        assert_eq!(server.disk().read("/data/f").unwrap(), b"new");
    })
    .unwrap();
}

#[test]
fn a_read_that_fails_has_gone_back_over_what_was_forgotten() {
    let failed = Arc::new(AtomicU32::new(0));
    let counted = failed.clone();
    check(config().seeds(20), move |sim| {
        let counted = counted.clone();
        async move {
            let failing = Fault::new(Kind::DiskReadFailed)
                .probability(Ratio::ALWAYS)
                .when(simoom_sim::faults::When::Nth(1));
            sim.faults(failing.may_be_inert());
            let server = sim.node("server");
            server.disk().write("/data/f", b"abcdefgh").unwrap();
            let task = server.spawn(async move {
                let mut options = OpenOptions::new();
                let mut file = options.read(true).write(true).open("/data/f").await?;
                let mut bytes = [0; 4];
                {
                    let mut read = std::pin::pin!(file.read(&mut bytes));
                    let is_ready = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).is_ready()));
                    assert!(!is_ready.await, "a read takes time");
                }
                // What the read brings is out of date.
                file.set_len(8).await?;
                let is_failed = match file.read_exact(&mut bytes).await {
                    Ok(_) => false,
                    Err(error) => {
                        assert_eq!(error.raw_os_error(), Some(libc::EIO));
                        file.read_exact(&mut bytes).await?;
                        true
                    }
                };
                assert_eq!(&bytes, b"abcd");
                std::io::Result::Ok(is_failed)
            });
            if task.await.unwrap().unwrap() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .unwrap();
    assert!(failed.load(Ordering::Relaxed) >= 20);
}

#[test]
fn a_kill_loses_nothing_that_was_written() {
    check(config(), |sim| async move {
        let server = sim.node("server");
        let task = server.spawn(async {
            let mut file = File::create("/tmp/a").await?;
            file.write_all(b"not synced").await?;
            file.flush().await?;
            fs::rename("/tmp/a", "/tmp/b").await
        });
        task.await.unwrap().unwrap();
        server.kill();
        assert_eq!(server.disk().read("/tmp/b").unwrap(), b"not synced");
        assert_eq!(server.disk().list("/tmp").unwrap(), ["b"]);
    })
    .unwrap();
}

#[test]
fn a_kill_in_the_middle_of_a_write_shows_its_parts() {
    let seen = Arc::new(Mutex::new(BTreeMap::<_, u32>::new()));
    let found = seen.clone();
    check(config(), move |sim| {
        let seen = seen.clone();
        async move {
            let server = sim.node("server");
            server.disk().write("/data/f", b"old").unwrap();
            let write = server.spawn(fs::write("/data/f", b"new"));
            sleep(Duration::from_micros(simoom::rand::range(0..1_500))).await;
            let acknowledged = write.is_finished();
            server.kill();
            let left = server.disk().read("/data/f").unwrap();
            *seen
                .lock()
                .unwrap()
                .entry((acknowledged, left))
                .or_default() += 1;
        }
    })
    .unwrap();
    let found = found.lock().unwrap();
    let expected = [
        (false, b"".to_vec()),
        // It has happened, and nobody was told.
        (false, b"new".to_vec()),
        (false, b"old".to_vec()),
        (true, b"new".to_vec()),
    ];
    assert_eq!(found.keys().cloned().collect::<Vec<_>>(), expected);
    assert!(found.values().all(|&count| count >= 5), "{found:?}");
}

#[test]
fn files_need_descriptors() {
    check(config().seeds(20), |sim| async move {
        let server = sim.node("server").descriptor_limit(2);
        let task = server.spawn(async {
            let one = File::create("/tmp/a").await.unwrap();
            let two = one.try_clone().await.unwrap();
            for error in [
                File::open("/tmp/a").await.map(drop),
                one.try_clone().await.map(drop),
                fs::read("/tmp/a").await.map(drop),
                fs::write("/tmp/a", b"").await,
            ] {
                assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::EMFILE));
            }
            fs::rename("/tmp/a", "/tmp/b").await.unwrap();
            drop(two);
            fs::read("/tmp/b").await.unwrap();
        });
        task.await.unwrap();
    })
    .unwrap();
}

#[test]
fn a_restarted_node_finds_its_files() {
    check(config().seeds(20), |sim| async move {
        let boots = Cell::new(0);
        let server = sim.node("server").run(move || {
            let boot = boots.replace(boots.get() + 1);
            async move {
                let before = fs::read("/tmp/boots").await;
                assert_eq!(before.is_ok(), boot > 0);
                fs::write("/tmp/boots", boot.to_string()).await
            }
        });
        sleep(Duration::from_millis(100)).await;
        server.restart();
        sleep(Duration::from_millis(100)).await;
        assert_eq!(server.disk().read("/tmp/boots").unwrap(), b"1");
        assert!(!sim.node("other").disk().exists("/tmp/boots"));
    })
    .unwrap();
}

#[test]
fn a_killed_nodes_files_are_closed() {
    check(config().seeds(20), |sim| async move {
        let server = sim.node("server");
        let mut file = server.spawn(File::create("/tmp/a")).await.unwrap().unwrap();
        server.kill();
        assert!(file.read(&mut [0; 4]).await.is_err());
        assert!(file.metadata().await.is_err());
        drop(file);
        assert_eq!(server.disk().list("/tmp").unwrap(), ["a"]);
    })
    .unwrap();
}

#[test]
fn destructors_of_a_killed_node_change_nothing() {
    struct Cleans(simoom::fs::Operation<()>);
    impl Drop for Cleans {
        fn drop(&mut self) {
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            let polled = std::pin::Pin::new(&mut self.0).poll(&mut cx);
            assert!(!matches!(polled, std::task::Poll::Ready(Ok(()))));
        }
    }
    check(config().seeds(20), |sim| async move {
        let server = sim.node("server");
        server.spawn(async {
            fs::write("/tmp/lock", b"").await.unwrap();
            let _cleans = Cleans(fs::remove_file("/tmp/lock"));
            std::future::pending::<()>().await;
        });
        sleep(Duration::from_millis(100)).await;
        server.power_loss();
        sleep(Duration::from_millis(100)).await;
        server.kill();
    })
    .unwrap();
    check(config().seeds(20), |sim| async move {
        let server = sim.node("server");
        server.spawn(async {
            fs::write("/tmp/lock", b"").await.unwrap();
            let _cleans = Cleans(fs::remove_file("/tmp/lock"));
            std::future::pending::<()>().await;
        });
        sleep(Duration::from_millis(100)).await;
        server.kill();
        sleep(Duration::from_millis(100)).await;
        assert!(server.disk().exists("/tmp/lock"));
    })
    .unwrap();
}

#[test]
fn a_lost_write_is_the_story_of_a_failure() {
    let report = check(config(), |sim| async move {
        let server = sim.node("server");
        server.disk().write("/data/wal", [0; 2048]).unwrap();
        let task = server.spawn(async {
            let file = OpenOptions::new().write(true).open("/data/wal").await?;
            file.write_all_at(&[1; 2048], 0).await
        });
        task.await.unwrap().unwrap();
        server.power_loss();
        let found = server.disk().read("/data/wal").unwrap();
        assert_eq!(found[1024], 1, "the third sector was acknowledged");
    });
    let text = report.failure().expect("some seed loses it").to_string();
    assert!(text.contains("to 1 fault in"), "{text}");
    assert!(text.contains("disk.unsynced.lost"), "{text}");
    assert!(text.contains("server:/data/wal sector 2"), "{text}");
}

#[test]
fn losses_are_counted() {
    let report = check(config(), |sim| async move {
        let server = sim.node("server");
        server
            .spawn(fs::write("/tmp/a", b"1"))
            .await
            .unwrap()
            .unwrap();
        server.power_loss();
        server.restart_with(|| async { fs::try_exists("/tmp/a").await.map(drop) });
        sleep(Duration::from_millis(100)).await;
    });
    let counts = report.faults().of(Kind::DiskUnsyncedLost);
    assert!(counts.offered >= 300, "{counts:?}");
    assert!(counts.fired > 50 && counts.observed > 50, "{counts:?}");
    report.unwrap();
}

#[test]
fn a_plan_decides_what_is_lost() {
    for probability in [Ratio::NEVER, Ratio::ALWAYS] {
        check(config().seeds(20), move |sim| async move {
            let lost = Fault::new(Kind::DiskUnsyncedLost).probability(probability);
            sim.faults(lost.may_be_inert());
            let server = sim.node("server");
            server.disk().write("/tmp/a", b"old").unwrap();
            for version in [b"1st", b"2nd", b"3rd"] {
                let task = server.spawn(async move {
                    let file = OpenOptions::new().write(true).open("/tmp/a").await?;
                    file.write_all_at(version, 0).await
                });
                task.await.unwrap().unwrap();
            }
            server.power_loss();
            // Never, and never in the calm run either.
            let fired = sim.fault_counts(Kind::DiskUnsyncedLost).fired;
            let expected: &[u8] = if fired == 0 { b"3rd" } else { b"old" };
            assert!(probability == Ratio::ALWAYS || fired == 0);
            assert_eq!(server.disk().read("/tmp/a").unwrap(), expected);
        })
        .unwrap();
    }
}

#[test]
fn operations_take_virtual_time() {
    let ms = Duration::from_millis;
    check(config().seeds(50), move |sim| async move {
        let server = sim.node("server");
        server
            .disk()
            .latency(ms(2), ms(3))
            .sync_latency(ms(50), ms(60));
        let task = server.spawn(async move {
            let start = Instant::now();
            let file = File::create("/tmp/a").await.unwrap();
            let opened = start.elapsed();
            assert!((ms(2)..=ms(3)).contains(&opened), "{opened:?}");
            file.write_all_at(b"1", 0).await.unwrap();
            let start = Instant::now();
            file.sync_all().await.unwrap();
            let synced = start.elapsed();
            assert!((ms(50)..=ms(60)).contains(&synced), "{synced:?}");
        });
        task.await.unwrap();
    })
    .unwrap();
}

#[test]
fn a_disk_can_be_full() {
    check(config().seeds(20), |sim| async move {
        let server = sim.node("server");
        server.disk().capacity(8 * 4096);
        let task = server.spawn(async {
            let error = fs::write("/tmp/a", [1; 100_000]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StorageFull);
            assert_eq!(fs::metadata("/tmp/a").await.unwrap().len(), 8 * 4096);
            let error = File::create("/tmp/b").await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
            fs::remove_file("/tmp/a").await.unwrap();
            fs::sync_dir("/tmp").await.unwrap();
            fs::write("/tmp/b", [1; 4096]).await.unwrap();
        });
        task.await.unwrap();
    })
    .unwrap();
}

#[test]
fn a_disk_is_looked_at_from_outside() {
    check(config().seeds(5), |sim: Sim| async move {
        let server: Node = sim.node("server");
        let disk = server.disk();
        let start = Instant::now();
        disk.write("/a/b/c", b"1").unwrap();
        assert_eq!(disk.read("/a/b/c").unwrap(), b"1");
        assert_eq!(disk.list("/a").unwrap(), ["b"]);
        assert_eq!(disk.list("/").unwrap(), ["a", "run", "tmp"]);
        assert_eq!(disk.read("/a").unwrap_err().kind(), ErrorKind::IsADirectory);
        disk.remove("/a/b/c").unwrap();
        assert_eq!(disk.read("/a/b/c").unwrap_err().kind(), ErrorKind::NotFound);
        disk.write("/a/b/c", b"2").unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        server.power_loss();
        assert_eq!(disk.read("/a/b/c").unwrap(), b"2");
        disk.wipe();
        assert_eq!(disk.list("/").unwrap(), ["run", "tmp"]);
    })
    .unwrap();
}

#[test]
fn a_real_file_is_refused() {
    check(config().seeds(1), |_sim| async move {
        let file = File::from_std(std::fs::File::open("/").unwrap());
        let error = file.metadata().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("open it inside it"), "{error}");
        let file = File::create("/tmp/a").await.unwrap();
        assert!(file.try_into_std().is_err());
    })
    .unwrap();
}

#[test]
fn the_name_of_a_socket_goes_with_the_power() {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let found = seen.clone();
    check(config(), move |sim| {
        let seen = seen.clone();
        async move {
            let server = sim.node("server");
            server.spawn(async {
                let _listener = simoom::net::UnixListener::bind("/run/app.sock").unwrap();
                let kind = fs::metadata("/run/app.sock").await.unwrap().file_type();
                assert!(kind.is_socket());
                std::future::pending::<()>().await;
            });
            sleep(Duration::from_millis(10)).await;
            server.power_loss();
            let there = server.disk().exists("/run/app.sock");
            seen.lock().unwrap().insert(there);
            server.restart_with(move || async move {
                let bound = simoom::net::UnixListener::bind("/run/app.sock");
                assert_eq!(bound.is_ok(), !there);
            });
            sleep(Duration::from_millis(10)).await;
        }
    })
    .unwrap();
    assert_eq!(found.lock().unwrap().len(), 2);
}

/// What is left on the disk of `server` after a loss of power, by seed, if nodes are made in the
/// order of `names`.
fn left_after_losses(names: [&'static str; 2]) -> BTreeMap<u64, Vec<String>> {
    let found = Arc::new(Mutex::new(BTreeMap::new()));
    let seen = found.clone();
    let config = Config::default().seeds(40).persist(false).shrink(false);
    check(config, move |sim| {
        let seen = seen.clone();
        async move {
            for name in names {
                let _ = sim.node(name);
            }
            let server = sim.node("server");
            let written = server.spawn(async {
                for number in 0..20 {
                    fs::write(format!("/tmp/{number}"), b"bytes").await?;
                }
                std::io::Result::Ok(())
            });
            written.await.unwrap().unwrap();
            server.power_loss();
            let left = server.disk().list("/tmp").unwrap();
            seen.lock().unwrap().insert(sim.seed(), left);
        }
    })
    .unwrap();
    Arc::into_inner(found).unwrap().into_inner().unwrap()
}

#[test]
fn what_a_loss_of_power_takes_does_not_hang_on_the_order_of_nodes() {
    let first = left_after_losses(["server", "other"]);
    let second = left_after_losses(["other", "server"]);
    assert!(first.len() > 30);
    assert_eq!(first, second);
}
