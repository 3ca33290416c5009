// SPDX-License-Identifier: MIT OR Apache-2.0
//! The stream of events.

use std::pin::Pin;
use std::sync::Arc;

use culvert_api::v1;
use culvert_api::v1::event::Kind;
use culvert_session::Caller;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

use super::answer;
use crate::node::{Happening, What};

/// Events of one watcher, without end.
pub(super) type Events = Pin<Box<dyn Stream<Item = Result<v1::Event, Status>> + Send>>;

/// What happens to the sessions that `caller` sees; to one of them only, if `id` is not empty.
pub(super) fn events(happenings: broadcast::Receiver<Arc<Happening>>, caller: Caller, id: String) -> Events {
    Box::pin(BroadcastStream::new(happenings).filter_map(move |happening| match happening {
        Ok(happening) => {
            let wanted = caller.sees(&happening.owner) && (id.is_empty() || happening.session.as_str() == id);
            wanted.then(|| Ok(event(&happening)))
        }
        Err(BroadcastStreamRecvError::Lagged(count)) => Some(Ok(v1::Event {
            time: Some(answer::time(std::time::SystemTime::now())),
            kind: Some(Kind::EventsLost(v1::EventsLost { count })),
            ..v1::Event::default()
        })),
    }))
}

fn event(happening: &Happening) -> v1::Event {
    let kind = match happening.what {
        What::Created => Kind::SessionCreated(v1::SessionCreated {}),
        What::Deleted => Kind::SessionDeleted(v1::SessionDeleted {}),
        What::FirstMedia => Kind::FirstMedia(v1::FirstMedia {}),
        What::MediaTimeout(silent_for) => Kind::MediaTimeout(v1::MediaTimeout {
            silent_for: prost_types::Duration::try_from(silent_for).ok(),
        }),
        What::AddressLearnt { rtcp, source } => {
            Kind::AddressLearnt(v1::AddressLearnt { source: Some(answer::endpoint(source)), rtcp })
        }
        What::AuthenticationFailures { in_last_second, total } => {
            Kind::AuthenticationFailures(v1::AuthenticationFailures { in_last_second, total })
        }
        What::RekeyDone => Kind::RekeyDone(v1::RekeyDone {}),
        What::KeyExpiring { packets_left } => Kind::KeyExpiring(v1::KeyExpiring { packets_left }),
        What::KeyExpired => Kind::KeyExpired(v1::KeyExpired {}),
        What::AuthorityEnded(state) => {
            Kind::AuthorityEnded(v1::AuthorityEnded { state: answer::authority_state(state).into() })
        }
    };
    let (media, leg) = happening.place;
    v1::Event {
        time: Some(answer::time(happening.time)),
        session_id: happening.session.to_string(),
        media: u32::from(media),
        leg: u32::from(leg),
        kind: Some(kind),
    }
}
