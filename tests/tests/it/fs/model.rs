//! Random operations on a real directory and on a simulated disk: the same answers.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use simoom::fs::{self, File, OpenOptions};
use simoom::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use simoom::runtime::Runtime;
use simoom_sim::{Config, Strategy, check, value};

/// Numbers from a seed, the same in both worlds.
struct Numbers {
    seed: u64,
    count: u64,
}

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.count += 1;
        value(self.seed, 0x6d6f_6465_6c00, self.count) % limit
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// A path of few names, so that operations meet.
    fn path(&mut self, root: &Path) -> PathBuf {
        let mut path = root.to_owned();
        for _ in 0..=self.below(3) {
            path.push(self.one(&["a", "b", "c", "a", "b", "c", ".", ".."]));
        }
        // What leaves the directory would meet the rest of the machine.
        let mut depth = 0_i32;
        for part in path.strip_prefix(root).unwrap().components() {
            depth += match part {
                std::path::Component::ParentDir => -1,
                std::path::Component::Normal(_) => 1,
                _ => 0,
            };
            if depth < 0 {
                return root.join("a");
            }
        }
        if self.below(10) == 0 {
            path.push("");
        }
        path
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = self.one(&[0, 1, 3, 10, 511, 512, 513, 5_000]);
        let first = self.below(256) as u8;
        (0..len)
            .map(|index| first.wrapping_add(index as u8))
            .collect()
    }
}

/// What an operation answered, without what may differ.
fn answer<T: std::fmt::Debug>(result: io::Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => match error.raw_os_error() {
            Some(number) => format!("error {number}"),
            None => format!("{:?}", error.kind()),
        },
    }
}

async fn look(path: &Path, follow: bool) -> String {
    let found = if follow {
        fs::metadata(path).await
    } else {
        fs::symlink_metadata(path).await
    };
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    answer(found.map(|it| {
        let len = if it.is_dir() { 0 } else { it.len() };
        // Directories of some file systems count their names otherwise.
        let nlink = if it.is_dir() { 0 } else { it.nlink() };
        (it.file_type(), len, nlink, it.permissions().mode() & 0o777)
    }))
}

/// Does one operation, and says what was done and what it answered.
async fn step(numbers: &mut Numbers, root: &Path, files: &mut Vec<File>) -> String {
    let (one, two) = (numbers.path(root), numbers.path(root));
    let bytes = numbers.bytes();
    let which = numbers.below(30);
    let text = match which {
        0..=2 => answer(fs::write(&one, &bytes).await),
        3 => answer(fs::read(&one).await.map(|it| it.len())),
        4 | 5 => answer(fs::create_dir(&one).await),
        6 => answer(fs::create_dir_all(&one).await),
        7 => answer(fs::remove_dir(&one).await),
        8 => answer(fs::remove_file(&one).await),
        9 if one != root && !one.ends_with("..") => answer(remove_all(&one, root).await),
        9..=11 => answer(fs::rename(&one, &two).await),
        12 => answer(fs::hard_link(&one, &two).await),
        13 => {
            let target = numbers.one(&["a", "b", "c/a", "..", "./b", "a/b", "c/"]);
            answer(fs::symlink(target, &one).await)
        }
        14 => answer(fs::read_link(&one).await),
        15 => look(&one, true).await,
        16 => look(&one, false).await,
        17 => answer(fs::try_exists(&one).await),
        18 => answer(fs::copy(&one, &two).await),
        19 => answer(
            fs::canonicalize(&one)
                .await
                .map(|path| relative(&path, root)),
        ),
        20 => {
            let mode = numbers.one(&[0o600, 0o644, 0o755]);
            use std::os::unix::fs::PermissionsExt;
            let perm = std::fs::Permissions::from_mode(mode);
            answer(fs::set_permissions(&one, perm).await)
        }
        21..=23 => {
            let mut options = OpenOptions::new();
            options
                .read(numbers.below(2) == 0)
                .write(numbers.below(2) == 0)
                .append(numbers.below(4) == 0)
                .truncate(numbers.below(4) == 0)
                .create(numbers.below(2) == 0)
                .create_new(numbers.below(6) == 0);
            if numbers.below(6) == 0 {
                options.custom_flags(libc::O_NOFOLLOW);
            }
            match options.open(&one).await {
                Ok(file) => {
                    files.push(file);
                    if files.len() > 4 {
                        let mut file = files.remove(0);
                        answer(file.flush().await)
                    } else {
                        "opened".to_owned()
                    }
                }
                Err(error) => answer::<()>(Err(error)),
            }
        }
        _ if files.is_empty() => "nothing is open".to_owned(),
        other => {
            let index = numbers.below(files.len() as u64) as usize;
            let place = numbers.below(2_000);
            on_file(&mut files[index], other, place, &bytes).await
        }
    };
    format!(
        "{which} {} {} {}: {text}",
        relative(&one, root),
        relative(&two, root),
        bytes.len()
    )
}

