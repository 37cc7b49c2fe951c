//! An HL7 v2 result message (`ORU^R01`) as FHIR Observations: what the laboratory flow needs of it
//! and no more. Segments about people are not looked into; whatever this page does not name is
//! refused or left out by name, never guessed.
//!
//! | segment | taken |
//! |---|---|
//! | MSH | separators, message type, offset from UTC |
//! | ORC, OBR | numbers of the order (2, 3), when the sample was taken (OBR-7) |
//! | OBX | value type (2), test (3), value (5), unit (6), limits (7), flags (8), status (11), time (14) |
//! | NTE after OBX | a remark |
//! | PID, PV1 and others | left out |

use std::collections::BTreeSet;
use std::str::FromStr;

use super::code::LabCode;
use super::values::quoted;
use crate::limits::MAX_INTAKE_BYTES;

/// Segments of one message.
const MAX_SEGMENTS: usize = 4096;

/// Why a message is not taken. It holds no values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hl7Fault {
    /// Larger than any file that is taken.
    #[error("the message is too large")]
    TooLarge,
    /// Not text.
    #[error("the message is not UTF-8: set the interface to UTF-8 (MSH-18)")]
    NotUtf8,
    /// No header that says how it is written.
    #[error("the message does not begin with a whole MSH segment")]
    NoHeader,
    /// Another kind of message.
    #[error("not a result message: MSH-9 is not ORU^R01")]
    NotResult,
    /// Two messages in one file.
    #[error("more than one message in the file: give them one by one")]
    SeveralMessages,
    /// A test without a name.
    #[error("OBX number {0} names no test")]
    NoTest(usize),
    /// A kind of value that is not taken.
    #[error("OBX number {0} is of the type {1}, which is not taken here")]
    Type(usize, String),
    /// A status that takes a value back, or that is none.
    #[error("OBX number {0} has the status {1}, which withdraws it or says nothing")]
    Status(usize, String),
}

/// What a message says.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// A FHIR Bundle of Observations.
    pub fhir: String,
    /// Segments that were not looked into, by name.
    pub left_out: BTreeSet<String>,
    /// Codes of orders in the fields for numbers of orders.
    pub codes: BTreeSet<LabCode>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a message of {} bytes", self.fhir.len())
    }
}

/// Whether a file is meant as an HL7 v2 message: with or without the frame of a connection.
pub fn is_message(file: &[u8]) -> bool {
    start(file).starts_with(b"MSH")
}

/// The message without byte order mark and the first byte of a connection's frame.
fn start(file: &[u8]) -> &[u8] {
    let file = file.strip_prefix(&[0xef, 0xbb, 0xbf][..]).unwrap_or(file);
    file.strip_prefix(&[0x0b][..]).unwrap_or(file)
}

struct Marks {
    field: char,
    component: char,
    repetition: char,
    escape: char,
    part: char,
}

impl Marks {
    fn of(header: &str) -> Option<Self> {
        let mut marks = header.strip_prefix("MSH")?.chars();
        let marks = Self {
            field: marks.next()?,
            component: marks.next()?,
            repetition: marks.next()?,
            escape: marks.next()?,
            part: marks.next()?,
        };
        let all = [
            marks.field,
            marks.component,
            marks.repetition,
            marks.escape,
            marks.part,
        ];
        let apart: BTreeSet<char> = all.into_iter().collect();
        (apart.len() == 5 && all.iter().all(|c| c.is_ascii_punctuation())).then_some(marks)
    }

