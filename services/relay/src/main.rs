//! `telesphor-relay`: see the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    telesphor_relay::cli::main()
}
