//! Key packages: an owner leaves some for each contact, a contact takes each once (crypto
//! profile, part 5). The last-resort one is handed out again and again.

use telesphor_wire::answer::Refusal;
use telesphor_wire::command::{PublishKeyPackages, Take};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::limits::{KEY_PACKAGE_BYTES, MAX_KEY_PACKAGES_PER_CONTACT, MAX_KEY_PACKAGES_PER_PUBLISH};
use telesphor_wire::mailbox::MailboxKind;
use telesphor_wire::sign::PublicKey;

use crate::decide::{Case, readable};
use crate::effects::{Decision, Gave, GivenPackage, StockChange};
use crate::event::Draft;
use crate::facts::{Facts, PackageId, Stock};
use crate::state::Mailbox;

pub(crate) fn publish<F: Facts>(
    case: &Case<'_, F>,
    draft: &mut Draft,
    publish: &PublishKeyPackages,
) -> Result<(), Refusal> {
    let mailbox = &draft.mailbox;
    if mailbox.profile.kind != MailboxKind::Personal {
        return Err(ErrorCode::WrongMailboxKind.into());
    }
    if publish.packages.len() > MAX_KEY_PACKAGES_PER_PUBLISH {
        return Err(ErrorCode::TooMany.into());
    }
    if publish
        .packages
        .iter()
        .chain(&publish.last_resort)
        .any(|p| p.len() != KEY_PACKAGE_BYTES)
    {
        return Err(ErrorCode::Malformed.into());
    }
    // Nobody else could take them.
    if !mailbox.may_deposit(&publish.contact) {
        return Err(ErrorCode::Malformed.into());
    }
    let mut stock = case
        .facts
        .stock(&mailbox.id, &publish.contact)
        .unwrap_or_default();
    let new = publish.packages.len();
    let new_count = u32::try_from(new).map_err(|_| ErrorCode::TooMany)?;
    let waiting = (stock.left() as usize).saturating_add(new);
    let all = mailbox.profile.packages.saturating_add(new_count);
    if waiting > MAX_KEY_PACKAGES_PER_CONTACT || all > mailbox.class().key_packages {
        return Err(ErrorCode::QuotaExceeded.into());
    }
    let mut put = Vec::with_capacity(new + 1);
    for package in &publish.packages {
        put.push((PackageId::Once(stock.next), package.clone()));
        stock.next = stock.next.saturating_add(1);
    }
    if let Some(package) = &publish.last_resort {
        put.push((PackageId::LastResort, package.clone()));
        stock.last_resort = true;
    }
    draft.profile().packages = all;
    draft.stock.push(StockChange {
        contact: publish.contact,
        stock: Some(stock),
        put,
        gone: Vec::new(),
    });
    Ok(())
}

pub(crate) fn take<F: Facts>(case: &Case<'_, F>, mailbox: Mailbox, take: &Take) -> Result<Decision, Refusal> {
    let request = &take.request;
    if !mailbox.may_deposit(&request.contact) || request.contact.verify(request, &take.signature).is_err() {
        return Err(ErrorCode::Refused.into());
    }
    readable(&request.ext)?;
    if mailbox.profile.closed {
        return Err(ErrorCode::Closed.into());
    }
    let stock = case
        .facts
        .stock(&mailbox.id, &request.contact)
        .unwrap_or_default();
    let (which, after) = next(&stock)?;
    let package = case
        .facts
        .package(&mailbox.id, &request.contact, which)
        .ok_or(ErrorCode::Internal)?;
    let last_resort = which == PackageId::LastResort;
    let mut draft = Draft::of(mailbox);
    if !last_resort {
        let profile = draft.profile();
        profile.packages = profile.packages.saturating_sub(1);
        draft.stock.push(StockChange {
            contact: request.contact,
            stock: Some(after),
            put: Vec::new(),
            gone: vec![which],
        });
    }
    let given = GivenPackage {
        package,
        last_resort,
        left: after.left(),
    };
    Ok(draft.accept(case, Gave::Package(given)))
}

fn next(stock: &Stock) -> Result<(PackageId, Stock), Refusal> {
    if stock.first < stock.next {
        let after = Stock {
            first: stock.first.saturating_add(1),
            ..*stock
        };
        return Ok((PackageId::Once(stock.first), after));
    }
    if stock.last_resort {
        return Ok((PackageId::LastResort, *stock));
    }
    Err(ErrorCode::NoKeyPackage.into())
}

/// Clears what waits for contacts that are no longer listed: nobody could take it.
pub(crate) fn forget_others<F: Facts>(case: &Case<'_, F>, draft: &mut Draft, listed: &[PublicKey]) {
    let profile = draft.mailbox.profile.clone();
    for contact in profile
        .deposit_keys
        .iter()
        .filter(|k| listed.binary_search(k).is_err())
    {
        let Some(stock) = case.facts.stock(&draft.mailbox.id, contact) else {
            continue;
        };
        let waiting = (stock.first..stock.next).take(MAX_KEY_PACKAGES_PER_CONTACT);
        let mut gone: Vec<_> = waiting.map(PackageId::Once).collect();
        gone.extend(stock.last_resort.then_some(PackageId::LastResort));
        let left = stock.left();
        draft.profile().packages = draft.mailbox.profile.packages.saturating_sub(left);
        draft.stock.push(StockChange {
            contact: *contact,
            stock: None,
            put: Vec::new(),
            gone,
        });
    }
}