    /// A field by its number, as HL7 counts.
    fn field<'a>(&self, segment: &'a str, number: usize) -> &'a str {
        segment.split(self.field).nth(number).unwrap_or_default()
    }

    /// A component of the first repetition.
    fn component<'a>(&self, field: &'a str, number: usize) -> &'a str {
        let first = field.split(self.repetition).next().unwrap_or_default();
        let component = first.split(self.component).nth(number - 1).unwrap_or_default();
        component.split(self.part).next().unwrap_or_default()
    }

    /// Text with its escapes resolved; those for looks become blanks.
    fn text(&self, raw: &str) -> String {
        let mut out = String::new();
        let mut parts = raw.split(self.escape);
        out.push_str(parts.next().unwrap_or_default());
        while let Some(inside) = parts.next() {
            match inside {
                "F" => out.push(self.field),
                "S" => out.push(self.component),
                "R" => out.push(self.repetition),
                "E" => out.push(self.escape),
                "T" => out.push(self.part),
                _ => out.push(' '),
            }
            out.push_str(parts.next().unwrap_or_default());
        }
        out.trim().to_owned()
    }
}

/// Reads one message.
///
/// # Errors
/// [`Hl7Fault`] with the place of the first fault.
pub fn read(file: &[u8]) -> Result<Message, Hl7Fault> {
    if file.len() > MAX_INTAKE_BYTES {
        return Err(Hl7Fault::TooLarge);
    }
    let text = std::str::from_utf8(start(file)).map_err(|_| Hl7Fault::NotUtf8)?;
    let text = text.trim_end_matches(['\u{1c}', '\r', '\n']);
    let segments: Vec<&str> = text
        .split(['\r', '\n'])
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .take(MAX_SEGMENTS + 1)
        .collect();
    let header = segments.first().copied().ok_or(Hl7Fault::NoHeader)?;
    let marks = Marks::of(header).ok_or(Hl7Fault::NoHeader)?;
    if segments.len() > MAX_SEGMENTS {
        return Err(Hl7Fault::TooLarge);
    }
    // MSH-1 is the separator itself, so MSH-9 stands in the eighth place behind it.
    let kind = marks.field(header, 8);
    if (marks.component(kind, 1), marks.component(kind, 2)) != ("ORU", "R01") {
        return Err(Hl7Fault::NotResult);
    }
    let offset = Time::of(marks.field(header, 6)).and_then(|t| t.offset);
    let mut reading = Reading {
        marks,
        offset,
        taken_at: None,
        written: Vec::new(),
        message: Message {
            fhir: String::new(),
            left_out: BTreeSet::new(),
            codes: BTreeSet::new(),
        },
    };
    for segment in segments.iter().skip(1) {
        reading.segment(segment)?;
    }
    let entries: Vec<String> = reading
        .written
        .iter()
        .map(|o| format!("{{\"resource\":{}}}", o.json()))
        .collect();
    reading.message.fhir = format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{}]}}",
        entries.join(",")
    );
    if entries.is_empty() {
        "{\"resourceType\":\"Bundle\",\"type\":\"collection\"}".clone_into(&mut reading.message.fhir);
    }
    Ok(reading.message)
}

/// One Observation being written: its members in order, and remarks that follow.
struct Written {
    members: Vec<String>,
    notes: Vec<String>,
}

impl Written {
    fn json(&self) -> String {
        let mut members = self.members.clone();
        if !self.notes.is_empty() {
            let notes: Vec<String> = self
                .notes
                .iter()
                .map(|n| format!("{{\"text\":{}}}", quoted(n)))
                .collect();
            members.push(format!("\"note\":[{}]", notes.join(",")));
        }
        format!("{{\"resourceType\":\"Observation\",{}}}", members.join(","))
    }
}

struct Reading {
    marks: Marks,
    offset: Option<String>,
    /// When the sample was taken, as FHIR writes it.
    taken_at: Option<String>,
    written: Vec<Written>,
    message: Message,
}

