//! The program `cargo-simoom`.

#![forbid(unsafe_code)]

fn main() {
    cargo_simoom::main()
}
