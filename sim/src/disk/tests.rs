//! What can be on a disk after each possible loss of power.

use std::collections::BTreeSet;
use std::path::Path;

use simoom::backend::OpenHow;

use super::bytes::{Bytes, PAGE};
use super::loss::{Loss, Question};
use super::tree::Disk;
use super::{Description, Ino};
use crate::choice::value;

fn opened(disk: &mut Disk, path: &str) -> Description {
    let mut how = OpenHow::default();
    (how.read, how.write, how.create) = (true, true, true);
    disk.open(Path::new(path), &how, 0).unwrap()
}

/// Writes without syncing.
fn write(disk: &mut Disk, path: &str, offset: u64, bytes: &[u8]) {
    let file = opened(disk, path);
    disk.write(&file, offset, bytes, 0).unwrap();
    disk.release(file.ino);
}

fn sync(disk: &mut Disk, path: &str) {
    let ino = disk.find(Path::new(path), true).unwrap();
    disk.sync(ino);
}

fn rename(disk: &mut Disk, from: &str, to: &str) {
    disk.rename_path(Path::new(from), Path::new(to), 0).unwrap();
}

fn read(disk: &Disk, path: &str) -> Option<Vec<u8>> {
    disk.read_whole(Path::new(path)).ok()
}

/// A disk with one synced file `/f`.
fn with_file(bytes: &[u8]) -> Disk {
    let mut disk = Disk::new(0);
    disk.put(Path::new("/f"), bytes, 0).unwrap();
    disk
}

/// Gives every answer in turn: the last question's first, as an odometer counts.
#[derive(Default)]
struct Every {
    answers: Vec<(u64, u64)>,
    at: usize,
    /// What was asked, for messages.
    asked: Vec<String>,
}

impl Every {
    fn answer(&mut self, most: u64) -> u64 {
        if self.at == self.answers.len() {
            self.answers.push((0, most));
        }
        let (answer, known) = self.answers[self.at];
        assert_eq!(known, most, "the same answers led to other questions");
        self.at += 1;
        answer
    }

    /// Goes on to the next answers; false when all were given.
    fn next(&mut self) -> bool {
        self.at = 0;
        self.asked.clear();
        while let Some((answer, most)) = self.answers.pop() {
            if answer < most {
                self.answers.push((answer + 1, most));
                return true;
            }
        }
        false
    }
}

impl Loss for Every {
    fn lost(&mut self, what: &str, question: Question, most: u64) -> u64 {
        self.asked.push(format!("{what} {question:?}"));
        self.answer(most)
    }

    fn torn(&mut self, _: &str, _: u64) -> u64 {
        // Whole, or in the middle.
        self.answer(1) * 256
    }
}

/// What `look` finds after every possible loss of power.
fn outcomes<T: Ord>(disk: &Disk, look: impl Fn(&Disk) -> T) -> BTreeSet<T> {
    let mut every = Every::default();
    let mut found = BTreeSet::new();
    loop {
        let mut after = disk.clone();
        after.lose_power(&mut every);
        after.check();
        found.insert(look(&after));
        if !every.next() {
            return found;
        }
    }
}

fn repeated(parts: &[(u8, usize)]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|&(byte, count)| std::iter::repeat_n(byte, count))
        .collect()
}

#[test]
fn what_was_synced_is_there() {
    let mut disk = with_file(b"old");
    write(&mut disk, "/f", 0, b"new");
    sync(&mut disk, "/f");
    let found = outcomes(&disk, |disk| read(disk, "/f").unwrap());
    assert_eq!(found, BTreeSet::from([b"new".to_vec()]));
}

#[test]
fn an_unsynced_sector_is_old_new_or_torn() {
    let mut disk = with_file(&[1; 512]);
    write(&mut disk, "/f", 0, &[2; 512]);
    let found = outcomes(&disk, |disk| read(disk, "/f").unwrap());
    let torn = repeated(&[(2, 256), (1, 256)]);
    assert_eq!(found, BTreeSet::from([vec![1; 512], vec![2; 512], torn]));
}

