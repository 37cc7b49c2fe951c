//! What every command starts from: the settings in force and the way to a running relay.

use std::path::PathBuf;

use crate::admin::client;
use crate::admin::words::Request;
use crate::config::{self, ConfigFault, Settings, Sources};
use crate::fault::{Exit, Fault};
use crate::layout::Layout;
use crate::out::Out;
use telesphor_wire::error::ErrorCode;

use super::args::Global;

/// Where a packaged relay keeps its configuration.
const SYSTEM_CONFIG: &str = "/etc/telesphor/relay.toml";
/// Names the data directory where no flag does.
const DATA_VARIABLE: &str = "TELESPHOR_RELAY__DATA";

/// What every command starts from.
pub(crate) struct Context<'a> {
    /// Flags of every command.
    pub global: &'a Global,
    /// How to show things.
    pub out: Out,
}

impl Context<'_> {
    /// The data directory as far as it is known without a configuration.
    fn data(&self) -> Option<PathBuf> {
        self.global
            .data
            .clone()
            .or_else(|| std::env::var_os(DATA_VARIABLE).map(PathBuf::from))
    }

    /// The configuration file: named, or in the data directory, or the system's.
    pub(crate) fn config_file(&self) -> Option<PathBuf> {
        self.global
            .config
            .clone()
            .or_else(|| self.data().map(|d| Layout::new(d).config()))
            .or_else(|| Some(PathBuf::from(SYSTEM_CONFIG)).filter(|p| p.exists()))
    }

    /// Where the settings come from, with more flags.
    ///
    /// # Errors
    /// Wrong usage.
    pub(crate) fn sources(&self, more: &[(String, String)]) -> Result<Sources, Fault> {
        let mut flags = Vec::new();
        if let Some(data) = &self.global.data {
            flags.push(("data".to_owned(), data.display().to_string()));
        }
        for set in &self.global.set {
            let (path, value) = set
                .split_once('=')
                .ok_or_else(|| Fault::usage(format!("--set {set}: must be PATH=VALUE")))?;
            flags.push((path.to_owned(), value.to_owned()));
        }
        flags.extend_from_slice(more);
        let file = self.config_file().ok_or_else(|| {
            Fault::usage("no configuration: name one with --config, or a data directory with --data")
        })?;
        Ok(Sources {
            file: Some(file),
            environment: true,
            flags,
        })
    }

    /// The settings in force, without a fault.
    ///
    /// # Errors
    /// Exit 2 with the first fault by its path.
    pub(crate) fn settings(&self, more: &[(String, String)]) -> Result<Settings, Fault> {
        let sources = self.sources(more)?;
        if let Some(missing) = sources.file.as_ref().filter(|f| !f.exists()) {
            return Err(Fault::new(
                Exit::NotFound,
                ErrorCode::BadConfig,
                format!(
                    "there is no configuration at {}; `telesphor-relay init` makes one",
                    missing.display()
                ),
            ));
        }
        let settings = config::load(&sources).map_err(|f| bad_config(&f))?;
        match config::check(&settings).first() {
            Some(fault) => Err(bad_config(fault)),
            None => Ok(settings),
        }
    }

    /// The data directory of the settings in force.
    ///
    /// # Errors
    /// As [`Context::settings`].
    pub(crate) fn layout(&self) -> Result<Layout, Fault> {
        Ok(Layout::new(self.settings(&[])?.data))
    }

    /// Asks the running relay.
    ///
    /// # Errors
    /// Exit 7 if none runs here, or what it answered.
    pub(crate) fn ask<T: serde::de::DeserializeOwned>(&self, request: &Request) -> Result<T, Fault> {
        client::ask(&self.layout()?, request)
    }
}

/// A fault in the settings, as the end of a command.
pub(crate) fn bad_config(fault: &ConfigFault) -> Fault {
    Fault::new(Exit::Usage, ErrorCode::BadConfig, fault.to_string())
}
