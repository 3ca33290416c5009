// SPDX-License-Identifier: MIT OR Apache-2.0
//! Walks a parsed TOML document and keeps account: what was asked for, where it stands, what is wrong, what nobody asked
//! for. Unlike a derived deserializer it does not stop at the first problem.

use std::{collections::BTreeSet, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Origin, Position, Positions, Problem, Severity,
    value::{FromToml, nearest},
};

type Value<'d> = &'d Spanned<DeValue<'d>>;

pub(super) struct Reader<'d> {
    text: &'d str,
    pub(super) positions: Positions,
    pub(super) problems: Vec<Problem>,
    /// Every key that the program knows, with `[]` for indices.
    pub(super) schema: BTreeSet<String>,
}

/// A table, or one that is not there.
pub(super) struct Section<'r, 'd> {
    reader: &'r mut Reader<'d>,
    path: String,
    table: Option<&'d DeTable<'d>>,
    known: Vec<&'static str>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(text: &'d str) -> Reader<'d> {
        Reader { text, positions: Positions::default(), problems: Vec::new(), schema: BTreeSet::new() }
    }

    pub(super) fn root<'r>(&'r mut self, table: &'d DeTable<'d>) -> Section<'r, 'd> {
        Section { reader: self, path: String::new(), table: Some(table), known: Vec::new() }
    }

    pub(super) fn syntax(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or(0..0);
        self.problem(&span, String::new(), error.message().to_owned());
    }

    fn problem(&mut self, span: &Range<usize>, key: String, message: String) {
        let position = Some(Position::of(self.text, span.start));
        self.error(position, key, message);
    }

    fn missing(&mut self, key: String, message: String) {
        let position = self.positions.get(&key);
        self.error(position, key, message);
    }

    fn error(&mut self, position: Option<Position>, key: String, message: String) {
        let (severity, origin) = (Severity::Error, Origin::File);
        self.problems.push(Problem { severity, origin, position, key, message });
    }
}

impl<'d> Section<'_, 'd> {
    /// A key's value, or its default. A wrong value is reported, and stood in for by the default.
    pub(super) fn get<T: FromToml>(&mut self, key: &'static str, default: T) -> T {
        self.try_get(key).unwrap_or(default)
    }

    /// As [`Section::get`], with another stand-in than the default.
    pub(super) fn get_or<T: FromToml>(&mut self, key: &'static str, default: T, stand_in: T) -> T {
        if self.value(key).is_none() { default } else { self.get(key, stand_in) }
    }

    /// As [`Section::get`] for a key that has no default.
    pub(super) fn require<T: FromToml>(&mut self, key: &'static str, stand_in: T) -> T {
        if self.value(key).is_none() {
            let path = self.join(key);
            self.reader.missing(path, "is missing".into());
            return stand_in;
        }
        self.get(key, stand_in)
    }

    pub(super) fn try_get<T: FromToml>(&mut self, key: &'static str) -> Option<T> {
        let path = self.join(key);
        let value = self.value(key)?;
        match T::from_toml(value.get_ref()) {
            Ok(parsed) => Some(parsed),
            Err(message) => {
                self.reader.problem(&value.span(), path, message);
                None
            }
        }
    }

    /// A list of plain values. Wrong ones are reported and left out.
    pub(super) fn list<T: FromToml>(&mut self, key: &'static str) -> Vec<T> {
        let mut list = Vec::new();
        for (path, item) in self.items(key) {
            match T::from_toml(item.get_ref()) {
                Ok(parsed) => list.push(parsed),
                Err(message) => self.reader.problem(&item.span(), path, message),
            }
        }
        list
    }

    /// A table in this one; one that is not there is read as an empty one.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_, 'd>) -> T,
    ) -> T {
        let path = self.join(key);
        let table = self.value(key).and_then(|value| self.table_of(&path, value));
        self.nested(path, table, read)
    }

    /// An array of tables. With none, an empty one is read and thrown away, so that its keys are known.
    pub(super) fn sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_, 'd>) -> T,
    ) -> Vec<T> {
        let mut list = Vec::new();
        for (path, item) in self.items(key) {
            if let Some(table) = self.table_of(&path, item) {
                list.push(self.nested(path, Some(table), &mut read));
            }
        }
        if list.is_empty() {
            let mut scratch = Reader::new(self.reader.text);
            let path = format!("{}[0]", self.join(key));
            read(&mut Section { reader: &mut scratch, path, table: None, known: Vec::new() });
            self.reader.schema.append(&mut scratch.schema);
        }
        list
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        for (name, _) in self.table.into_iter().flatten() {
            let name_text: &str = name.get_ref();
            if self.known.contains(&name_text) {
                continue;
            }
            let message = match nearest(name_text, &self.known) {
                Some(known) => format!("is not a key here; did you mean {known:?}?"),
                None => format!("is not a key here; there are {}", self.known.join(", ")),
            };
            let path = self.join(name_text);
            self.reader.problem(&name.span(), path, message);
        }
    }

    fn nested<T>(
        &mut self,
        path: String,
        table: Option<&'d DeTable<'d>>,
        read: impl FnOnce(&mut Section<'_, 'd>) -> T,
    ) -> T {
        let mut section = Section { reader: self.reader, path, table, known: Vec::new() };
        let result = read(&mut section);
        section.finish();
        result
    }

    fn items(&mut self, key: &'static str) -> Vec<(String, Value<'d>)> {
        let path = self.join(key);
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.reader.problem(
                &value.span(),
                path,
                format!("must be a list, not a {}", value.get_ref().type_str()),
            );
            return Vec::new();
        };
        let items: Vec<_> =
            array.iter().enumerate().map(|(index, item)| (format!("{path}[{index}]"), item)).collect();
        for (path, item) in &items {
            self.reader.positions.set(path.clone(), self.reader.text, &item.span());
        }
        items
    }

    fn table_of(&mut self, path: &str, value: Value<'d>) -> Option<&'d DeTable<'d>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let message = format!("must be a table, not a {}", value.get_ref().type_str());
            self.reader.problem(&value.span(), path.to_owned(), message);
        }
        table
    }

    fn value(&mut self, key: &'static str) -> Option<Value<'d>> {
        let path = self.join(key);
        if !self.known.contains(&key) {
            self.known.push(key);
            self.reader.schema.insert(schema_path(&path));
        }
        let value = self.table?.get(key)?;
        self.reader.positions.set(path, self.reader.text, &value.span());
        Some(value)
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

/// `realm[3].name` -> `realm[].name`
pub(super) fn schema_path(path: &str) -> String {
    path.chars().filter(|c| !c.is_ascii_digit()).collect()
}
