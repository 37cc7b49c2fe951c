//! `inspect`: facts of a data directory, read only.

use serde::Serialize;
use telesphor_store::Store;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::PartitionId;

use crate::admin::office::hex;
use crate::clock;
use crate::fault::{Exit, Fault};
use crate::keys::Keys;
use crate::layout::Layout;
use crate::serve::{lock, store_config, store_fault};

use super::args::Inspect;
use super::context::Context;

#[derive(Serialize)]
struct Facts {
    domain: String,
    incarnation: String,
    format: u32,
    partitions: u16,
    batches: u64,
    mailboxes_about: u64,
    events_about: u64,
    ledger_rows_about: u64,
    disk_bytes: u64,
    heads: Vec<Head>,
}

#[derive(Serialize)]
struct Head {
    partition: u16,
    position: u64,
    head: String,
    clock: String,
}

/// Carries it out. The relay must not run: a store has one owner.
pub(crate) fn run(context: &Context<'_>, args: &Inspect) -> Result<(), Fault> {
    let settings = context.settings(&[])?;
    let layout = Layout::new(&settings.data);
    let _lock = lock(&layout)?;
    let keys =
        Keys::read(&layout).map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))?;
    let store = Store::open(&layout.store(), store_config(&settings, &keys)?).map_err(|e| store_fault(&e))?;
    let seen = store.upkeep().inspect().map_err(|e| store_fault(&e))?;
    let wanted = match args.partition {
        Some(p) if p >= seen.partitions => {
            return Err(Fault::new(
                Exit::NotFound,
                ErrorCode::NotFound,
                format!("there are {} partitions, from 0", seen.partitions),
            ));
        }
        Some(p) => p..p + 1,
        None => 0..seen.partitions,
    };
    let reader = store.reader();
    let heads = wanted
        .map(|p| {
            let at = reader.partition(PartitionId(p)).map_err(|e| store_fault(&e))?;
            Ok(Head {
                partition: p,
                position: at.position,
                head: hex(at.head.as_bytes()),
                clock: clock::show(at.clock),
            })
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    let facts = Facts {
        domain: seen.domain,
        incarnation: hex(seen.incarnation.as_bytes()),
        format: seen.format,
        partitions: seen.partitions,
        batches: seen.batches,
        mailboxes_about: seen.mailboxes,
        events_about: seen.events,
        ledger_rows_about: seen.ledger_rows,
        disk_bytes: seen.disk_bytes,
        heads,
    };
    context.out.show(&facts, || facts.text());
    Ok(())
}

impl Facts {
    fn text(&self) -> String {
        let heads: String = self
            .heads
            .iter()
            .map(|h| {
                format!(
                    "partition {:>4}  position {:>10}  head {}  clock {}\n",
                    h.partition, h.position, h.head, h.clock
                )
            })
            .collect();
        format!(
            "Domain       {}\nIncarnation  {}\nFormat       {}\nPartitions   {}\nBatches      {}\nMailboxes    about {}\nEvents       about {}\nLedger       about {} rows\nOn disk      {} bytes\n{heads}",
            self.domain,
            self.incarnation,
            self.format,
            self.partitions,
            self.batches,
            self.mailboxes_about,
            self.events_about,
            self.ledger_rows_about,
            self.disk_bytes
        )
    }
}