#[test]
fn sectors_are_lost_one_by_one() {
    let mut disk = with_file(&[1; 1024]);
    write(&mut disk, "/f", 256, &[2; 512]);
    let firsts = [
        repeated(&[(1, 512)]),
        repeated(&[(1, 256), (2, 256)]),
        // Torn in the middle, where it is old before and after.
        repeated(&[(1, 512)]),
    ];
    let seconds = [
        repeated(&[(1, 512)]),
        repeated(&[(2, 256), (1, 256)]),
        repeated(&[(2, 256), (1, 256)]),
    ];
    let mut expected = BTreeSet::new();
    for first in &firsts {
        for second in &seconds {
            expected.insert([first.clone(), second.clone()].concat());
        }
    }
    assert_eq!(outcomes(&disk, |disk| read(disk, "/f").unwrap()), expected);
}

#[test]
fn every_version_of_a_sector_can_be_the_last() {
    let mut disk = with_file(b"0");
    for version in [b"1", b"2", b"3"] {
        write(&mut disk, "/f", 0, version);
    }
    let found = outcomes(&disk, |disk| read(disk, "/f").unwrap());
    let expected = [b"0", b"1", b"2", b"3"].map(|it| it.to_vec());
    assert_eq!(found, BTreeSet::from(expected));
}

#[test]
fn length_and_bytes_are_lost_apart() {
    let mut disk = with_file(b"");
    write(&mut disk, "/f", 0, b"abc");
    let found = outcomes(&disk, |disk| read(disk, "/f").unwrap());
    let expected = [b"".to_vec(), b"abc".to_vec(), b"\0\0\0".to_vec()];
    assert_eq!(found, BTreeSet::from(expected));
}

#[test]
fn a_cut_is_lost_or_kept() {
    let mut disk = with_file(b"abcdef");
    let file = opened(&mut disk, "/f");
    disk.set_len(&file, 2, 0).unwrap();
    disk.release(file.ino);
    let found = outcomes(&disk, |disk| read(disk, "/f").unwrap());
    // The length and the zeros behind it go to the disk apart.
    let expected = [b"ab".to_vec(), b"abcdef".to_vec(), b"ab\0\0\0\0".to_vec()];
    assert_eq!(found, BTreeSet::from(expected));
}

#[test]
fn syncing_a_file_does_not_sync_its_name() {
    let mut disk = Disk::new(0);
    write(&mut disk, "/tmp/a", 0, b"a");
    sync(&mut disk, "/tmp/a");
    let found = outcomes(&disk, |disk| read(disk, "/tmp/a"));
    assert_eq!(found, BTreeSet::from([None, Some(b"a".to_vec())]));
    sync(&mut disk, "/tmp");
    let found = outcomes(&disk, |disk| read(disk, "/tmp/a"));
    assert_eq!(found, BTreeSet::from([Some(b"a".to_vec())]));
}

#[test]
fn a_rename_is_there_or_not() {
    let mut disk = with_file(b"old");
    disk.put(Path::new("/new"), b"new", 0).unwrap();
    rename(&mut disk, "/new", "/f");
    let look = |disk: &Disk| (read(disk, "/f").unwrap(), read(disk, "/new").is_some());
    let found = outcomes(&disk, look);
    let expected = [(b"old".to_vec(), true), (b"new".to_vec(), false)];
    assert_eq!(found, BTreeSet::from(expected));
    sync(&mut disk, "/");
    let found = outcomes(&disk, look);
    assert_eq!(found, BTreeSet::from([(b"new".to_vec(), false)]));
}

#[test]
fn a_rename_can_outlive_the_bytes_it_was_to_publish() {
    let mut disk = with_file(b"old");
    write(&mut disk, "/new", 0, b"new");
    rename(&mut disk, "/new", "/f");
    sync(&mut disk, "/");
    let found = outcomes(&disk, |disk| read(disk, "/f").unwrap());
    let expected = [b"".to_vec(), b"\0\0\0".to_vec(), b"new".to_vec()];
    assert_eq!(found, BTreeSet::from(expected));
}

