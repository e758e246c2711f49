//! Does what a page says and compares what that prints with what the page shows.
//!
//! ```sh
//! cargo run -p simoom-tools --bin page -- README.md
//! cargo run -p simoom-tools --bin page -- --fresh docs/book/src/quickstart.md
//! ```
//! `--fresh` starts in an empty folder that has this repository as `simoom` in it, which is how a
//! newcomer has it; otherwise the page starts here. `--write` writes what was printed into the
//! page.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use simoom_tests::page;

fn main() -> ExitCode {
    let mut path = None;
    let (mut rewrite, mut fresh) = (false, false);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--write" => rewrite = true,
            "--fresh" => fresh = true,
            _ => path = Some(PathBuf::from(argument)),
        }
    }
    let Some(path) = path else {
        eprintln!("page: which page? give its path, after --fresh or --write if wanted");
        return ExitCode::FAILURE;
    };
    match follow(&path, rewrite, fresh) {
        Ok(()) => {
            println!("{}: what it shows is what happens", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

fn follow(path: &Path, rewrite: bool, fresh: bool) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let folder = if fresh {
        empty_folder().map_err(|error| format!("no fresh folder could be made: {error}"))?
    } else {
        std::env::current_dir().map_err(|error| error.to_string())?
    };
    let followed = page::follow(&text, &folder, rewrite);
    if fresh {
        // A folder that is left over takes room and harms nobody.
        let _ = fs::remove_dir_all(&folder);
    }
    let followed = followed?;
    if rewrite && followed != text {
        fs::write(path, followed).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// An empty folder with this repository in it.
fn empty_folder() -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("simoom-page-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    std::os::unix::fs::symlink(here, folder.join("simoom"))?;
    Ok(folder)
}
