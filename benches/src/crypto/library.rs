// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rival's shared object behind a safe interface. The functions are those of benches/rivals/c/rival.h.
#![expect(unsafe_code, reason = "rivals are C; this module is the only one that calls them")]

use std::error::Error as _;
use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use culvert_srtp::Suite;

use crate::crypto::case::Case;
use crate::crypto::error::CryptoError;
use crate::crypto::frames::{FRAME, Frames, PART, START, Slot, TAIL};
use crate::fixture::{Leg, master_bytes};

#[repr(C)]
struct RawPacket {
    data: *mut u8,
    length: u32,
    stream: u32,
}

type Create = unsafe extern "C" fn(u32, u32, *const u8, *const u8) -> *mut c_void;
type Burst = unsafe extern "C" fn(*mut c_void, *mut RawPacket, usize) -> usize;
type Open = unsafe extern "C" fn(u32, *const u8, u32, u32, *mut u8, u32) -> u32;
type Destroy = unsafe extern "C" fn(*mut c_void);
type Version = unsafe extern "C" fn() -> *const c_char;

/// A loaded rival.
#[derive(Debug)]
pub struct Library {
    name: String,
    version: String,
    create: Create,
    rekey: Burst,
    protect: Option<Burst>,
    open: Option<Open>,
    destroy: Destroy,
    // Last: the functions are in it.
    _object: libloading::Library,
}

impl Library {
    /// Loads `<directory>/<name>.so`.
    ///
    /// # Errors
    /// When it is not there, or not a rival.
    pub fn open(directory: &Path, name: &str) -> Result<Arc<Library>, CryptoError> {
        let path = directory.join(format!("{name}.so"));
        // The error itself says no more than that it failed.
        let failed = |error: libloading::Error| {
            let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            CryptoError::Load { path: path.clone(), reason }
        };
        // SAFETY: The object is one that benches/rivals has built. Its initialisers are those of libcrypto and libc.
        let object = unsafe { libloading::Library::new(&path) }.map_err(failed)?;
        // SAFETY: The types are those of rival.h, which the object was compiled against.
        let (create, rekey, protect, open, destroy, version) = unsafe {
            (
                *object.get::<Create>(c"rival_create").map_err(failed)?,
                *object.get::<Burst>(c"rival_rekey").map_err(failed)?,
                object.get::<Burst>(c"rival_protect").ok().map(|symbol| *symbol),
                object.get::<Open>(c"rival_open").ok().map(|symbol| *symbol),
                *object.get::<Destroy>(c"rival_destroy").map_err(failed)?,
                *object.get::<Version>(c"rival_version").map_err(failed)?,
            )
        };
        // SAFETY: It returns a string that lives as long as the object.
        let version = unsafe { CStr::from_ptr(version()) }.to_string_lossy().into_owned();
        Ok(Arc::new(Library {
            name: name.to_owned(),
            version,
            create,
            rekey,
            protect,
            open,
            destroy,
            _object: object,
        }))
    }

    /// As a contender.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was linked.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Opens one packet in place, without a past: `key` is a master key for AES_CM_128 and its salt, `tag` the tag's bytes (4 or
    /// 10), `roc` the roll-over counter. The new length, when it is authentic; `None` also from a rival that is not libsrtp.
    pub fn open_packet(
        &self,
        tag: u32,
        key: &[u8; 30],
        ssrc: u32,
        roc: u32,
        packet: &mut [u8],
    ) -> Option<usize> {
        let length = u32::try_from(packet.len()).ok()?;
        // SAFETY: The key has the bytes that the suite wants, and the packet is ours and as long as said; it only shrinks.
        let length = unsafe { (self.open?)(tag, key.as_ptr(), ssrc, roc, packet.as_mut_ptr(), length) };
        (length > 0).then_some(length as usize)
    }

    /// Contexts that open packets of leg A and close them for leg B.
    ///
    /// # Errors
    /// When the rival cannot make them.
    pub fn relay(self: &Arc<Self>, case: Case) -> Result<Session, CryptoError> {
        self.session(case, Some(Leg::A), Leg::B)
    }

    /// Contexts that close packets under the keys of a leg.
    ///
    /// # Errors
    /// When the rival cannot make them; most can only do both at once.
    pub fn sender(self: &Arc<Self>, case: Case, leg: Leg) -> Result<Session, CryptoError> {
        if self.protect.is_none() {
            return Err(CryptoError::Reference(self.name.clone()));
        }
        self.session(case, None, leg)
    }