#[test]
fn a_rename_between_directories_is_whole_when_either_is_synced() {
    for synced in ["/a", "/b"] {
        let mut disk = Disk::new(0);
        disk.put(Path::new("/a/x"), b"x", 0).unwrap();
        disk.put(Path::new("/b/y"), b"y", 0).unwrap();
        rename(&mut disk, "/a/x", "/b/x");
        let look = |disk: &Disk| (read(disk, "/a/x").is_some(), read(disk, "/b/x").is_some());
        let both = BTreeSet::from([(true, false), (false, true)]);
        assert_eq!(outcomes(&disk, look), both);
        sync(&mut disk, synced);
        assert_eq!(outcomes(&disk, look), BTreeSet::from([(false, true)]));
    }
}

#[test]
fn syncing_takes_what_it_builds_on_along() {
    let mut disk = Disk::new(0);
    disk.put(Path::new("/a/kept"), b"", 0).unwrap();
    disk.put(Path::new("/b/kept"), b"", 0).unwrap();
    write(&mut disk, "/a/x", 0, b"");
    rename(&mut disk, "/a/x", "/b/x");
    sync(&mut disk, "/b");
    let look = |disk: &Disk| (read(disk, "/a/x").is_some(), read(disk, "/b/x").is_some());
    // That the name was made in the first place cannot come true after it has moved on.
    assert_eq!(outcomes(&disk, look), BTreeSet::from([(false, true)]));
}

#[test]
fn names_are_lost_one_by_one() {
    let mut disk = Disk::new(0);
    write(&mut disk, "/a", 0, b"");
    write(&mut disk, "/b", 0, b"");
    let found = outcomes(&disk, |disk| {
        (read(disk, "/a").is_some(), read(disk, "/b").is_some())
    });
    assert_eq!(found.len(), 4);
}

#[test]
fn a_change_needs_those_it_builds_on() {
    let mut disk = Disk::new(0);
    write(&mut disk, "/a", 0, b"");
    rename(&mut disk, "/a", "/b");
    rename(&mut disk, "/b", "/c");
    let found = outcomes(&disk, |disk| disk.paths().join(" "));
    let expected = ["/run /tmp", "/a /run /tmp", "/b /run /tmp", "/c /run /tmp"].map(str::to_owned);
    assert_eq!(found, BTreeSet::from(expected));
}

#[test]
fn a_directory_that_is_lost_takes_what_is_in_it() {
    let mut disk = Disk::new(0);
    disk.create_dir(Path::new("/d"), 0o777, 0).unwrap();
    write(&mut disk, "/d/a", 0, b"a");
    sync(&mut disk, "/d/a");
    sync(&mut disk, "/d");
    let found = outcomes(&disk, |disk| read(disk, "/d/a").is_some());
    assert_eq!(found, BTreeSet::from([false, true]));
    sync(&mut disk, "/");
    let found = outcomes(&disk, |disk| read(disk, "/d/a").is_some());
    assert_eq!(found, BTreeSet::from([true]));
}

#[test]
fn a_removed_file_may_come_back_whole() {
    let mut disk = with_file(b"old");
    disk.remove_file(Path::new("/f"), 0).unwrap();
    let found = outcomes(&disk, |disk| read(disk, "/f"));
    assert_eq!(found, BTreeSet::from([None, Some(b"old".to_vec())]));
    sync(&mut disk, "/");
    assert_eq!(
        outcomes(&disk, |disk| read(disk, "/f")),
        BTreeSet::from([None])
    );
}

#[test]
fn directories_that_swap_places_stay_a_tree() {
    let mut disk = Disk::new(0);
    disk.put(Path::new("/a/x"), b"x", 0).unwrap();
    disk.put(Path::new("/b/y"), b"y", 0).unwrap();
    rename(&mut disk, "/a", "/b/a");
    rename(&mut disk, "/b/a", "/c");
    rename(&mut disk, "/b", "/c/b");
    for path in outcomes(&disk, |disk| disk.paths().join(" ")) {
        assert_eq!(path.matches("/x").count(), 1, "synced files stay: {path}");
        assert_eq!(path.matches("/y").count(), 1, "synced files stay: {path}");
    }
}

