//! `init`: a working configuration, own keys, a signed domain record. No default secret.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::{ToSpan, Zoned};
use serde::Serialize;
use telesphor_store::Store;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::text::Domain;

use crate::admin::office::hex;
use crate::clock;
use crate::config::{self, Settings};
use crate::fault::{Exit, Fault};
use crate::files;
use crate::keys::Keys;
use crate::layout::Layout;
use crate::record;
use crate::serve::{store_config, store_fault};
use crate::tls::{self, Certificate};

use super::args::Init;
use super::context::{Context, bad_config};

/// What `init` made.
#[derive(Serialize)]
struct Made {
    domain: String,
    fingerprint: String,
    tls_key: String,
    address: String,
    listen: String,
    certificate_until: String,
    self_made_certificate: bool,
    files: Vec<PathBuf>,
    next: Vec<String>,
}

/// A setting that is written down comes from the command's own options: `--set` holds for one run.
pub(crate) fn nothing_set(context: &Context<'_>) -> Result<(), Fault> {
    match context.global.set.first() {
        None => Ok(()),
        Some(set) => Err(Fault::usage(format!(
            "--set {set} would be lost: what is made here is set by the options of this command (see --help), or afterwards in relay.toml"
        ))),
    }
}

/// Carries it out.
pub(crate) fn run(context: &Context<'_>, args: &Init) -> Result<(), Fault> {
    nothing_set(context)?;
    let data = context
        .global
        .data
        .clone()
        .ok_or_else(|| Fault::usage("init needs --data DIR: where the relay keeps everything"))?;
    let data = std::path::absolute(&data).map_err(|e| Fault::file("data directory", &data, &e))?;
    let layout = Layout::new(&data);
    refuse_overwriting(&layout)?;
    let settings = settings(args, &data)?;
    let domain: Domain = args
        .domain
        .parse()
        .map_err(|e: telesphor_wire::text::TextError| Fault::usage(e.to_string()))?;

    files::private_dir(&data).map_err(|e| Fault::file("data directory", &data, &e))?;
    let mut made = Vec::new();
    if args.certificate.is_none() {
        made.extend(self_made_certificate(&settings, &layout)?);
    }
    let certificate = Certificate::read(
        &data.join(&settings.tls.certificate),
        &data.join(&settings.tls.key),
    )
    .map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))?;
    let keys = Keys::generate();
    made.extend(
        keys.write(&layout)
            .map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))?,
    );
    let facts = record::Facts {
        domain: &domain,
        address: &settings.edge.address,
        tls_key: certificate.tls_key,
        now: clock::now_ms(),
    };
    let signed = record::sign(&keys, &facts, 1);
    made.push(write(
        layout.record(),
        "domain record",
        &canonical::encode(&signed),
    )?);
    let config = store_config(&settings, &keys)?;
    drop(Store::create(&layout.store(), config).map_err(|e| store_fault(&e))?);
    made.push(layout.store());
    // Last: whoever finds a configuration finds everything it needs.
    let text = toml::to_string_pretty(&settings).map_err(|e| Fault::bug(e.to_string()))?;
    made.push(write(layout.config(), "configuration", text.as_bytes())?);

    let at = format!("--data {}", data.display());
    let answer = Made {
        domain: domain.to_string(),
        fingerprint: keys.domain.public().to_string(),
        tls_key: hex(certificate.tls_key.as_bytes()),
        address: settings.edge.address.clone(),
        listen: settings.edge.listen.clone(),
        certificate_until: clock::show(u64::try_from(certificate.not_after).unwrap_or(0) * 1000),
        self_made_certificate: args.certificate.is_none(),
        files: made,
        next: vec![
            format!("telesphor-relay serve {at}"),
            format!("telesphor-relay check {at}"),
            format!("telesphor-relay admit new --class patient --uses 1 --qr {at}"),
        ],
    };
    context.out.show(&answer, || answer.text());
    Ok(())
}

impl Made {
    fn text(&self) -> String {
        let files: String = self
            .files
            .iter()
            .map(|f| format!("  {}\n", f.display()))
            .collect();
        let next: String = self.next.iter().map(|c| format!("  {c}\n")).collect();
        let own = if self.self_made_certificate {
            " (self-made; agents pin its key)"
        } else {
            ""
        };
        format!(
            "Domain       {}\nFingerprint  {}\nReached at   {}\nCertificate  until {}{own}\n\nMade, readable by this user alone:\n{files}\nNext:\n{next}",
            self.domain, self.fingerprint, self.address, self.certificate_until
        )
    }
}

/// Nothing that is there may be lost, least of all a key.
fn refuse_overwriting(layout: &Layout) -> Result<(), Fault> {
    for path in [layout.config(), layout.keys(), layout.record(), layout.store()] {
        if path.exists() {
            return Err(Fault::new(
                Exit::Conflict,
                ErrorCode::AlreadyThere,
                format!("{} is there already; nothing was overwritten", path.display()),
            ));
        }
    }
    Ok(())
}

fn settings(args: &Init, data: &Path) -> Result<Settings, Fault> {
    let mut settings = Settings {
        domain: args.domain.clone(),
        data: data.to_owned(),
        ..Settings::default()
    };
    settings.edge.listen.clone_from(&args.listen);
    settings.edge.address = match (&args.address, args.listen.parse::<SocketAddr>()) {
        (Some(address), _) => address.clone(),
        (None, Ok(listen)) => format!("{}:{}", args.domain, listen.port()),
        (None, Err(_)) => String::new(),
    };
    if let (Some(certificate), Some(key)) = (&args.certificate, &args.key) {
        let absolute = |p: &Path| std::path::absolute(p).map_err(|e| Fault::file("certificate", p, &e));
        settings.tls.certificate = absolute(certificate)?;
        settings.tls.key = absolute(key)?;
    }
    match config::check(&settings).first() {
        Some(fault) => Err(bad_config(fault)),
        None => Ok(settings),
    }
}

/// For two years from today, for the name and the host under which it is reached.
pub(crate) fn self_made_certificate(settings: &Settings, layout: &Layout) -> Result<[PathBuf; 2], Fault> {
    let host = settings
        .edge
        .address
        .rsplit_once(':')
        .map_or("", |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut names = vec![settings.domain.clone()];
    if host != settings.domain {
        names.push(host.to_owned());
    }
    let until = Zoned::now().date().saturating_add(2.years());
    let (certificate, key) = tls::self_made(
        names,
        (
            i32::from(until.year()),
            until.month().unsigned_abs(),
            until.day().unsigned_abs(),
        ),
    )
    .map_err(|e| Fault::bug(e.to_string()))?;
    files::private_dir(&layout.tls()).map_err(|e| Fault::file("folder", &layout.tls(), &e))?;
    Ok([
        write(
            layout.root().join(&settings.tls.certificate),
            "certificate",
            certificate.as_bytes(),
        )?,
        write(
            layout.root().join(&settings.tls.key),
            "certificate key",
            key.as_bytes(),
        )?,
    ])
}

pub(crate) fn write(path: PathBuf, what: &str, bytes: &[u8]) -> Result<PathBuf, Fault> {
    files::write_new(&path, bytes).map_err(|e| Fault::file(what, &path, &e))?;
    Ok(path)
}
