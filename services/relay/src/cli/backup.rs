//! `backup` and `restore`.

use serde::Serialize;
use telesphor_store::Store;
use telesphor_wire::error::ErrorCode;

use crate::admin::office::hex;
use crate::admin::words::{BackupMade, Request};
use crate::backup;
use crate::config::{self, Sources};
use crate::fault::{Exit, Fault};
use crate::keys::Keys;
use crate::layout::Layout;
use crate::serve::{lock, store_config, store_fault};

use super::args::{Backup, Restore};
use super::context::{Context, bad_config};
use super::verify::{self, Walked};

#[derive(Serialize)]
struct Made {
    #[serde(flatten)]
    backup: BackupMade,
    verified: Option<Walked>,
}

#[derive(Serialize)]
struct Restored {
    data: std::path::PathBuf,
    incarnation: String,
}

/// Asks the running relay; where none runs, works on the data directory.
pub(crate) fn backup(context: &Context<'_>, args: &Backup) -> Result<(), Fault> {
    let to = std::path::absolute(&args.to).map_err(|e| Fault::file("backup", &args.to, &e))?;
    let asked: Result<BackupMade, Fault> = context.ask(&Request::Backup { to: to.clone() });
    let backup = match asked {
        Err(fault) if fault.exit == Exit::Unreachable => alone(context, &to)?,
        other => other?,
    };
    let verified = args.verify.then(|| verify_copy(context, &to)).transpose()?;
    let made = Made { backup, verified };
    context.out.show(&made, || match &made.verified {
        Some(walked) => format!("Backup made and verified in {}: {}", to.display(), walked.words()),
        None => format!(
            "Backup made in {}. --verify walks every chain of it.",
            to.display()
        ),
    });
    Ok(())
}

fn alone(context: &Context<'_>, to: &std::path::Path) -> Result<BackupMade, Fault> {
    let settings = context.settings(&[])?;
    let layout = Layout::new(&settings.data);
    let _lock = lock(&layout)?;
    let keys = keys(&layout)?;
    let store = Store::open(&layout.store(), store_config(&settings, &keys)?).map_err(|e| store_fault(&e))?;
    let copy = backup::begin(to)?;
    store
        .upkeep()
        .checkpoint(&copy.store())
        .map_err(|e| store_fault(&e))?;
    backup::finish(&layout, &copy)?;
    Ok(BackupMade {
        to: to.to_owned(),
        incarnation: hex(store.incarnation().as_bytes()),
    })
}

/// Restores the copy beside itself and walks it: opening a checkpoint in place would change it.
fn verify_copy(context: &Context<'_>, to: &std::path::Path) -> Result<Walked, Fault> {
    let settings = context.settings(&[])?;
    let copy = Layout::new(to);
    let drill = Layout::new(to.join("drill"));
    let config = store_config(&settings, &keys(&copy)?)?;
    let result = Store::restore(&copy.store(), &drill.store(), config.clone())
        .and_then(|_| Store::open(&drill.store(), config))
        .map_err(|e| verify::broken(&e))
        .and_then(|store| Walked::walk(&store, &copy.blobs()));
    let gone = std::fs::remove_dir_all(drill.root()).map_err(|e| Fault::file("drill", drill.root(), &e));
    let walked = result?;
    gone.map(|()| walked)
}

/// Into a new data directory.
pub(crate) fn restore(context: &Context<'_>, args: &Restore) -> Result<(), Fault> {
    let data =
        context.global.data.clone().ok_or_else(|| {
            Fault::usage("restore needs --data DIR: a data directory that does not exist yet")
        })?;
    let data = std::path::absolute(&data).map_err(|e| Fault::file("data directory", &data, &e))?;
    let layout = Layout::new(&data);
    let incarnation = backup::restore(&args.from, &layout, |layout| {
        let sources = Sources {
            file: Some(layout.config()),
            environment: false,
            flags: vec![("data".into(), data.display().to_string())],
        };
        let settings = config::load(&sources).map_err(|f| bad_config(&f))?;
        // The copy's own path was another one; the file must say where it lies now.
        let text = toml::to_string_pretty(&settings).map_err(|e| Fault::bug(e.to_string()))?;
        crate::files::replace(&layout.config(), text.as_bytes())
            .map_err(|e| Fault::file("configuration", &layout.config(), &e))?;
        store_config(&settings, &keys(layout)?)
    })?;
    let restored = Restored {
        data,
        incarnation: hex(incarnation.as_bytes()),
    };
    context.out.show(&restored, || {
        format!(
            "Restored into {}. It is a new life of the store: agents notice and offer again what the backup \
             had not seen.\nNext: telesphor-relay serve --data {0}",
            restored.data.display()
        )
    });
    Ok(())
}

fn keys(layout: &Layout) -> Result<Keys, Fault> {
    Keys::read(layout).map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))
}
