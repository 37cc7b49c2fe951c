//! `make demo-flows`.

use clap::Parser;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// A visit and what follows on one machine: prescription, laboratory, claim, referral, collecting.
#[derive(Parser)]
struct Arguments {
    /// A FHIR R4 bundle of your own instead of the one that comes with the demo.
    #[arg(long)]
    bundle: Option<PathBuf>,
    /// Where everything goes; must not exist yet.
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let bundle = arguments
        .bundle
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/bundle.json")));
    let folder = arguments
        .folder
        .unwrap_or_else(|| std::env::temp_dir().join(format!("telesphor-flows-{}", std::process::id())));
    match telesphor_demo::flows::tell(&folder, &bundle) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let mut out = std::io::stdout().lock();
            let _ = writeln!(
                out,
                "   FAILED: {error}\n   The evidence lies in {}",
                folder.display()
            );
            ExitCode::FAILURE
        }
    }
}