async fn on_file(file: &mut File, which: u64, place: u64, bytes: &[u8]) -> String {
    match which {
        24 => {
            let written = file.write_all(bytes).await;
            let flushed = file.flush().await;
            format!("{} {}", answer(written), answer(flushed))
        }
        25 => {
            let mut room = vec![0; place as usize];
            let mut count = 0;
            // A short read is no answer that must be the same.
            loop {
                match file.read(&mut room[count..]).await {
                    Ok(0) => break answer(Ok(room[..count].to_vec())),
                    Ok(more) => count += more,
                    Err(error) => break answer::<()>(Err(error)),
                }
            }
        }
        26 => {
            let to = match place % 3 {
                0 => io::SeekFrom::Start(place),
                1 => io::SeekFrom::Current(place as i64 - 1_000),
                _ => io::SeekFrom::End(place as i64 - 1_000),
            };
            if file.metadata().await.unwrap().is_dir() {
                // What places there are in a directory is the file system's business.
                return String::new();
            }
            answer(file.seek(to).await)
        }
        27 => answer(file.set_len(place).await),
        28 => answer(file.write_at(bytes, place).await),
        _ => {
            let mut room = vec![0; 600];
            let read = file.read_at(&mut room, place).await;
            answer(read.map(|count| room[..count].to_vec()))
        }
    }
}

/// Removes everything below a path whose end is one of our names.
async fn remove_all(path: &Path, _root: &Path) -> io::Result<()> {
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.ends_with(".") {
        return Ok(());
    }
    fs::remove_dir_all(path).await
}

/// The path below `root`, to the letter.
fn relative(path: &Path, root: &Path) -> String {
    let (path, root) = (path.display().to_string(), root.display().to_string());
    path.strip_prefix(&root).unwrap_or(&path).to_owned()
}

/// Everything below `dir`, with content.
async fn tree(dir: &Path, root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        let mut entries = fs::read_dir(&dir).await.unwrap();
        while let Some(entry) = entries.next_entry().await.unwrap() {
            let (path, kind) = (entry.path(), entry.file_type().await.unwrap());
            let what = if kind.is_dir() {
                open.push(path.clone());
                "a directory".to_owned()
            } else if kind.is_symlink() {
                format!("-> {}", fs::read_link(&path).await.unwrap().display())
            } else {
                let bytes = fs::read(&path).await.unwrap();
                format!("{} bytes, {:?}", bytes.len(), &bytes[..bytes.len().min(8)])
            };
            found.push(format!("{}: {what}", relative(&path, root)));
        }
    }
    found.sort();
    found
}

async fn run(seed: u64, steps: u32) -> Vec<String> {
    let dir = fs::canonicalize(super::dir().await).await.unwrap();
    // The system follows 40 symbolic links, and a path has four names: so deep that no `..` of
    // theirs leads out of it, into the rest of the machine.
    let root = dir.join("d/".repeat(48)).join("d");
    fs::create_dir_all(&root).await.unwrap();
    let mut numbers = Numbers { seed, count: 0 };
    let mut files = Vec::new();
    let mut answers = Vec::new();
    for number in 0..steps {
        answers.push(step(&mut numbers, &root, &mut files).await);
        if number % 10 == 0 {
            answers.push(tree(&root, &root).await.join(", "));
        }
    }
    drop(files);
    simoom_tests::settle().await;
    answers.extend(tree(&root, &root).await);
    super::done(dir).await;
    answers
}

/// How many sequences of operations are compared, and how long they are.
const SEQUENCES: u64 = 20;
const STEPS: u32 = 120;

#[test]
fn a_simulated_disk_answers_as_the_system_does() {
    let runtime = Runtime::new().unwrap();
    let mut differences = Vec::new();
    for seed in 0..SEQUENCES {
        let expected = runtime.block_on(run(seed, STEPS));
        let found = Arc::new(Mutex::new(Vec::new()));
        let answers = found.clone();
        let config = Config::default()
            .seed(seed)
            .strategy(Strategy::Random)
            .persist(false);
        check(config, move |_sim| {
            let answers = answers.clone();
            async move {
                let found = run(seed, STEPS).await;
                *answers.lock().unwrap() = found;
            }
        })
        .unwrap();
        let found = found.lock().unwrap();
        let differs = (0..expected.len().max(found.len()))
            .find(|&number| expected.get(number) != found.get(number));
        if let Some(number) = differs {
            differences.push(format!(
                "sequence {seed}, step {number}: the system says {:?}, the simulation {:?}",
                expected.get(number),
                found.get(number)
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
