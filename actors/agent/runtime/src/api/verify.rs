//! `verify`: genuine or not, in words, with no network.

use super::agent::Agent;
use crate::acts::standing::refuse_retracted;
use crate::attest::verdict::Asked;
use crate::documents::keep::Way;
use crate::documents::show::find;
use crate::error::Result;
use crate::views::Verdict;

impl Agent {
    /// Judges a document of the record, by id or the beginning of it.
    ///
    /// # Errors
    /// `NotFound`, `Ambiguous`. A document that is not genuine is no error but a verdict.
    pub async fn verify(&self, what: &str, asked: Asked) -> Result<Verdict> {
        let what = what.to_owned();
        self.shared
            .work(move |core| {
                core.write(|ctx| {
                    let kept = find(ctx.tx, &what)?;
                    let bytes = ctx.document_bytes(&kept.id)?;
                    let bundle = ctx.bundle(&kept, &bytes)?;
                    ctx.judge_bundle(&bundle, &asked)
                })
            })
            .await
    }

    /// Judges a `.tel` file by the proofs in it and one's own anchors.
    ///
    /// # Errors
    /// `InputRefused` if it is no such file.
    pub async fn verify_file(&self, file: &[u8], asked: Asked) -> Result<Verdict> {
        let file = file.to_vec();
        self.shared
            .work(move |core| core.write(|ctx| ctx.judge_file(&file, &asked)))
            .await
    }

    /// A document of the record as a `.tel` file, with everything that proves something about it.
    ///
    /// # Errors
    /// `NotFound`, `Ambiguous`, `Retracted`.
    pub async fn tel_file(&self, what: &str) -> Result<Vec<u8>> {
        let what = what.to_owned();
        self.shared
            .work(move |core| {
                core.write(|ctx| {
                    let kept = find(ctx.tx, &what)?;
                    if kept.way != Way::Own {
                        refuse_retracted(ctx.tx, &ctx.profile, &kept)?;
                    }
                    let bytes = ctx.document_bytes(&kept.id)?;
                    Ok(ctx.bundle(&kept, &bytes)?.to_file())
                })
            })
            .await
    }
}
