//! What files are.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::time::{Duration, SystemTime};

use simoom::fs::{self, File, FileTimes};
use simoom::io::AsyncWriteExt;
use simoom_tests::both;

use super::{dir, done};

both! {
    async fn a_file_has_its_size_and_type() {
        let dir = dir().await;
        fs::write(dir.join("a"), vec![1; 5_000]).await.unwrap();
        let metadata = fs::metadata(dir.join("a")).await.unwrap();
        assert!(metadata.is_file() && !metadata.is_dir() && !metadata.is_symlink());
        assert_eq!((metadata.len(), metadata.size()), (5_000, 5_000));
        assert_eq!(metadata.nlink(), 1);
        assert_eq!(metadata.mode() & 0o170_000, 0o100_000);
        let kind = metadata.file_type();
        assert!(!kind.is_socket() && !kind.is_fifo());
        assert!(!kind.is_block_device() && !kind.is_char_device());
        assert!(format!("{metadata:?}").contains("len: 5000"));
        done(dir).await;
    }

    async fn permissions_are_set_by_path_and_by_file() {
        let dir = dir().await;
        let file = File::create(dir.join("a")).await.unwrap();
        let mode = |it: fs::Metadata| it.permissions().mode() & 0o7777;
        fs::set_permissions(dir.join("a"), std::fs::Permissions::from_mode(0o640)).await.unwrap();
        assert_eq!(mode(file.metadata().await.unwrap()), 0o640);
        file.set_permissions(std::fs::Permissions::from_mode(0o400)).await.unwrap();
        let metadata = fs::metadata(dir.join("a")).await.unwrap();
        assert!(metadata.permissions().readonly());
        assert_eq!(mode(metadata), 0o400);
        done(dir).await;
    }

    async fn times_are_set() {
        let dir = dir().await;
        let file = File::create(dir.join("a")).await.unwrap();
        let (one, two) = (Duration::new(1_000, 5), Duration::from_secs(2_000));
        let (one, two) = (SystemTime::UNIX_EPOCH + one, SystemTime::UNIX_EPOCH + two);
        file.set_times(FileTimes::new().set_accessed(one).set_modified(two)).await.unwrap();
        let metadata = file.metadata().await.unwrap();
        assert_eq!(metadata.accessed().unwrap(), one);
        assert_eq!(metadata.modified().unwrap(), two);
        assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (2_000, 0));
        file.set_modified(one).await.unwrap();
        let metadata = file.metadata().await.unwrap();
        assert_eq!(metadata.modified().unwrap(), one);
        assert_eq!((metadata.atime(), metadata.atime_nsec()), (1_000, 5));
        done(dir).await;
    }

    async fn writing_moves_the_time_of_the_last_change() {
        let dir = dir().await;
        let mut file = File::create(dir.join("a")).await.unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).await.unwrap();
        file.write_all(b"1").await.unwrap();
        file.flush().await.unwrap();
        let modified = file.metadata().await.unwrap().modified().unwrap();
        assert!(modified > SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        done(dir).await;
    }

    async fn a_directory_counts_its_directories() {
        let dir = dir().await;
        fs::create_dir(dir.join("a")).await.unwrap();
        fs::create_dir(dir.join("b")).await.unwrap();
        fs::write(dir.join("c"), b"").await.unwrap();
        let metadata = fs::metadata(&dir).await.unwrap();
        assert!(metadata.is_dir());
        // Some file systems do not count: they say 1.
        assert!([1, 4].contains(&metadata.nlink()), "{}", metadata.nlink());
        done(dir).await;
    }
}
