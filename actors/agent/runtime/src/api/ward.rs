//! Shared devices: who is there, how an organisation shows its people.

use telesphor_clinical::present::{PresenceAsk, PresenceWord};
use telesphor_wire::error::ErrorCode;

use super::agent::Agent;
use crate::documents::show::People;
use crate::error::{Error, Result};
use crate::views::{NamedStaff, PlaceView, PresenceView, PresentView};
use crate::ward::record::policy;
use crate::ward::show;

impl Agent {
    /// Which device this is, as text for the person's own device to answer.
    ///
    /// # Errors
    /// [`ErrorCode::Usage`] at a device that one person has for himself.
    pub async fn presence_code(&self) -> Result<String> {
        self.shared
            .work(|core| core.write(|ctx| Ok(ctx.presence_ask()?.to_text())))
            .await
    }

    /// What such a text asks for, to be looked at before it is answered.
    ///
    /// # Errors
    /// [`ErrorCode::InputRefused`] for a text that is none.
    pub async fn presence_asked(&self, code: &str) -> Result<PlaceView> {
        let ask = PresenceAsk::from_text(code).map_err(|_| Error::of(ErrorCode::InputRefused))?;
        self.look(move |snapshot, profile| {
            let people = People::load(snapshot, profile)?;
            Ok(PlaceView {
                place: ask.place,
                name: ask.place_name.shown(),
                device: ask.device.shown(),
                known: people.known_name(&ask.place),
            })
        })
        .await
    }

    /// Says, by this person's own device, that he is at the device of that text until an instant;
    /// gives the word as text. It is worth something at that device only.
    ///
    /// # Errors
    /// [`ErrorCode::InputRefused`]; [`ErrorCode::Usage`] for an instant that has passed or is more
    /// than a day away, and for an identity that is no person.
    pub async fn say_presence(&self, code: &str, until: u64) -> Result<String> {
        let ask = PresenceAsk::from_text(code).map_err(|_| Error::of(ErrorCode::InputRefused))?;
        self.shared
            .work(move |core| core.write(|ctx| Ok(ctx.say_presence(&ask, until)?.to_text())))
            .await
    }

    /// Signs a person in at this shared device by his word, for the session by which the profile
    /// was opened. Whoever was signed in before is not any more.
    ///
    /// # Errors
    /// [`ErrorCode::NotPresent`]; [`ErrorCode::VaultLocked`] if no session is behind this.
    pub async fn sign_in(&self, word: &str, role: &str) -> Result<PresentView> {
        let word = PresenceWord::from_text(word).map_err(|_| Error::of(ErrorCode::NotPresent))?;
        let role = role.to_owned();
        self.shared
            .change(move |core| {
                let here = core.write(|ctx| ctx.sign_in(&word, &role))?;
                Ok(show::present(&core.profile, &here))
            })
            .await
    }

    /// Nobody is signed in here any more; gives who was.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn sign_out(&self) -> Result<Option<PresentView>> {
        self.shared
            .change(|core| {
                let was = core.write(|ctx| ctx.sign_out())?;
                Ok(was.map(|here| show::present(&core.profile, &here)))
            })
            .await
    }

    /// Whether several people use this device in turn, and who is signed in now.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn present(&self) -> Result<(bool, Option<PresentView>)> {
        self.shared
            .work(|core| {
                let here = core.present()?;
                let here = here.map(|here| show::present(&core.profile, &here));
                Ok((core.keys.shared, here.filter(|_| core.keys.shared)))
            })
            .await
    }

    /// Everybody who was or is at a device of this place, newest first.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn presences(&self) -> Result<Vec<PresenceView>> {
        self.look(show::all_present).await
    }

    /// Whether this organisation shows its people by pseudonyms.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn shows_pseudonyms(&self) -> Result<bool> {
        self.look(|snapshot, _| Ok(policy(snapshot)?.pseudonyms)).await
    }

    /// Decides whether this organisation shows its people by pseudonyms or by their names, from now
    /// on and at all its devices.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn show_pseudonyms(&self, pseudonyms: bool) -> Result<()> {
        self.shared
            .change(move |core| core.write(|ctx| ctx.decide_policy(pseudonyms)))
            .await
    }

    /// Who goes by a pseudonym that this organisation gave.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn name_pseudonym(&self, code: &str) -> Result<NamedStaff> {
        let code = code.to_owned();
        self.look(move |snapshot, profile| {
            show::open(snapshot, profile, &code)?.ok_or(Error::of(ErrorCode::NotFound))
        })
        .await
    }

    /// What opens this vault.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn vault_keys(&self) -> Result<Vec<telesphor_vault::SlotInfo>> {
        self.shared.work(|core| Ok(core.vault.slots())).await
    }

    /// Makes a key file that opens this vault, under a label; gives the line to keep in it.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn add_vault_key(&self, label: &str) -> Result<zeroize::Zeroizing<String>> {
        let label = label.to_owned();
        self.shared
            .work(move |core| {
                let file = telesphor_vault::KeyFile::generate();
                core.vault.add_key_file(&label, &file)?;
                Ok(file.to_text())
            })
            .await
    }

    /// Lets a key open this vault no more. Whoever has copied the vault's header and has that key
    /// still opens the copy.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Usage`] for the last one.
    pub async fn remove_vault_key(&self, number: u16) -> Result<()> {
        self.shared
            .work(move |core| Ok(core.vault.remove_slot(number)?))
            .await
    }
}
