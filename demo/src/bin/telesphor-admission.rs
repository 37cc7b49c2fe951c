//! `make demo-admission`.

use clap::Parser;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// An admission on one machine: a hospital's roster, a patient, six who work there.
#[derive(Parser)]
struct Arguments {
    /// A FHIR R4 bundle of your own instead of the one that comes with the demo.
    #[arg(long)]
    bundle: Option<PathBuf>,
    /// Where everything goes; must not exist yet.
    #[arg(long)]
    folder: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let bundle = arguments
        .bundle
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/bundle.json")));
    let folder = arguments
        .folder
        .unwrap_or_else(|| std::env::temp_dir().join(format!("telesphor-admission-{}", std::process::id())));
    match telesphor_demo::admission::tell(&folder, &bundle).await {
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