#[test]
fn what_leaves_a_directory_is_not_lost_with_it() {
    let mut disk = Disk::new(0);
    disk.put(Path::new("/d/e/f"), b"f", 0).unwrap();
    rename(&mut disk, "/d/e/f", "/f");
    disk.remove_dir(Path::new("/d/e"), 0).unwrap();
    disk.remove_dir(Path::new("/d"), 0).unwrap();
    let look = |disk: &Disk| disk.paths().join(" ");
    let expected = ["/d /d/e /d/e/f /run /tmp", "/d /d/e /f /run /tmp"];
    let kept = ["/d /f /run /tmp", "/f /run /tmp"];
    let expected = expected.into_iter().chain(kept).map(str::to_owned);
    assert_eq!(outcomes(&disk, look), expected.collect());
}

#[test]
fn syncing_the_parent_of_a_removed_directory_takes_along_what_left_it() {
    let mut disk = Disk::new(0);
    for path in ["/a/d/f", "/b/kept", "/c/kept"] {
        disk.put(Path::new(path), b"", 0).unwrap();
    }
    rename(&mut disk, "/a/d/f", "/b/f");
    write(&mut disk, "/c/new", 0, b"");
    disk.remove_dir(Path::new("/a/d"), 0).unwrap();
    sync(&mut disk, "/a");
    let look = |disk: &Disk| {
        let is_there = |path| read(disk, path).is_some();
        (is_there("/b/f"), is_there("/c/new"))
    };
    let expected = [(true, false), (true, true)];
    assert_eq!(outcomes(&disk, look), BTreeSet::from(expected));
}

#[test]
fn what_leaves_a_directory_is_not_lost_when_another_replaces_it() {
    let mut disk = Disk::new(0);
    disk.put(Path::new("/d/f"), b"f", 0).unwrap();
    disk.put(Path::new("/new/g"), b"g", 0).unwrap();
    rename(&mut disk, "/d/f", "/f");
    rename(&mut disk, "/new", "/d");
    let look = |disk: &Disk| disk.paths().join(" ");
    let expected = [
        "/d /d/f /new /new/g /run /tmp",
        "/d /f /new /new/g /run /tmp",
        "/d /d/g /f /run /tmp",
    ];
    let expected = expected.map(str::to_owned);
    assert_eq!(outcomes(&disk, look), BTreeSet::from(expected));
}

/// In how many places `/f` is after each possible loss of power.
#[track_caller]
fn is_in_one_place(disk: &Disk) {
    for paths in outcomes(disk, |disk| disk.paths().join(" ") + " ") {
        assert_eq!(paths.matches("/f ").count(), 1, "what was synced: {paths}");
    }
}

#[test]
fn what_moves_into_a_new_directory_is_not_lost_with_it() {
    let mut disk = with_file(b"f");
    disk.create_dir(Path::new("/new"), 0o777, 0).unwrap();
    disk.create_dir(Path::new("/new/b"), 0o777, 0).unwrap();
    rename(&mut disk, "/f", "/new/b/f");
    is_in_one_place(&disk);
    sync(&mut disk, "/new/b");
    let there = outcomes(&disk, |disk| read(disk, "/new/b/f").is_some());
    assert_eq!(there, BTreeSet::from([true]));
    // That the directory moves away from what is lost makes a way to it.
    let mut disk = with_file(b"f");
    disk.create_dir(Path::new("/new"), 0o777, 0).unwrap();
    disk.create_dir(Path::new("/new/b"), 0o777, 0).unwrap();
    rename(&mut disk, "/new/b", "/b");
    rename(&mut disk, "/f", "/b/f");
    is_in_one_place(&disk);
}

