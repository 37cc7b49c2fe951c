//! How much a command weighs: the bytes it brings, and the size of the answer it may get.

use telesphor_wire::command::{Command, OwnerAct};
use telesphor_wire::session::Call;

/// What a command costs in memory beside its payload, bytes (rounded up generously).
const BASE_BYTES: usize = 512;

/// Bytes of a command in memory.
pub(crate) fn bytes(command: &Command) -> usize {
    BASE_BYTES
        + match command {
            Command::Deposit(d) => d.payload.len(),
            Command::Commit(c) => c.mls.len() + c.body.attribution.len(),
            Command::Owner(o) => match &o.command.act {
                OwnerAct::Rewind(r) => r.mls.len() + r.attribution.len(),
                OwnerAct::SetDepositKeys(keys) => keys.0.len() * 32,
                OwnerAct::Open(open) => open.deposit_keys.0.len() * 32,
                OwnerAct::PublishKeyPackages(p) => p
                    .packages
                    .iter()
                    .chain(&p.last_resort)
                    .map(|package| package.len())
                    .sum(),
                _ => 0,
            },
            Command::Take(_) | Command::Admit(_) => 0,
            Command::Enrol(e) => e.vouchers.len() * 32,
            // Fixed in size, but for extensions that the rules may yet refuse.
            Command::Ledger(_) => 0,
        }
}

/// Weight of the answer, in receipts (about one KiB each): a key package has 4 KiB, and a
/// voucher about 160 bytes.
pub(crate) fn answer(command: &Command) -> u32 {
    match command {
        Command::Take(_) => 8,
        Command::Ledger(_) => 2,
        Command::Enrol(e) => 1 + u32::try_from(e.vouchers.len() / 4).unwrap_or(u32::MAX).min(64),
        _ => 1,
    }
}

/// Splits off the first calls, at least one, whose answers weigh at most `most` together.
/// Gives them, their weight and their bytes.
pub(crate) fn part(calls: &mut Vec<Call>, most: usize) -> (Vec<Call>, u32, usize) {
    let (mut weight, mut size, mut n) = (0u32, 0usize, 0usize);
    for call in calls.iter() {
        let more = answer(&call.command);
        if n > 0 && (weight + more) as usize > most {
            break;
        }
        weight += more;
        size += bytes(&call.command);
        n += 1;
    }
    let rest = calls.split_off(n);
    (std::mem::replace(calls, rest), weight, size)
}
