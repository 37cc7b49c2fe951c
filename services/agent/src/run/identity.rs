//! `identity`, `endpoint`, `recover`.

use std::io::Write;
use std::path::Path;
use telesphor_agent::{Agent, NewProfile, kit_text};
use telesphor_identity::endpoint::EndpointKind;
use telesphor_identity::inception::Kind;
use telesphor_identity::kit::RecoveryKit;
use telesphor_wire::domain::AdmissionLink;
use telesphor_wire::error::ErrorCode;

use super::session::Here;
use crate::args;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Form, Progress, Row, picture, qr};
use crate::{home, shown};

/// Which word of a fresh kit is asked for, to see that it was written down.
const TESTED_WORD: usize = 5;

/// `identity new`.
pub(super) async fn new(here: &Here<'_>, args: &args::IdentityNew) -> Result<Exit> {
    let admission = admission(&args.admission)?;
    let kind = Kind::from_word(&args.kind)
        .ok_or_else(|| unknown("kind", &args.kind, Kind::KNOWN.iter().map(|k| k.word())))?;
    let sort = sort_of_device(&args.on)?;
    let folder = here.folder();
    if telesphor_vault::VaultPaths::in_folder(&folder).exists() {
        return Err(Fault::of(ErrorCode::ProfileExists).with(here.profile.clone()));
    }
    if let Some(file) = &args.kit {
        refuse_existing(file)?;
    }
    let passphrase = here.asking().new_passphrase()?;
    let guard = match &args.identity.identity_passphrase_file {
        Some(file) => crate::secret::from_file(file)?,
        None => passphrase.clone(),
    };
    home::private_folder(&folder)?;
    let mut profile = NewProfile::person(&args.name);
    profile.endpoint.clone_from(&args.device);
    profile.kind = kind;
    profile.device = sort;
    let progress = Progress::start(here.out, "making the identity");
    let created = Agent::create_guarded(&folder, &passphrase, &guard, profile, &admission, here.wait()).await;
    drop(progress);
    let created = created.inspect_err(|_| {
        // Empty if nothing was made, and only then removed.
        let _ = std::fs::remove_dir(&folder);
    })?;
    let agent = created.agent;
    let me = agent.me().await?;
    let row = shown::me(here.out, &me).text("profile", "PROFILE", &here.profile);
    give_kit(here, &created.kit, args.kit.as_deref(), row)?;
    test_word(here, &agent, &created.kit).await?;
    agent.close().await;
    match created.ready {
        Ok(()) => Ok(Exit::Done),
        Err(error) => {
            here.out
                .hint("The identity is made; its first mailboxes open by themselves: telesphor status");
            let fault = Fault::from(error);
            here.out.fault(&fault);
            Ok(fault.exit())
        }
    }
}

/// `identity admit`.
pub(super) async fn admit(here: &Here<'_>, args: &args::IdentityAdmit) -> Result<Exit> {
    let link = admission(&args.link)?;
    let agent = here.open(true).await?;
    let left = agent.admit(&link, here.wait()).await?;
    agent.close().await;
    here.out.one(&Row::new().both(
        "mailboxes_left",
        "MAILBOXES THAT CAN BE OPENED",
        left as u64,
        &left.to_string(),
    ))?;
    Ok(Exit::Done)
}

pub(super) fn sort_of_device(word: &str) -> Result<EndpointKind> {
    EndpointKind::from_word(word).ok_or_else(|| {
        unknown(
            "sort of device",
            word,
            EndpointKind::KNOWN.iter().map(|k| k.word()),
        )
    })
}

fn unknown(what: &str, word: &str, known: impl Iterator<Item = &'static str>) -> Fault {
    let known: Vec<&str> = known.collect();
    Fault::usage(format!("no such {what}: {word}. There are: {}", known.join(", ")))
}

