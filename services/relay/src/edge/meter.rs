//! How much of what was sent on a WebSocket still waits in this process.
//!
//! The library below takes many messages before it says that it has no room, each up to a whole
//! page. A reader that takes nothing would so hold megabytes, and the engine, which counts a page
//! as sent when the next one is asked for, would not know of them. So whoever sends waits here
//! until nearly all of it has left for the connection.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use tokio::sync::Notify;

/// Small messages may follow each other without waiting, up to so many bytes.
const AT_ONCE: usize = 64 << 10;

/// Bytes that were given to the library and have not left.
#[derive(Default)]
pub(crate) struct Meter {
    waiting: AtomicUsize,
    less: Notify,
}

impl Meter {
    /// Measures what leaves in the body of this answer.
    pub(crate) fn of(response: HttpResponse) -> (HttpResponse, Arc<Self>) {
        let meter = Arc::new(Self::default());
        let body_meter = meter.clone();
        let response = response.map_body(|_, body| {
            BoxBody::new(Metered {
                body,
                meter: body_meter,
                taken: 0,
            })
        });
        (response, meter)
    }

    /// So many bytes are about to be given to the library.
    pub(crate) fn sending(&self, bytes: usize) {
        self.waiting.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Waits until no more than a little is left.
    pub(crate) async fn drained(&self) {
        loop {
            let less = self.less.notified();
            tokio::pin!(less);
            // Registered before the look, so that no notice falls between the two.
            less.as_mut().enable();
            if self.waiting.load(Ordering::Acquire) <= AT_ONCE {
                return;
            }
            less.await;
        }
    }

    /// Frames have a few bytes more than what is in them, so this ends at nothing, not below.
    fn left(&self, bytes: usize) {
        let less = |waiting: usize| Some(waiting.saturating_sub(bytes));
        let _ = self
            .waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        self.less.notify_waiters();
    }
}

/// The body of the answer: what it gave before has left when it is asked for more.
struct Metered {
    body: BoxBody,
    meter: Arc<Meter>,
    taken: usize,
}

/// A connection that is gone takes everything with it.
impl Drop for Metered {
    fn drop(&mut self) {
        self.meter.left(usize::MAX);
    }
}

impl MessageBody for Metered {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let taken = std::mem::take(&mut self.taken);
        if taken > 0 {
            self.meter.left(taken);
        }
        let next = ready!(Pin::new(&mut self.body).poll_next(context));
        if let Some(Ok(bytes)) = &next {
            self.taken = bytes.len();
        }
        Poll::Ready(next)
    }
}
