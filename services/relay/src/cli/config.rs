//! `config check|print`.

use serde::Serialize;

use crate::config::{self, ConfigFault};
use crate::fault::{Exit, Fault};
use telesphor_wire::error::ErrorCode;

use super::args::{ConfigArgs, ConfigCommand};
use super::context::{Context, bad_config};

#[derive(Serialize)]
struct Checked<'a> {
    good: bool,
    faults: &'a [ConfigFault],
}

/// Carries it out.
pub(crate) fn run(context: &Context<'_>, args: &ConfigArgs) -> Result<(), Fault> {
    match args.command {
        ConfigCommand::Check => check(context),
        ConfigCommand::Print { effective } => print(context, effective),
    }
}

/// Names every fault, also those of the files that the settings name.
fn check(context: &Context<'_>) -> Result<(), Fault> {
    let settings = config::load(&context.sources(&[])?);
    let faults = match &settings {
        Ok(settings) => {
            let mut faults = config::check(settings);
            faults.extend(crate::serve::files_of(settings));
            faults
        }
        Err(fault) => vec![fault.clone()],
    };
    let checked = Checked {
        good: faults.is_empty(),
        faults: &faults,
    };
    context.out.show(&checked, || match faults.as_slice() {
        [] => "The configuration is good.".to_owned(),
        faults => faults.iter().map(|f| format!("{f}\n")).collect(),
    });
    if checked.good {
        return Ok(());
    }
    Err(Fault::new(
        Exit::Usage,
        ErrorCode::BadConfig,
        format!("{} fault(s) in the configuration", faults.len()),
    ))
}

/// No setting is a secret: keys are files, and only their paths are printed.
fn print(context: &Context<'_>, effective: bool) -> Result<(), Fault> {
    let mut sources = context.sources(&[])?;
    if !effective {
        sources.environment = false;
        sources.flags.clear();
    }
    let settings = config::load(&sources).map_err(|f| bad_config(&f))?;
    let text = toml::to_string_pretty(&settings).map_err(|e| Fault::bug(e.to_string()))?;
    context.out.show(&settings, || text);
    Ok(())
}