/// Prints the identity and its kit, or writes the kit into a file.
pub(super) fn give_kit(here: &Here<'_>, kit: &RecoveryKit, file: Option<&Path>, row: Row) -> Result<()> {
    let text = kit_text(kit);
    if let Some(file) = file {
        write_private(file, &page(&text))?;
        here.out
            .one(&row.text("kit_file", "KIT", &file.to_string_lossy()))?;
        here.out
            .words("Print the kit, keep it away from this device, and then delete the file.");
        return Ok(());
    }
    match here.out.form {
        Form::Json => {
            here.out.one(
                &row.both("kit", "", text.code.clone(), "")
                    .both("kit_words", "", text.words, ""),
            )
        }
        Form::Plain | Form::Person => {
            here.out.one(&row)?;
            here.out.data(&format!("\n{}", page(&text)))
        }
    }
}

/// The page to print.
fn page(text: &telesphor_agent::views::KitText) -> String {
    let mut page = String::from(
        "RECOVERY KIT. Whoever has this page can become you; without it a lost device cannot be\n\
         replaced. It is shown once. Keep it on paper, away from your devices.\n\n",
    );
    for (i, words) in text.words.chunks(4).enumerate() {
        for (j, word) in words.iter().enumerate() {
            page.push_str(&format!("{:>3}. {word:<12}", i * 4 + j + 1));
        }
        page.truncate(page.trim_end().len());
        page.push('\n');
    }
    page.push_str(&format!("\n{}\n", text.code));
    page
}

/// Asks for one word, where somebody can answer.
async fn test_word(here: &Here<'_>, agent: &Agent, kit: &RecoveryKit) -> Result<()> {
    let asking = here.asking();
    if !asking.can_ask() {
        here.out
            .hint("Test the kit once it is printed: telesphor identity kit --test FILE");
        return Ok(());
    }
    for _ in 0..3 {
        let word = asking.line(&format!("To test the kit, type its word {TESTED_WORD}:"))?;
        match agent.kit_tested(kit, TESTED_WORD, &word).await {
            Ok(()) => {
                here.out.words("The kit is good.");
                return Ok(());
            }
            Err(error) if error.code == ErrorCode::Usage => here.out.words("That is not the word."),
            Err(error) => return Err(error.into()),
        }
    }
    here.out
        .words("The kit was not tested. Later: telesphor identity kit --test FILE");
    Ok(())
}

/// `identity show`.
pub(super) async fn show(here: &Here<'_>, args: &args::IdentityShow) -> Result<Exit> {
    for file in args.card.iter().chain(&args.qr_file) {
        refuse_existing(file)?;
    }
    let agent = here.open(false).await?;
    let me = agent.me().await?;
    here.out
        .one(&shown::me(here.out, &me).text("profile", "PROFILE", &here.profile))?;
    let address = format!("telesphor:{}@{}", me.id, me.domain);
    if args.qr
        && let Some(drawn) = qr(&address)
    {
        here.out.data(&drawn)?;
    }
    if let Some(file) = &args.qr_file {
        write_new(file, &picture(&address, file)?)?;
    }
    if let Some(file) = &args.card {
        let card = agent.my_card().await?;
        write_new(file, &card)?;
        here.out
            .words("The card is public: give it to whoever is to trust or verify you.");
    }
    agent.close().await;
    Ok(Exit::Done)
}

/// `identity kit`.
pub(super) async fn kit(here: &Here<'_>, args: &args::IdentityKit) -> Result<Exit> {
    let Some(file) = &args.test else {
        let agent = here.open(false).await?;
        let me = agent.me().await?;
        agent.close().await;
        here.out.one(&shown::me(here.out, &me))?;
        here.out
            .hint("The kit itself is on paper only: it was shown once, when the identity was made.");
        return Ok(Exit::Done);
    };
    let kit = read_kit(file)?;
    let agent = here.open(false).await?;
    let first = kit.words().first().copied().unwrap_or_default();
    let tested = agent.kit_tested(&kit, 1, first).await;
    let me = agent.me().await?;
    agent.close().await;
    tested.map_err(|error| match error.code {
        ErrorCode::InputRefused => Fault::of(ErrorCode::InputRefused).with("this kit is another identity's"),
        _ => error.into(),
    })?;
    here.out.one(&shown::me(here.out, &me))?;
    here.out
        .words("The kit is this identity's, is complete and is the one in force.");
    Ok(Exit::Done)
}