impl Reading {
    fn segment(&mut self, segment: &str) -> Result<(), Hl7Fault> {
        let marks = &self.marks;
        let name = marks.field(segment, 0);
        match name {
            "MSH" => return Err(Hl7Fault::SeveralMessages),
            "ORC" | "OBR" => {
                for number in [2, 3] {
                    let number = marks.component(marks.field(segment, number), 1);
                    self.message.codes.extend(LabCode::from_str(number));
                }
                if name == "OBR" {
                    self.taken_at = self.instant(self.marks.field(segment, 7));
                }
            }
            "OBX" => {
                let written = self.observation(segment)?;
                self.written.push(written);
            }
            "NTE" => {
                let remark = marks.text(marks.field(segment, 3));
                match self.written.last_mut().filter(|_| !remark.is_empty()) {
                    Some(written) => written.notes.push(remark),
                    None => _ = self.message.left_out.insert("NTE".to_owned()),
                }
            }
            other => {
                let other: String = other.chars().take(8).collect();
                self.message.left_out.insert(crate::text::shown(&other));
            }
        }
        Ok(())
    }

    fn instant(&self, field: &str) -> Option<String> {
        Time::of(self.marks.component(field, 1))?.fhir(self.offset.as_deref())
    }

    /// A code, or a test.
    fn concept(&self, field: &str) -> Option<String> {
        let marks = &self.marks;
        let [code, words, system] = [1, 2, 3].map(|n| marks.text(marks.component(field, n)));
        let system = match system.as_str() {
            "LN" => Some("http://loinc.org"),
            "SCT" => Some("http://snomed.info/sct"),
            _ => None,
        };
        let mut coding = Vec::new();
        if let Some(system) = system.filter(|_| !code.is_empty()) {
            coding.push(format!("\"system\":{}", quoted(system)));
        }
        if !code.is_empty() {
            coding.push(format!("\"code\":{}", quoted(&code)));
        }
        if !words.is_empty() {
            coding.push(format!("\"display\":{}", quoted(&words)));
        }
        (!coding.is_empty()).then(|| format!("{{\"coding\":[{{{}}}]}}", coding.join(",")))
    }

    fn observation(&self, segment: &str) -> Result<Written, Hl7Fault> {
        let at = self.written.len() + 1;
        let field = |number| self.marks.field(segment, number);
        let raw = field(11).trim();
        let status = match raw {
            "F" | "U" | "" => "final",
            "P" | "R" | "S" | "I" => "preliminary",
            "C" => "corrected",
            // Asked for, and not to be had.
            "X" => "final",
            other => return Err(Hl7Fault::Status(at, other.chars().take(4).collect())),
        };
        let test = self.concept(field(3)).ok_or(Hl7Fault::NoTest(at))?;
        let mut members = vec![format!("\"status\":\"{status}\""), format!("\"code\":{test}")];
        if let Some(time) = self.instant(field(14)).or_else(|| self.taken_at.clone()) {
            members.push(format!("\"effectiveDateTime\":{}", quoted(&time)));
        }
        members.push(match (field(5).trim(), raw) {
            ("" | "\"\"", _) | (_, "X") => absent(),
            (value, _) => self.value(at, field(2).trim(), value, field(6))?,
        });
        let flags: Vec<String> = field(8)
            .split(self.marks.repetition)
            .map(|flag| self.marks.text(self.marks.component(flag, 1)))
            .filter(|flag| !flag.is_empty())
            .map(|flag| interpretation(&flag))
            .collect();
        if !flags.is_empty() {
            members.push(format!("\"interpretation\":[{}]", flags.join(",")));
        }
        let limits = self.marks.text(field(7));
        if !limits.is_empty() {
            members.push(format!("\"referenceRange\":[{{\"text\":{}}}]", quoted(&limits)));
        }
        Ok(Written {
            members,
            notes: Vec::new(),
        })
    }

