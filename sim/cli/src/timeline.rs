//! `timeline`: the page on which a failure can be looked at.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::arguments::Timeline;
use crate::exit::{Ended, Exit, Stopped};

/// The page's name in a bundle.
const FILE: &str = "timeline.html";

/// Prints where the page is. Makes it, by replaying the failure, if it is not there.
pub(crate) fn timeline(arguments: &Timeline) -> Ended {
    let kept = Path::new(&arguments.which.what).join(FILE);
    let page = match kept.is_file() {
        true => crate::process::absolute(&kept)?,
        false => {
            let failure = arguments.which.pick()?.failure(&[])?;
            let page = failure.bundle.map(|folder| folder.join(FILE));
            page.filter(|page| page.is_file()).ok_or_else(|| {
                Stopped::missing(format!("it has no timeline: {}", failure.confirmed))
            })?
        }
    };
    println!("{}", page.display());
    if arguments.open {
        open(&page)?;
    }
    Ok(Exit::Clean)
}

/// Shows the page in the reader's browser.
fn open(page: &Path) -> Result<(), Stopped> {
    let program = match cfg!(target_os = "macos") {
        true => "open",
        false => "xdg-open",
    };
    let status = Command::new(program)
        .arg(page)
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Stopped::missing(format!("{program} ended with {status}"))),
        Err(error) => Err(Stopped::missing(format!("{program}: {error}"))),
    }
}