/// `backup`.
pub(super) async fn back_up(here: &Here<'_>) -> Result<Exit> {
    let agent = here.open(true).await?;
    let progress = Progress::start(here.out, "backing up");
    let done = agent.back_up(here.wait()).await;
    drop(progress);
    agent.close().await;
    done.map_err(Fault::from)?;
    here.out.words(
        "documents, contacts and grants are in your own mailbox, sealed; only the recovery kit opens them",
    );
    Ok(Exit::Done)
}

/// `recover`.
pub(super) async fn recover(here: &Here<'_>, args: &args::Recover) -> Result<Exit> {
    let kit = read_kit(&args.kit)?;
    let folder = here.folder();
    if telesphor_vault::VaultPaths::in_folder(&folder).exists() {
        return Err(Fault::of(ErrorCode::ProfileExists)
            .with(here.profile.clone())
            .then("--profile NAME"));
    }
    let passphrase = here.asking().new_passphrase()?;
    home::private_folder(&folder)?;
    let mut profile = NewProfile::person("");
    profile.endpoint.clone_from(&args.device);
    let progress = Progress::start(here.out, "recovering");
    let recovered = Agent::recover(&folder, &passphrase, profile, kit, here.wait()).await;
    drop(progress);
    let agent = recovered.inspect_err(|_| {
        // Empty if nothing was made, and only then removed.
        let _ = std::fs::remove_dir(&folder);
    })?;
    let me = agent.me().await?;
    here.out
        .one(&shown::me(here.out, &me).text("profile", "PROFILE", &here.profile))?;
    here.out.words("Every older device is shut out and contacts are told. What came after the last backup is not restored.");
    here.out.hint(
        "The lost device knew where backups go. Make a new kit before the next one: telesphor identity rotate --kit FILE",
    );
    here.let_go(agent).await;
    Ok(Exit::Done)
}

/// Reads a kit as it was printed: the page, or its code alone.
pub(super) fn read_kit(file: &Path) -> Result<RecoveryKit> {
    let text = super::input::text(file)?;
    let code = text
        .split_whitespace()
        .find(|word| word.starts_with("telesphor-kit:"))
        .ok_or_else(|| Fault::of(ErrorCode::InputRefused).with("no line that begins with telesphor-kit:"))?;
    RecoveryKit::from_text(code).map_err(|error| Fault::of(error.code()).with(error.to_string()))
}

/// The link itself, or a file that holds it.
pub(super) fn admission(text: &str) -> Result<AdmissionLink> {
    let text = if text.starts_with("telesphor-join:") || !Path::new(text).is_file() {
        text.to_owned()
    } else {
        super::input::text(Path::new(text))?
    };
    AdmissionLink::from_text(text.trim()).map_err(|error| Fault::of(ErrorCode::Usage).with(error.to_string()))
}

pub(super) fn refuse_existing(file: &Path) -> Result<()> {
    if file.exists() {
        return Err(Fault::usage(format!(
            "{} is there already; nothing was overwritten",
            file.display()
        )));
    }
    Ok(())
}

fn create_new(file: &Path, mode: u32) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(file)
}

/// A new file that only its owner can read.
pub(super) fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut to = create_new(file, 0o600)?;
    to.write_all(text.as_bytes())?;
    to.sync_all()?;
    Ok(())
}

/// A new file.
pub(super) fn write_new(file: &Path, bytes: &[u8]) -> Result<()> {
    let mut to = create_new(file, 0o644)?;
    to.write_all(bytes)?;
    to.sync_all()?;
    Ok(())
}
