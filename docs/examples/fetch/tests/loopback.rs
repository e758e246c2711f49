//! The program as its users meet it: real servers, a real process, a real Ctrl-C.

mod site;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use simoom::net::TcpListener;

use site::Site;

/// Serves `site` on a thread of its own, for as long as the test runs.
fn serve(site: Site) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let runtime = simoom::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            site.serve(listener).await.unwrap();
        });
    });
    told.recv().unwrap()
}

fn start(flags: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_fetch"))
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

fn run(flags: &[&str]) -> Output {
    start(flags).wait_with_output().unwrap()
}

#[track_caller]
fn check(output: &Output, code: i32, expected: &str) {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        expected,
        "{complaint}"
    );
    assert_eq!(output.status.code(), Some(code), "{complaint}");
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn three_servers_and_the_memory_are_asked_about_deserts() {
    let at = serve(Site::knowing(ms(60), ms(70), ms(120)));
    let url = format!("http://{at}");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("three_servers");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let notes = folder.join("notes.txt");
    let flags = ["research", "deserts", "--notes", notes.to_str().unwrap()];
    let sources = ["--summary", &url, "--search", &url, "--news", &url];
    let flags = [&flags[..], &sources[..]].concat();

    let first = "\
summary: Deserts are dry. A simoom is a wind of deserts.
search: Simoom (and 1 more)
news: Sand in the gears
memory: nothing
analysis: deserts (2) (and 2 more)
embedding: 7 -1 3 -5 -3 -1 5 1
";
    check(&run(&flags), 0, first);
    let second = run(&flags);
    let text = String::from_utf8_lossy(&second.stdout);
    assert!(
        text.contains("memory: Deserts are dry. A simoom is a wind of deserts.\n"),
        "{text}"
    );
}

#[test]
fn what_fails_is_told_beside_what_does_not() {
    let site = Site::default()
        .titled("/fine", ms(5))
        .page("/odd", ms(5), "<html>")
        .refusing("/gone", StatusCode::GONE);
    let at = serve(site);
    let urls = ["fine", "odd", "gone", "none"].map(|it| format!("http://{at}/{it}"));
    let [fine, odd, gone, none] = &urls;
    let expected = format!(
        "{fine}: the page /fine\n\
         {odd}: the answer cannot be read\n\
         {gone}: the server says 410 Gone\n\
         {none}: the server says 404 Not Found\n\
         http://127.0.0.1:1/: no connection, or it broke\n\
         sand: no connection, or it broke\n"
    );
    let output = run(&[
        "crawl",
        fine,
        odd,
        gone,
        none,
        "http://127.0.0.1:1/",
        "sand",
    ]);
    check(&output, 1, &expected);
}

#[test]
fn ctrl_c_ends_it_with_what_it_has() {
    let site = Site::default()
        .titled("/soon", ms(5))
        .titled("/never", ms(3_600_000));
    let at = serve(site.clone());
    let (soon, never) = (format!("http://{at}/soon"), format!("http://{at}/never"));
    let start_time = Instant::now();
    let program = start(&["crawl", &never, &soon, &never, "--patience", "3600"]);
    while site.seen().done.is_empty() || site.seen().begun.len() < 3 {
        assert!(start_time.elapsed() < ms(60_000), "{:?}", site.seen());
        thread::sleep(ms(5));
    }
    // The answer is on its way.
    thread::sleep(ms(200));
    let id = program.id().to_string();
    let kill = Command::new("kill").args(["-INT", &id]).status();
    assert!(kill.unwrap().success());
    let output = program.wait_with_output().unwrap();
    let expected = format!("{never}: stopped\n{soon}: the page /soon\n{never}: stopped\n");
    check(&output, 1, &expected);
}

#[test]
fn the_servers_of_the_readme_say_where_they_are() {
    let cargo = Command::new(env!("CARGO"))
        .args(["run", "-q", "-p", "fetch", "--example", "sites"])
        .stdout(Stdio::piped())
        .spawn();
    let mut servers = cargo.unwrap();
    let lines = BufReader::new(servers.stdout.take().unwrap()).lines();
    let flags: Vec<String> = lines.take(3).map(Result::unwrap).collect();
    let flags: Vec<&str> = flags.iter().flat_map(|line| line.split(' ')).collect();
    let notes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme.txt");
    let _ = std::fs::remove_file(&notes);
    let before = ["research", "deserts", "--notes", notes.to_str().unwrap()];
    let output = run(&[&before[..], &flags[..]].concat());
    servers.kill().unwrap();
    servers.wait().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