    fn session(
        self: &Arc<Self>,
        case: Case,
        receive: Option<Leg>,
        send: Leg,
    ) -> Result<Session, CryptoError> {
        let keys = |leg| -> Vec<u8> {
            (0..case.streams).flat_map(|stream| master_bytes(case.suite, leg, stream)).collect()
        };
        let failed = || CryptoError::Create { contender: self.name.clone(), case };
        let suite = number(case.suite).ok_or_else(failed)?;
        let (receive, send) = (receive.map(keys), keys(send));
        let receive = receive.as_ref().map_or(ptr::null(), Vec::as_ptr);
        // SAFETY: Each pointer is to one master key and salt per stream, of the lengths of the suite. `receive` may be
        // null, as `sender` asks only those libraries that can protect alone.
        let context = unsafe { (self.create)(suite, case.streams, receive, send.as_ptr()) };
        let context = NonNull::new(context).ok_or_else(failed)?;
        Ok(Session { loaded: Arc::clone(self), context, case, receives: !receive.is_null() })
    }
}

/// `enum rival_suite`.
fn number(suite: Suite) -> Option<u32> {
    match suite {
        Suite::AesCm128HmacSha1_80 => Some(0),
        Suite::AesCm256HmacSha1_80 => Some(1),
        Suite::AeadAes128Gcm => Some(2),
        Suite::AeadAes256Gcm => Some(3),
        _ => None,
    }
}

/// A rival's contexts.
#[derive(Debug)]
pub struct Session {
    loaded: Arc<Library>,
    context: NonNull<c_void>,
    case: Case,
    receives: bool,
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: The context is the library's own and is not used again.
        unsafe { (self.loaded.destroy)(self.context.as_ptr()) }
    }
}

impl Session {
    /// The packets of the frames, as the rival wants them; the last frames are left out when there are fewer slots.
    ///
    /// # Panics
    /// When a slot names a stream that the session does not have, or a packet without room behind it.
    pub fn batch<'a>(&'a mut self, frames: &'a mut Frames, slots: &[Slot]) -> Batch<'a> {
        let packet = |(buffer, slot): (&'a mut [u8], &Slot)| {
            assert!(slot.stream < self.case.streams && slot.length + TAIL <= FRAME - START);
            RawPacket { data: buffer.as_mut_ptr(), length: slot.length as u32, stream: slot.stream }
        };
        let mut packets = Vec::with_capacity(PART);
        packets.extend(frames.buffers().zip(slots).map(packet));
        Batch { session: self, packets, _frames: PhantomData }
    }
}

/// Packets on their way through a session.
pub struct Batch<'a> {
    session: &'a mut Session,
    packets: Vec<RawPacket>,
    _frames: PhantomData<&'a mut Frames>,
}

impl std::fmt::Debug for Batch<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Batch").field("packets", &self.packets.len()).finish_non_exhaustive()
    }
}

impl Batch<'_> {
    /// Opens and closes the packets, `burst` of them in each call.
    ///
    /// # Panics
    /// When the session is a sender.
    #[inline]
    pub fn rekey(&mut self, burst: usize) {
        assert!(self.session.receives);
        let (rekey, context) = (self.session.loaded.rekey, self.session.context.as_ptr());
        for packets in self.packets.chunks_mut(burst) {
            // SAFETY: The session has contexts for both ways. `Session::batch` has checked streams and room; this batch
            // holds frames and session for itself.
            unsafe { rekey(context, packets.as_mut_ptr(), packets.len()) };
        }
    }

    /// Closes the packets, and says whether the rival can and all have passed.
    pub fn protect(&mut self) -> bool {
        let Some(protect) = self.session.loaded.protect else { return false };
        let context = self.session.context.as_ptr();
        // SAFETY: Every session can send; for the rest see `rekey`.
        let passed = unsafe { protect(context, self.packets.as_mut_ptr(), self.packets.len()) };
        passed == self.packets.len()
    }

    /// The bytes of every packet; 0 for one that was refused.
    pub fn lengths(&self) -> impl Iterator<Item = usize> {
        self.packets.iter().map(|packet| packet.length as usize)
    }
}
