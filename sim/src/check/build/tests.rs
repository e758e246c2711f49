//! Where a binary stands and what cargo keeps about it.

use super::*;

#[test]
fn features_are_asked_for_as_cargo_takes_them() {
    let check = |print: &str, expected: Option<&str>| {
        assert_eq!(features(print).as_deref(), expected, "{print}");
    };
    let none = r#"{"rustc":1,"features":"[]","declared_features":"[]","target":2}"#;
    check(none, Some(""));
    let two = r#"{"features":"[\"one\", \"two-b\"]","declared_features":"[\"one\", \"two-b\"]"}"#;
    check(two, Some("--features one,two-b"));
    let default = r#"{"features":"[\"default\"]","declared_features":"[\"default\", \"one\"]"}"#;
    check(default, Some(""));
    let without = r#"{"features":"[\"one\"]","declared_features":"[\"default\", \"one\"]"}"#;
    check(without, Some("--no-default-features --features one"));
    check(r#"{"rustc":1}"#, None);
}

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("simoom-build-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn the_profile_and_the_features_are_read_where_cargo_left_them() {
    let root = folder("known");
    let profile = root.join("target/release");
    let print = profile.join(".fingerprint/my-crate-0123456789abcdef");
    fs::create_dir_all(&print).unwrap();
    fs::create_dir_all(profile.join("deps")).unwrap();
    fs::create_dir_all(profile.join("examples")).unwrap();
    fs::write(
        print.join("test-lib-my_crate.json"),
        r#"{"features":"[\"fast\"]"}"#,
    )
    .unwrap();
    fs::write(root.join("target/CACHEDIR.TAG"), "").unwrap();
    let arguments = |path: &Path| Build::of(path, "my-crate").arguments();

    let test = profile.join("deps/my_crate-0123456789abcdef");
    assert_eq!(arguments(&test), " --release --features fast");
    // An example has two names.
    let example = profile.join("examples/show");
    fs::write(&example, "").unwrap();
    fs::hard_link(&example, profile.join("examples/show-0123456789abcdef")).unwrap();
    assert_eq!(arguments(&example), " --release --features fast");
    // Of a build that is gone, and of a copy elsewhere.
    let other = profile.join("deps/my_crate-fedcba9876543210");
    assert_eq!(Build::of(&other, "my-crate").features, None);
    assert_eq!(arguments(&other), " --release");
    let copy = root.join("my_crate-0123456789abcdef");
    assert_eq!(Build::of(&copy, "my-crate"), Build::default());
    fs::remove_dir_all(&root).unwrap();
}

#[test]
fn the_platform_is_read_off_the_folders() {
    let root = folder("platform");
    let profile = root.join("target/x86_64-unknown-linux-musl/debug");
    let print = profile.join(".fingerprint/my-crate-0123456789abcdef");
    fs::create_dir_all(&print).unwrap();
    fs::create_dir_all(profile.join("examples")).unwrap();
    fs::write(print.join("test-lib.json"), r#"{"features":"[\"fast\"]"}"#).unwrap();
    let arguments = |path: &str| Build::of(&profile.join(path), "my-crate").arguments();
    let test = "deps/my_crate-0123456789abcdef";
    // Nobody knows where the target directory is.
    assert_eq!(arguments(test), " --features fast");
    fs::write(root.join("target/CACHEDIR.TAG"), "").unwrap();
    let expected = " --features fast --target x86_64-unknown-linux-musl";
    assert_eq!(arguments(test), expected);
    assert_eq!(
        arguments("examples/show"),
        " --target x86_64-unknown-linux-musl"
    );
    // The folder above a target directory may be one, too.
    fs::write(
        root.join("target/x86_64-unknown-linux-musl/CACHEDIR.TAG"),
        "",
    )
    .unwrap();
    assert_eq!(arguments(test), " --features fast");
    fs::remove_dir_all(&root).unwrap();
}

#[test]
fn a_copied_binary_writes_where_it_is_told_or_below_the_current_directory() {
    let root = folder("copied");
    let own = Path::new("/somewhere/target/debug/deps/it-0123456789abcdef");
    let copied = Path::new("/it");
    let output = |binary, asked: Option<&str>| {
        let output = Output::of(binary, asked.map(PathBuf::from), Some(root.clone())).unwrap();
        (output.folder, output.instead.is_some())
    };
    let check = |binary, asked, folder: PathBuf, is_instead| {
        assert_eq!(output(binary, asked), (folder, is_instead));
    };
    check(own, Some("/asked"), "/somewhere/target".into(), false);
    check(copied, Some("/asked"), "/asked".into(), true);
    check(copied, Some("asked"), root.join("asked"), true);
    check(copied, None, std::env::temp_dir(), true);
    fs::create_dir(root.join("target")).unwrap();
    check(copied, None, root.join("target"), true);
    check(copied, Some(""), root.join("target"), true);
    fs::remove_dir_all(&root).unwrap();
}
