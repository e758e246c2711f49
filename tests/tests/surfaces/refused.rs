//! What leaves the simulation: refused, and the run fails.

use std::time::Duration;

use simoom_sim::Escape;

use crate::is_refused;

#[test]
fn std_thread_is_refused() {
    is_refused(Escape::THREADS, "pthread_create", || {
        let _ = std::thread::spawn(|| ()).join();
    });
}

#[test]
fn rayon_is_refused() {
    is_refused(Escape::THREADS, "pthread_create", || {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        if let Ok(pool) = pool {
            pool.install(|| ());
        }
    });
}

#[test]
fn thread_sleep_is_refused() {
    is_refused(Escape::SLEEP, "clock_nanosleep", || {
        std::thread::sleep(Duration::from_micros(1));
    });
}

#[test]
fn files_are_refused_for_writing() {
    is_refused(Escape::FILES, "open64", || {
        let path = std::env::temp_dir().join(format!("simoom-{}", std::process::id()));
        let _ = std::fs::write(&path, "x");
        let _ = std::fs::remove_file(&path);
    });
}

#[test]
fn std_net_is_refused() {
    is_refused(Escape::SOCKETS, "socket", || {
        let _ = std::net::TcpListener::bind("127.0.0.1:0");
    });
}

#[test]
fn names_of_the_real_network_are_refused() {
    is_refused(Escape::SOCKETS, "getaddrinfo", || {
        let _ = std::net::ToSocketAddrs::to_socket_addrs("localhost:80");
    });
}

#[test]
fn std_process_is_refused() {
    is_refused(Escape::PROCESSES, "posix_spawnp", || {
        let _ = std::process::Command::new("true").status();
    });
}

#[test]
fn entropy_from_a_file_is_refused() {
    is_refused(Escape::FILES, "open64", || {
        let _ = std::fs::File::open("/dev/urandom");
    });
}

#[test]
fn folders_are_not_changed() {
    is_refused(Escape::FILES, "mkdir", || {
        let folder = std::env::temp_dir().join(format!("simoom-folder-{}", std::process::id()));
        let _ = std::fs::create_dir(&folder);
        let _ = std::fs::remove_dir(&folder);
    });
}
