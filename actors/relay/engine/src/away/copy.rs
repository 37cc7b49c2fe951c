//! A partition as a whole for a relay that is to keep it too: read as it stands at one moment, and handed
//! out a page at a time for as long as somebody asks for the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use telesphor_store::{Row, Upkeep};
use telesphor_wire::answer::Refusal;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::Nonce;
use telesphor_wire::passing::{About, AskCopy, GotCopy};
use telesphor_wire::sign::PublicKey;
use tokio::sync::mpsc;

use super::answer::elsewhere;
use super::{Away, locked};
use crate::house::House;

/// Copies that are read at once: each holds back what the store would clear away.
const AT_ONCE: usize = 2;
/// Bytes of one page, about.
const PAGE: usize = 512 * 1024;
/// Nobody asked for the next page for so long: it is let go.
const IDLE: Duration = Duration::from_secs(60);

/// Those that are being read.
#[derive(Default)]
pub(super) struct Copies(Mutex<HashMap<(PublicKey, Nonce), Copy>>);

#[derive(Clone)]
struct Copy {
    pages: Arc<tokio::sync::Mutex<Pages>>,
    used: Instant,
}

struct Pages {
    read: mpsc::Receiver<GotCopy>,
    /// The number of the next one.
    next: u64,
    last: Option<GotCopy>,
}

impl Away {
    pub(super) async fn copied(
        &self,
        house: &Arc<House>,
        upkeep: &Upkeep,
        from: PublicKey,
        ask: AskCopy,
    ) -> About {
        if !self.roads.is_keeper(&from, ask.partition) {
            return About::Refused(Refusal::of(ErrorCode::Refused));
        }
        if !self.serves(house, ask.partition) {
            return elsewhere();
        }
        let Some(copy) = self.copy(house, upkeep, from, ask) else {
            return About::Busy(house.core.limits.busy_retry_ms);
        };
        let mut pages = copy.pages.lock().await;
        if ask.page + 1 == pages.next {
            // It did not hear it.
            return pages
                .last
                .clone()
                .map_or_else(elsewhere, |page| About::Copied(Box::new(page)));
        }
        if ask.page != pages.next {
            return elsewhere();
        }
        let Some(page) = pages.read.recv().await else {
            return elsewhere();
        };
        pages.next += 1;
        pages.last = Some(page.clone());
        About::Copied(Box::new(page))
    }

    /// The copy that is meant, begun if it is the first page; nothing if there are too many.
    fn copy(&self, house: &House, upkeep: &Upkeep, from: PublicKey, ask: AskCopy) -> Option<Copy> {
        let mut copies = locked(&self.copies.0);
        copies.retain(|_, copy| copy.used.elapsed() < IDLE);
        // One relay makes one at a time: another one of it is what it has begun anew.
        copies.retain(|(whose, which), _| *whose != from || *which == ask.copy);
        let many = copies.len() >= AT_ONCE;
        if let Some(copy) = copies.get_mut(&(from, ask.copy)) {
            copy.used = Instant::now();
            return Some(copy.clone());
        }
        if many {
            return None;
        }
        let (into, read) = mpsc::channel(1);
        let (upkeep, partition) = (upkeep.clone(), ask.partition);
        house.core.runtime.spawn_blocking(move || {
            let rows = |rows: Vec<Row>| rows.into_iter().map(|(family, k, v)| (family, Bytes(k), Bytes(v)));
            // Whoever asked finds no more pages, and begins anew elsewhere.
            let read = upkeep.read_part(partition, PAGE, &mut |page, end| {
                let end = end.map(|(cursor, standing)| (Bytes(cursor), Bytes(standing)));
                let page = GotCopy {
                    rows: rows(page).collect(),
                    end,
                };
                into.blocking_send(page).is_ok()
            });
            if read.is_err() {
                tracing::error!(target: "telesphor::engine", "a partition could not be read for another relay");
            }
        });
        let copy = Copy {
            pages: Arc::new(tokio::sync::Mutex::new(Pages {
                read,
                next: 0,
                last: None,
            })),
            used: Instant::now(),
        };
        copies.insert((from, ask.copy), copy.clone());
        Some(copy)
    }

    /// Lets go of copies that nobody goes on with.
    pub(super) fn drop_idle_copies(&self) {
        locked(&self.copies.0).retain(|_, copy| copy.used.elapsed() < IDLE);
    }
}
