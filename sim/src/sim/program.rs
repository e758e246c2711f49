//! Programs that simulated processes can start.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use simoom::io::AsyncWriteExt;

use super::process::{Process, ProcessOutput};
use super::simulation::{Sim, with};
use crate::backend::SimBackend;
use crate::baton;
use crate::kill;
use crate::panics;
use crate::world::processes::{ProcessId, Program, Starting};
use crate::world::streams::Which;

impl Sim {
    /// Registers what [`simoom::process::Command`] starts when it is asked for the program `name`, on
    /// every node of this run. Takes the place of what was called so before; children that run are
    /// left as they are.
    ///
    /// A command finds it by this name, or by the last part of its path: `/usr/bin/cat` finds `cat`.
    /// Programs that are not registered are `NotFound`: a simulation starts nothing real.
    ///
    /// The function is called for each child, in a task of the parent's node. What the task spawns
    /// belongs to the child too. The child
    ///
    /// - has streams, arguments and an environment of its own, in [`Process`];
    /// - ends when the function's future does, with the status that its output says
    ///   ([`ProgramExit`]), or with 101 after a panic, as programs in Rust do. Its other tasks are
    ///   dropped then, and closures of `spawn_blocking` that run are ended;
    /// - gets its own signals by [`simoom::signal`]. A signal that it does not listen for does what
    ///   it does by default, for SIGTERM and most others: ends it. SIGKILL drops its tasks where they
    ///   are; what their destructors do has no effect, and the operating system closes what it had
    ///   open;
    /// - ends with its node's process, and lives on when its parent is another child that ends.
    ///
    /// A panic in another of its tasks means what it does on its node, see
    /// [`OnFailure`](crate::OnFailure).
    ///
    /// # Examples
    /// ```
    /// use std::process::Stdio;
    /// use simoom::io::{AsyncReadExt, AsyncWriteExt};
    /// use simoom::process::Command;
    /// use simoom_sim::{Config, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     sim.program("upper", |mut process| async move {
    ///         let mut text = String::new();
    ///         process.stdin.read_to_string(&mut text).await?;
    ///         process.stdout.write_all(text.to_uppercase().as_bytes()).await
    ///     });
    ///     let mut child = Command::new("upper")
    ///         .stdin(Stdio::piped())
    ///         .stdout(Stdio::piped())
    ///         .spawn()
    ///         .unwrap();
    ///     child.stdin.take().unwrap().write_all(b"hello").await.unwrap();
    ///     let output = child.wait_with_output().await.unwrap();
    ///     assert!(output.status.success());
    ///     assert_eq!(output.stdout, b"HELLO");
    /// })
    /// .unwrap();
    /// ```
    ///
    /// # Panics
    /// If `name` is empty.
    #[track_caller]
    pub fn program<F, P>(&self, name: &str, program: P)
    where
        P: Fn(Process) -> F + 'static,
        F: Future + 'static,
        F::Output: ProgramExit,
    {
        baton::assert_at_home("Sim::program");
        assert!(!name.is_empty(), "a program needs a name");
        let program: Program = Rc::new(move |process| {
            let mut errors = ProcessOutput::of(&process, Which::Error);
            let main = program(process);
            Box::pin(async move {
                let (code, complaint) = main.await.leave();
                if let Some(complaint) = complaint {
                    // Whoever does not read it does not miss it.
                    let _ = errors
                        .write_all(format!("Error: {complaint}\n").as_bytes())
                        .await;
                }
                code
            })
        });
        let name = name.to_owned();
        let before = with(self.world, |backend| {
            backend.with(|world| world.processes.register(name, program))
        });
        drop(before);
    }
}

/// What a simulated program may return: nothing, its exit code, or a result whose error is written to
/// its errors and makes the code 1, as the `main` of a program in Rust.
///
/// Of a code, the lowest 8 bits count, as for `exit(3)`.
///
/// # Examples
/// ```
/// use simoom::process::Command;
/// use simoom_sim::{Config, check};
///
/// check(Config::default().seeds(1), |sim| async move {
///     sim.program("false", |_| async { 1 });
///     sim.program("broken", |_| async { Err::<(), _>("no disk") });
///     let status = Command::new("false").status().await.unwrap();
///     assert_eq!(status.code(), Some(1));
///     let output = Command::new("broken").output().await.unwrap();
///     assert_eq!(output.status.code(), Some(1));
///     assert_eq!(output.stderr, b"Error: \"no disk\"\n");
/// })
/// .unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "a simulated program returns `()`, an `i32`, or a `Result` of one of them, not `{Self}`",
    label = "returns `{Self}`"
)]
pub trait ProgramExit {
    /// The exit code, and what is written to the program's errors.
    fn leave(self) -> (u8, Option<String>);
}

impl ProgramExit for () {
    fn leave(self) -> (u8, Option<String>) {
        (0, None)
    }
}

impl ProgramExit for i32 {
    fn leave(self) -> (u8, Option<String>) {
        (self.to_le_bytes()[0], None)
    }
}

impl<T: ProgramExit, E: std::fmt::Debug> ProgramExit for Result<T, E> {
    fn leave(self) -> (u8, Option<String>) {
        match self {
            Ok(value) => value.leave(),
            Err(error) => (1, Some(format!("{error:?}"))),
        }
    }
}

/// What runs as the main of a child.
pub(crate) async fn child_main(
    id: ProcessId,
    pid: u32,
    starting: Starting,
    site: &'static Location<'static>,
) {
    let Starting {
        program,
        description,
        streams,
    } = starting;
    let process = Process::new(pid, description, &streams, site);
    let mut errors = ProcessOutput::of(&process, Which::Error);
    let mut main: Option<Pin<Box<dyn Future<Output = u8>>>> = None;
    let mut process = Some(process);
    let code = poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            if let Some(process) = process.take() {
                main = Some(program(process));
            }
            let polled = main
                .as_mut()
                .map_or(Poll::Ready(0), |it| it.as_mut().poll(cx));
            if polled.is_ready() {
                main = None;
            }
            polled
        }));
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(panics::take())),
        }
    })
    .await;
    let code = match code {
        Ok(code) => code,
        Err(note) => {
            // A second panic, of a destructor, has nobody to tell either.
            let _ = catch_unwind(AssertUnwindSafe(|| main = None));
            panics::forget();
            let message = note.map_or_else(String::new, |note| note.message);
            let text = format!("\nthread 'main' panicked:\n{message}\n");
            let _ = errors.write_all(text.as_bytes()).await;
            PANICKED
        }
    };
    drop((main, program, errors));
    SimBackend::current(|backend| {
        if let Some(backend) = backend.filter(|backend| !backend.is_dead()) {
            kill::leave_child(backend, id);
            kill::end_child(backend, id, i32::from(code) << 8);
        }
    });
    drop(streams);
}

/// What a program in Rust exits with after a panic in its main.
const PANICKED: u8 = 101;
