//! Works on jobs from its input, several at a time, and says the results in the order of the jobs.
//!
//! ```sh
//! printf 'fib 30\nsleep 20\nfail\n' | cargo run -p tokio-programs --bin jobs -- 4
//! ```

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{self, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::runtime::Builder;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

tokio::task_local! {
    /// The number of the job that the task works on.
    static JOB: u64;
}

/// How long a job may take.
const JOB_MAX: Duration = Duration::from_secs(5);

struct Job {
    number: u64,
    line: String,
    done: oneshot::Sender<String>,
}

fn main() -> io::Result<()> {
    let workers = env::args()
        .nth(1)
        .and_then(|count| count.parse().ok())
        .unwrap_or(4);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .thread_name("jobs")
        .build()?;
    runtime.block_on(run(workers))
}

async fn run(workers: usize) -> io::Result<()> {
    let (submit, jobs) = mpsc::channel::<Job>(16);
    let jobs = Arc::new(Mutex::new(jobs));
    let workers: Vec<_> = (0..workers)
        .map(|_| tokio::spawn(work(jobs.clone())))
        .collect();

    let mut lines = BufReader::new(io::stdin()).lines();
    let mut results = BTreeMap::new();
    let mut progress = interval(Duration::from_secs(10));
    progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
    progress.tick().await;
    loop {
        tokio::select! {
            biased;
            line = lines.next_line() => {
                let Some(line) = line? else { break };
                let number = results.len() as u64 + 1;
                let (done, result) = oneshot::channel();
                results.insert(number, result);
                if submit.send(Job { number, line, done }).await.is_err() {
                    break;
                }
            }
            _ = progress.tick() => eprintln!("{} jobs so far", results.len()),
        }
    }
    drop(submit);

    let mut out = io::stdout();
    for (number, result) in results {
        let text = result.await.unwrap_or_else(|_| "was lost".to_owned());
        out.write_all(format!("{number}: {text}\n").as_bytes())
            .await?;
    }
    out.flush().await?;
    for worker in workers {
        worker.await.map_err(io::Error::other)?;
    }
    Ok(())
}

async fn work(jobs: Arc<Mutex<mpsc::Receiver<Job>>>) {
    loop {
        let Some(job) = jobs.lock().await.recv().await else {
            return;
        };
        let text = JOB
            .scope(job.number, async {
                match timeout(JOB_MAX, carry_out(&job.line)).await {
                    Ok(Ok(text)) => text,
                    Ok(Err(error)) => format!("failed: {error}"),
                    Err(late) => format!("failed: {late}"),
                }
            })
            .await;
        // Whoever asked may have gone.
        let _ = job.done.send(text);
    }
}

async fn carry_out(line: &str) -> Result<String, String> {
    let mut words = line.split_whitespace();
    match (
        words.next(),
        words.next().and_then(|word| word.parse::<u64>().ok()),
    ) {
        (Some("fib"), Some(n)) => {
            let value = task::spawn_blocking(move || fib(n))
                .await
                .map_err(|error| error.to_string())?;
            Ok(format!("fib({n}) = {value}"))
        }
        (Some("sleep"), Some(ms)) => {
            sleep(Duration::from_millis(ms)).await;
            Ok(format!("slept for {ms} ms"))
        }
        (Some("number"), None) => Ok(format!("this is job {}", JOB.with(|number| *number))),
        (Some("fail"), None) => Err("on purpose".to_owned()),
        _ => Err(format!("no job is called {line:?}")),
    }
}

fn fib(n: u64) -> u64 {
    (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_job_that_takes_too_long_fails() {
        let (submit, jobs) = mpsc::channel(1);
        let worker = tokio::spawn(work(Arc::new(Mutex::new(jobs))));
        let (done, result) = oneshot::channel();
        let line = "sleep 3600000".to_owned();
        submit
            .send(Job {
                number: 1,
                line,
                done,
            })
            .await
            .ok()
            .unwrap();
        assert!(result.await.unwrap().starts_with("failed: "));
        drop(submit);
        worker.await.unwrap();
    }
}