#[test]
fn what_moves_into_a_new_directory_outlives_a_failed_sync() {
    let mut disk = Disk::new(0);
    disk.put(Path::new("/d/f"), b"f", 0).unwrap();
    disk.create_dir(Path::new("/new"), 0o777, 0).unwrap();
    rename(&mut disk, "/d", "/new/d");
    disk.lose_sync_at(Path::new("/")).unwrap();
    is_in_one_place(&disk);
    sync(&mut disk, "/");
    let there = outcomes(&disk, |disk| read(disk, "/new/d/f").is_some());
    assert_eq!(there, BTreeSet::from([true]));
    // The sync that fails may be of a directory that the move has nothing to do with.
    let mut disk = with_file(b"f");
    disk.put(Path::new("/a/kept"), b"", 0).unwrap();
    disk.create_dir(Path::new("/a/new"), 0o777, 0).unwrap();
    rename(&mut disk, "/f", "/a/new/f");
    disk.lose_sync_at(Path::new("/a")).unwrap();
    is_in_one_place(&disk);
}

#[test]
fn what_left_a_removed_directory_outlives_a_failed_sync() {
    let mut disk = Disk::new(0);
    disk.put(Path::new("/d/f"), b"f", 0).unwrap();
    rename(&mut disk, "/d/f", "/f");
    disk.remove_dir(Path::new("/d"), 0).unwrap();
    disk.lose_sync_at(Path::new("/")).unwrap();
    is_in_one_place(&disk);
}

#[test]
fn after_a_failed_sync_the_next_succeeds_without_the_bytes() {
    let mut disk = with_file(b"old");
    write(&mut disk, "/f", 0, b"new");
    let ino = disk.find(Path::new("/f"), true).unwrap();
    disk.inode_mut(ino).content_mut().unwrap().lose_sync();
    assert_eq!(read(&disk, "/f").unwrap(), b"new", "processes still see it");
    sync(&mut disk, "/f");
    let found = outcomes(&disk, |disk| read(disk, "/f").unwrap());
    assert_eq!(found, BTreeSet::from([b"old".to_vec()]));
}

#[test]
fn a_big_file_asks_few_questions() {
    let mut disk = with_file(b"");
    write(&mut disk, "/f", 0, &vec![1; 10 << 20]);
    let mut every = Every::default();
    disk.lose_power(&mut every);
    let asked = every.asked.len();
    assert!(asked <= 17, "{asked} questions");
}

#[test]
fn permissions_are_lost_too() {
    let mut disk = with_file(b"");
    disk.set_mode_at(Path::new("/f"), 0o600, 0).unwrap();
    let look = |disk: &Disk| {
        let stat = disk.stat_path(Path::new("/f"), true, 0).unwrap();
        stat.mode & 0o777
    };
    assert_eq!(outcomes(&disk, look), BTreeSet::from([0o600, 0o644]));
    sync(&mut disk, "/f");
    assert_eq!(outcomes(&disk, look), BTreeSet::from([0o600]));
}

#[test]
fn a_full_disk_takes_what_fits() {
    let mut disk = Disk::new(0);
    disk.set_capacity(Some(2 * PAGE));
    let file = opened(&mut disk, "/f");
    let written = disk
        .write(&file, 100, &vec![1; 3 * PAGE as usize], 0)
        .unwrap();
    assert_eq!(written as u64, 2 * PAGE - 100);
    let error = disk.write(&file, 2 * PAGE, b"x", 0).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
    assert_eq!(disk.write(&file, 0, b"over what is there", 0).unwrap(), 18);
    disk.set_len(&file, PAGE, 0).unwrap();
    assert_eq!(disk.write(&file, PAGE, b"x", 0).unwrap(), 1);
    disk.release(file.ino);
    disk.remove_file(Path::new("/f"), 0).unwrap();
    sync(&mut disk, "/");
    assert_eq!(disk.pages, 0, "the space of a removed file is free");
}

