//! The file, event by event: where each ends, so that a start can go on behind it. Holds one event at a time.

use super::super::shell::Failed;
use super::columns::Columns;
use super::progress::Place;
use crate::http::body::SIZE_MAX;
use csv::{ByteRecord, Position, Reader, ReaderBuilder};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

/// What the file holds next.
pub(super) struct Event {
    /// Its line in the file.
    pub(super) line: u64,
    /// The event as JSON on one line, or why it is none.
    pub(super) json: Result<Vec<u8>, &'static str>,
    /// Where the next begins.
    pub(super) next: Place,
}

/// A file of events.
pub(super) trait Source {
    /// The next event; `None` at the end.
    fn next(&mut self) -> Result<Option<Event>, Failed>;
}

/// NDJSON.
pub(super) struct Lines {
    file: BufReader<File>,
    place: Place,
}

impl Lines {
    pub(super) fn new(mut file: File, place: Place) -> Result<Self, Failed> {
        file.seek(SeekFrom::Start(place.offset)).map_err(Failed::because)?;
        Ok(Self { file: BufReader::with_capacity(1 << 16, file), place })
    }

    /// Up to the end of the line, which is not held where it is too long.
    fn line(&mut self) -> std::io::Result<(usize, Option<Vec<u8>>)> {
        let mut line = Vec::new();
        let mut length = (&mut self.file).take(SIZE_MAX as u64 + 2).read_until(b'\n', &mut line)?;
        if line.len() <= SIZE_MAX + 1 || line.ends_with(b"\n") {
            return Ok((length, Some(line)));
        }
        loop {
            let rest = self.file.fill_buf()?;
            let end = rest.iter().position(|byte| *byte == b'\n');
            let over = end.map_or(rest.len(), |end| end + 1);
            self.file.consume(over);
            length += over;
            if over == 0 || end.is_some() {
                return Ok((length, None));
            }
        }
    }
}

impl Source for Lines {
    fn next(&mut self) -> Result<Option<Event>, Failed> {
        loop {
            let (length, line) = self.line().map_err(Failed::because)?;
            if length == 0 {
                return Ok(None);
            }
            let is_first = self.place.offset == 0;
            self.place = Place { offset: self.place.offset + length as u64, line: self.place.line + 1 };
            let json = match line {
                Some(line) if line.iter().all(u8::is_ascii_whitespace) => continue,
                Some(mut line) => {
                    if is_first && line.starts_with(b"\xef\xbb\xbf") {
                        // A byte order mark is none of the event.
                        line.drain(..3);
                    }
                    while line.last().is_some_and(u8::is_ascii_whitespace) {
                        line.pop();
                    }
                    Ok(line)
                }
                None => Err("the line is longer than an event may be"),
            };
            return Ok(Some(Event { line: self.place.line, json, next: self.place }));
        }
    }
}

/// CSV with a header.
pub(super) struct Csv {
    reader: Reader<File>,
    columns: Option<Columns>,
}

impl Csv {
    pub(super) fn new(mut file: File, delimiter: u8) -> Result<Self, Failed> {
        file.rewind().map_err(Failed::because)?;
        let reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(file);
        Ok(Self { reader, columns: None })
    }

    pub(super) fn header(&mut self) -> Result<Vec<String>, Failed> {
        let header = self.reader.headers().map_err(|_| {
            Failed::because(
                "the file's first line must name its columns, in UTF-8: eventId,eventType,customer.id,…",
            )
        })?;
        Ok(header.iter().map(|column| column.trim().to_owned()).collect())
    }

    /// Goes on behind what was sent before.
    pub(super) fn behind(mut self, columns: Columns, place: Place) -> Result<Self, Failed> {
        if place.offset > 0 {
            let mut position = Position::new();
            position.set_byte(place.offset).set_line(place.line);
            self.reader.seek(position).map_err(Failed::because)?;
        }
        self.columns = Some(columns);
        Ok(self)
    }
}

impl Source for Csv {
    fn next(&mut self) -> Result<Option<Event>, Failed> {
        let Some(columns) = &self.columns else { return Ok(None) };
        let mut record = ByteRecord::new();
        let is_there = self.reader.read_byte_record(&mut record);
        if !is_there.map_err(|error| Failed::because(format!("the file can't be read: {error}")))? {
            return Ok(None);
        }
        let line = record.position().map_or(0, Position::line);
        let end = self.reader.position();
        let next = Place { offset: end.byte(), line: end.line() };
        let json = if record.len() == columns.count() {
            let fields: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
            fields
                .map(|fields| columns.event(fields.into_iter()).into_bytes())
                .map_err(|_| "the record is not UTF-8")
        } else {
            Err("the record has not as many fields as the header")
        };
        Ok(Some(Event { line, json, next }))
    }
}
