// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys that MRAS has made for participants.

use std::{borrow::Cow, sync::Arc};

use culvert_mras::Verified;
use culvert_srtp::Suite;

use crate::{
    Caller, Changed, ErrorKind, KeyMaterial, LegUpdate, ProtectionRequest, SessionError, Sessions, SrtpKeys,
    policy,
    update::{self, Change},
};

/// Keys for legs of a session, on behalf of participants.
#[derive(Clone, Debug)]
pub struct IssueRequest {
    /// Which session.
    pub session_id: String,
    /// For every leg of it.
    pub suite: Suite,
    /// One or two, each for another leg.
    pub participants: Vec<ParticipantKeys>,
}

/// Keys for one leg of every media.
#[derive(Clone, Debug)]
pub struct ParticipantKeys {
    /// 0 or 1.
    pub leg: u32,
    /// Under which credential.
    pub credential: Arc<Verified>,
    /// As many as the session has media.
    pub media: Vec<FreshKeys>,
}

/// Master keys that nobody has used.
#[derive(Clone, Debug)]
pub struct FreshKeys {
    /// With which the relay opens what the participant sends.
    pub receive: KeyMaterial,
    /// With which the relay protects what it sends to the participant.
    pub send: KeyMaterial,
}

impl Sessions {
    /// Puts fresh keys into force for legs of a session: all of the request, or none of it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::InvalidArgument`], [`ErrorKind::FailedPrecondition`]. Paths are of
    /// `suite` and `participants`.
    pub fn issue(&mut self, caller: &Caller, request: IssueRequest) -> Result<Changed, SessionError> {
        if self.config().approved_suites_only && !request.suite.is_fips_approved() {
            return Err(policy::not_approved("suite", "is", request.suite));
        }
        let id = self.find(caller, &request.session_id)?;
        let media = self.sessions.get(&id).map_or(0, |session| session.media.len());
        let mut changes = Vec::new();
        for (index, participant) in request.participants.into_iter().enumerate() {
            let field = format!("participants[{index}]");
            if participant.leg > 1 {
                let message = format!("is {}; give 0 or 1", participant.leg);
                return Err(SessionError::invalid(format!("{field}.leg"), message));
            }
            if participant.media.len() != media {
                let message = "has keys for another number of media than the session has; try again";
                return Err(SessionError::new(ErrorKind::FailedPrecondition, field, message));
            }
            for (number, keys) in (0..).zip(participant.media) {
                let keys = SrtpKeys {
                    suite: request.suite.name().to_owned(),
                    receive: vec![keys.receive],
                    send: vec![keys.send],
                };
                changes.push(Change {
                    field: field.clone(),
                    update: Cow::Owned(LegUpdate {
                        media: number,
                        leg: participant.leg,
                        protection: ProtectionRequest::Srtp(keys),
                        ..LegUpdate::default()
                    }),
                    credential: Some(Arc::clone(&participant.credential)),
                });
            }
        }
        let effects = update::apply(self, &id, &changes)?;
        Ok(Changed { view: self.get(caller, id.as_str())?, effects })
    }
}