#[test]
fn holes_take_no_room() {
    let mut bytes = Bytes::default();
    bytes.write(1 << 40, b"far");
    assert_eq!((bytes.len(), bytes.pages()), ((1 << 40) + 3, 1));
    assert_eq!(bytes.read((1 << 40) - 2, 10), b"\0\0far");
    bytes.resize(10);
    assert_eq!((bytes.len(), bytes.pages()), (10, 0));
}

/// Answers by chance.
struct Chance(u64, u64);

impl Loss for Chance {
    fn lost(&mut self, _: &str, _: Question, most: u64) -> u64 {
        self.1 += 1;
        value(self.0, 1, self.1) % (most + 1)
    }

    fn torn(&mut self, _: &str, _: u64) -> u64 {
        self.1 += 1;
        value(self.0, 1, self.1) % 512
    }
}

#[test]
fn random_changes_and_losses_leave_a_sound_disk() {
    for seed in 0..200 {
        let mut disk = Disk::new(0);
        let mut count = 0;
        let mut draw = |limit: u64| {
            count += 1;
            value(seed, 0, count) % limit
        };
        for _ in 0..150 {
            let mut path = || {
                let names = ["a", "b", "c"];
                let mut path = String::new();
                for _ in 0..=draw(3) {
                    path.push('/');
                    path.push_str(names[draw(3) as usize]);
                }
                path
            };
            let (one, two) = (path(), path());
            let (one, two) = (Path::new(&one), Path::new(&two));
            // Most of these fail, as they should.
            match draw(12) {
                0 | 1 => drop(disk.create_dir(one, 0o777, 0)),
                2 => drop(disk.remove_dir(one, 0)),
                3 => drop(disk.remove_file(one, 0)),
                4 | 5 => drop(disk.rename_path(one, two, 0)),
                6 => drop(disk.hard_link(one, two, 0)),
                7 => drop(disk.put(one, b"put", 0)),
                8 => {
                    if let Ok(ino) = disk.find(one, true) {
                        disk.sync(ino);
                    }
                }
                9 => disk.sync(Ino::ROOT),
                11 if draw(4) == 0 => drop(disk.lose_sync_at(one)),
                10 if draw(5) == 0 => disk.lose_power(&mut Chance(seed, draw(1 << 30))),
                _ => {
                    let mut how = OpenHow::default();
                    (how.write, how.create) = (true, true);
                    if let Ok(file) = disk.open(one, &how, 0) {
                        drop(disk.write(&file, draw(3_000), &[7; 700], 0));
                        disk.release(file.ino);
                    }
                }
            }
            disk.check();
        }
    }
}

/// What a disk tells of its files.
fn unsynced(disk: &Disk) -> Vec<String> {
    let files = disk.unsynced().files;
    files
        .iter()
        .map(|(path, pending)| format!("{path} {pending}"))
        .collect()
}

#[test]
fn a_file_that_was_cut_tells_the_sectors_that_were_written() {
    let mut disk = with_file(&[1; 5 * 512]);
    let file = opened(&mut disk, "/f");
    disk.set_len(&file, 0, 0).unwrap();
    assert_eq!(unsynced(&disk), ["/f its length"]);
    disk.write(&file, 500, &[2; 24], 0).unwrap();
    disk.write(&file, 600, &[3; 10], 0).unwrap();
    assert_eq!(unsynced(&disk), ["/f 2 writes, 34 B in 2 sectors"]);
}

#[test]
fn permissions_that_were_changed_are_told() {
    let mut disk = with_file(b"old");
    let chmod = |disk: &mut Disk, path: &str| {
        disk.set_mode_at(Path::new(path), 0o400, 0).unwrap();
    };
    chmod(&mut disk, "/f");
    chmod(&mut disk, "/run");
    assert_eq!(
        unsynced(&disk),
        ["/run its permissions", "/f its permissions"]
    );
    write(&mut disk, "/f", 0, b"new");
    assert_eq!(
        unsynced(&disk)[1],
        "/f 1 write, 3 B in 1 sector, its permissions"
    );
    sync(&mut disk, "/f");
    assert_eq!(unsynced(&disk), ["/run its permissions"]);
}