    fn value(&self, at: usize, kind: &str, value: &str, unit: &str) -> Result<String, Hl7Fault> {
        let marks = &self.marks;
        let unit = marks.text(marks.component(unit, 1));
        let words = || {
            let all: Vec<String> = value.split(marks.repetition).map(|v| marks.text(v)).collect();
            format!("\"valueString\":{}", quoted(&all.join("\n")))
        };
        let quantity = |comparator: Option<&str>, number: &str| {
            let mut members = vec![format!("\"value\":{number}")];
            if let Some(comparator) = comparator {
                members.push(format!("\"comparator\":{}", quoted(comparator)));
            }
            if !unit.is_empty() {
                members.push(format!("\"unit\":{}", quoted(&unit)));
            }
            format!("\"valueQuantity\":{{{}}}", members.join(","))
        };
        Ok(match kind {
            "NM" => match number(value) {
                Some(number) => quantity(None, &number),
                None => words(),
            },
            // comparator ^ number ^ separator ^ second number
            "SN" => {
                let [comparator, first, between] = [1, 2, 3].map(|n| marks.component(value, n));
                match (comparator, number(first), between) {
                    ("" | "=", Some(number), "") => quantity(None, &number),
                    (c @ ("<" | ">" | "<=" | ">="), Some(number), "") => quantity(Some(c), &number),
                    _ => words(),
                }
            }
            "CE" | "CWE" | "CNE" | "CF" => match self.concept(value) {
                Some(concept) => format!("\"valueCodeableConcept\":{concept}"),
                None => absent(),
            },
            "ST" | "TX" | "FT" | "IS" | "ID" | "DT" | "TM" | "TS" | "DTM" => words(),
            other => return Err(Hl7Fault::Type(at, other.chars().take(8).collect())),
        })
    }
}

fn absent() -> String {
    const SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
    format!("\"dataAbsentReason\":{{\"coding\":[{{\"system\":\"{SYSTEM}\",\"code\":\"not-performed\"}}]}}")
}

fn interpretation(flag: &str) -> String {
    const SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
    format!(
        "{{\"coding\":[{{\"system\":\"{SYSTEM}\",\"code\":{}}}]}}",
        quoted(flag)
    )
}

/// A number as JSON writes it, with its own digits; none if it is written in another way.
fn number(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let plain = text.strip_prefix('-').unwrap_or(text);
    let (whole, places) = plain.split_once('.').unwrap_or((plain, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let leading = whole.len() > 1 && whole.starts_with('0');
    (digits(whole) && digits(places) && !leading && text.len() <= 32).then(|| text.to_owned())
}

/// `20141006064500.123+0700`, in its parts.
struct Time {
    digits: String,
    offset: Option<String>,
}

impl Time {
    fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, offset) = match text.find(['+', '-']) {
            Some(at) => (&text[..at], Some(&text[at..])),
            None => (text, None),
        };
        let digits = local.split('.').next().unwrap_or_default();
        let whole = matches!(digits.len(), 4 | 6 | 8 | 12 | 14) && digits.bytes().all(|b| b.is_ascii_digit());
        let zone = |o: &str| o.len() == 5 && o[1..].bytes().all(|b| b.is_ascii_digit());
        whole.then(|| Self {
            digits: digits.to_owned(),
            offset: offset
                .filter(|o| zone(o))
                .map(|o| format!("{}:{}", &o[..3], &o[3..])),
        })
    }

    /// As FHIR writes it. Without an offset from UTC only the day is sure.
    fn fhir(&self, house: Option<&str>) -> Option<String> {
        let d = |from: usize, to: usize| self.digits.get(from..to);
        let day = match (d(0, 4)?, d(4, 6), d(6, 8)) {
            (year, Some(month), Some(day)) => format!("{year}-{month}-{day}"),
            (year, Some(month), None) => format!("{year}-{month}"),
            (year, _, _) => year.to_owned(),
        };
        let offset = self.offset.as_deref().or(house);
        Some(match (d(8, 10), d(10, 12), offset) {
            (Some(hours), Some(minutes), Some(offset)) => {
                format!("{day}T{hours}:{minutes}:{}{offset}", d(12, 14).unwrap_or("00"))
            }
            _ => day,
        })
    }
}
