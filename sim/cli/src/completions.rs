//! Completion scripts for shells.
//!
//! Owns how a shell that completes `cargo` comes to complete `cargo simoom`. Knows nothing of what
//! the commands do.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::arguments::Simoom;

/// Writes the script for `shell`.
///
/// It completes the name `cargo-simoom`, and `cargo simoom` too, whose other words are left to whoever
/// completes `cargo`: in Bash it takes that one's place and hands on to it, in fish it stands beside
/// it, and in zsh that one calls a function of the name that the script defines.
pub(crate) fn write(shell: Shell, output: &mut impl Write) -> io::Result<()> {
    let mut simoom = Simoom::augment_args(Command::new(NAME));
    let mut script = Vec::new();
    generate(shell, &mut simoom, NAME, &mut script);
    if shell == Shell::Fish {
        output.write_all(&script)?;
        return output.write_all(BESIDE_CARGO.as_bytes());
    }
    if shell != Shell::Bash {
        return output.write_all(&script);
    }
    // clap_complete 4.6 has two names for the states of a command with a hyphen, and comes to none.
    let script = String::from_utf8_lossy(&script);
    let script = script.replace("cargo__subcmd__simoom", "cargo__simoom");
    output.write_all(script.as_bytes())?;
    output.write_all(WITHIN_CARGO.as_bytes())
}

const NAME: &str = "cargo-simoom";

/// Takes the place of what completes `cargo`, and hands on to it whatever is not ours.
const WITHIN_CARGO: &str = r#"
_cargo_with_simoom() {
    if [[ ${COMP_CWORD} -gt 1 && ${COMP_WORDS[1]} == simoom ]]; then
        COMP_WORDS=(cargo-simoom "${COMP_WORDS[@]:2}")
        COMP_CWORD=$((COMP_CWORD - 1))
        local before=$3
        [[ ${COMP_CWORD} -eq 1 ]] && before=cargo-simoom
        "${_cargo_simoom_itself}" cargo-simoom "$2" "$before"
    elif [[ -n ${_cargo_before_simoom-} ]]; then
        "${_cargo_before_simoom}" "$@"
    fi
}

if declare -F _comp_load >/dev/null; then
    _comp_load cargo >/dev/null 2>&1
elif declare -F _completion_loader >/dev/null; then
    _completion_loader cargo >/dev/null 2>&1
fi
if [[ $(complete -p cargo 2>/dev/null) =~ -F\ ([^ ]+) && ${BASH_REMATCH[1]} != _cargo_with_simoom ]]; then
    _cargo_before_simoom=${BASH_REMATCH[1]}
fi
if [[ $(complete -p cargo-simoom) =~ -F\ ([^ ]+) ]]; then
    _cargo_simoom_itself=${BASH_REMATCH[1]}
fi
complete -F _cargo_with_simoom -o bashdefault -o default cargo
"#;

/// For fish, which has no place to take: what is offered for `cargo` besides all else.
const BESIDE_CARGO: &str = r#"
function __cargo_simoom_in_cargo
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test "$words[2]" = simoom
end

function __cargo_simoom_offers
    set -l words (commandline -opc)
    set -l line cargo-simoom (string escape -- $words[3..]) (commandline -ct)
    complete -C "$line"
end

complete -c cargo -n __cargo_simoom_in_cargo -f -k -a '(__cargo_simoom_offers)'
"#;
