// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an audit log holds, and where it is broken.

use std::io::{self, Write};

use comfy_table::Table;
use culvert_audit::{Break, Broken, Media, Receipt, Summary};
use serde::Serialize;

use super::table::{new, print};
use super::text::{bytes, counts, printable};

/// `audit verify`.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    intact: bool,
    summary: Summary,
    breaks: Vec<NamedBreak>,
    /// Breaks that are not among `breaks`, because they are too many.
    breaks_omitted: u64,
    /// Of the session that was asked for.
    pub(crate) receipts: Vec<SessionReceipt>,
}

#[derive(Debug, Serialize)]
struct NamedBreak {
    #[serde(flatten)]
    place: Break,
    message: String,
}

/// A receipt, and the number of its record.
#[derive(Debug, Serialize)]
pub(crate) struct SessionReceipt {
    pub(crate) sequence: u64,
    #[serde(flatten)]
    pub(crate) receipt: Receipt,
}

impl Outcome {
    pub(crate) fn intact(summary: Summary, receipts: Vec<SessionReceipt>) -> Self {
        Self { intact: true, summary, breaks: Vec::new(), breaks_omitted: 0, receipts }
    }

    pub(crate) fn broken(broken: &Broken, receipts: Vec<SessionReceipt>) -> Self {
        let named = |place: &Break| NamedBreak { message: place.fault.to_string(), place: place.clone() };
        Self {
            intact: false,
            summary: broken.summary.clone(),
            breaks: broken.breaks.iter().map(named).collect(),
            breaks_omitted: broken.omitted,
            receipts,
        }
    }

    pub(crate) fn text(&self, out: &mut impl Write) -> io::Result<()> {
        for found in &self.breaks {
            writeln!(out, "{}", found.place)?;
        }
        if self.breaks_omitted > 0 {
            writeln!(out, "and {} breaks more", self.breaks_omitted)?;
        }
        let Summary { files, records, first, head, .. } = &self.summary;
        let verdict = if self.intact { "intact" } else { "broken" };
        write!(
            out,
            "{verdict}: {records} records in {files} {}",
            if *files == 1 { "file" } else { "files" }
        )?;
        match first {
            0 | 1 => writeln!(out)?,
            first => writeln!(out, ", from record {first} on; the files before it are not here")?,
        }
        let Summary { receipts, starts, crashes, lost, recovered, unknown, .. } = &self.summary;
        writeln!(out, "head {head}")?;
        writeln!(
            out,
            "receipts {receipts}  starts {starts}  crashes {crashes}  lost records {lost}  \
             half-written lines {recovered}  unknown records {unknown}"
        )?;
        self.receipts.iter().try_for_each(|receipt| receipt.text(out))
    }
}

impl SessionReceipt {
    fn text(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { sequence, receipt } = self;
        writeln!(
            out,
            "\nsession {}  owner {}  node {}  record {sequence}",
            printable(&receipt.session_id),
            printable(&receipt.owner),
            printable(&receipt.node)
        )?;
        writeln!(out, "created {}  ended {}  {}", receipt.created, receipt.ended, receipt.end.name())?;
        for (index, media) in receipt.media.iter().enumerate() {
            writeln!(out, "\nmedia {index}: {}", media.kind.name())?;
            print(out, &keys(media))?;
            writeln!(out)?;
            print(out, &totals(media))?;
        }
        Ok(())
    }
}

/// One line per use of a key.
fn keys(media: &Media) -> Table {
    let mut table = new(&["leg", "direction", "protection", "key", "from", "packets"], &[5]);
    for (index, leg) in media.legs.iter().enumerate() {
        if leg.keys_omitted > 0 {
            table.add_row([index.to_string(), format!("{} older ones", leg.keys_omitted)]);
        }
        for used in &leg.keys {
            table.add_row([
                index.to_string(),
                used.direction.name().to_owned(),
                printable(&used.suite),
                used.key.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
                used.from.to_string(),
                used.packets.to_string(),
            ]);
        }
    }
    table
}

fn totals(media: &Media) -> Table {
    let head = [
        "leg",
        "realm",
        "encryption",
        "issued to",
        "packets",
        "bytes",
        "rtcp",
        "plain sent",
        "plain bytes",
        "drops",
    ];
    let mut table = new(&head, &[4, 5, 6, 7, 8]);
    for (index, leg) in media.legs.iter().enumerate() {
        let mut drops = leg.received.drops.clone();
        if leg.received.authentication_failed > 0 {
            drops.insert("authentication_failed".to_owned(), leg.received.authentication_failed);
        }
        table.add_row([
            index.to_string(),
            printable(&leg.realm),
            leg.encryption.name().to_owned(),
            leg.credential.as_ref().map_or_else(|| "-".to_owned(), |from| printable(&from.identity)),
            leg.received.packets.to_string(),
            bytes(leg.received.bytes),
            leg.received.rtcp_packets.to_string(),
            leg.sent.plain_packets.to_string(),
            bytes(leg.sent.plain_bytes),
            printable(&counts(&drops)),
        ]);
    }
    table
}
