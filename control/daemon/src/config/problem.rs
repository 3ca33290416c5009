// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with a configuration, and where.

use std::{collections::BTreeMap, fmt, ops::Range, path::Path};

/// A place in the file, both counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// Whether the daemon can run with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but something will probably not be as wanted.
    Warning,
}

/// What says what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The file.
    File,
    /// A variable of the environment.
    Environment,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// What says it.
    pub origin: Origin,
    /// Where, unless it is about something that is not there.
    pub position: Option<Position>,
    /// Which key, such as `realm[0].ports`, or which variable; empty for the file as a whole.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Where each key of a file stands, by path: `control.listen`, `realm[1].addresses[0].advertised`.
#[derive(Debug, Clone, Default)]
pub struct Positions(BTreeMap<String, Position>);

/// All that is wrong, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Position {
    pub(super) fn of(text: &str, offset: usize) -> Position {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Position { line: before.matches('\n').count() + 1, column }
    }
}

impl Positions {
    pub(super) fn set(&mut self, key: String, text: &str, span: &Range<usize>) {
        self.0.insert(key, Position::of(text, span.start));
    }

    /// Where a key stands, or else the nearest thing around it.
    pub fn get(&self, key: &str) -> Option<Position> {
        let mut key = key;
        loop {
            if let Some(position) = self.0.get(key) {
                return Some(*position);
            }
            key = key.get(..key.rfind(['.', '['])?)?;
        }
    }

    /// All keys that the file has.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// An error about a key.
    pub fn error(&self, key: impl Into<String>, message: impl Into<String>) -> Problem {
        self.problem(Severity::Error, key.into(), message.into())
    }

    /// A warning about a key.
    pub fn warning(&self, key: impl Into<String>, message: impl Into<String>) -> Problem {
        self.problem(Severity::Warning, key.into(), message.into())
    }

    fn problem(&self, severity: Severity, key: String, message: String) -> Problem {
        Problem { severity, origin: Origin::File, position: self.get(&key), key, message }
    }
}

impl Problems {
    /// Sorts them by place. Those without one come last.
    pub fn new(mut problems: Vec<Problem>) -> Problems {
        problems.sort_by_key(|problem| (problem.position.is_none(), problem.position));
        Problems(problems)
    }

    /// Whether the daemon cannot run.
    pub fn fatal(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// One line for each, as [`Problem::display`] writes it.
    pub fn display(&self, path: &Path) -> impl fmt::Display {
        let lines: Vec<String> = self.0.iter().map(|problem| problem.display(path).to_string()).collect();
        lines.join("\n")
    }
}

impl Problem {
    /// An error about a variable of the environment.
    pub fn of_environment(variable: &str, message: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Error,
            origin: Origin::Environment,
            position: None,
            key: variable.to_owned(),
            message: message.into(),
        }
    }

    /// `file:line:column: error: key: message`, or `environment: error: variable: message`.
    pub fn display(&self, path: &Path) -> impl fmt::Display {
        let place = self.position.map_or_else(String::new, |position| format!("{position}:"));
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let key = if self.key.is_empty() { String::new() } else { format!("{}: ", self.key) };
        let origin = match self.origin {
            Origin::File => path.display().to_string(),
            Origin::Environment => "environment".to_owned(),
        };
        format!("{origin}:{place} {severity}: {key}{}", self.message)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let at = |offset| Position::of("ab\n\u{e4}cd\n", offset).to_string();
        assert_eq!([at(0), at(2), at(3), at(5), at(99)], ["1:1", "1:3", "2:1", "2:2", "3:1"]);
    }

    #[test]
    fn what_is_not_there_is_placed_where_it_belongs() {
        let mut positions = Positions::default();
        positions.set("realm[0]".into(), "\n\nx", &(2..3));
        assert_eq!(positions.get("realm[0].addresses[1].advertised"), Some(Position { line: 3, column: 1 }));
        assert_eq!(positions.get("node.name"), None);
    }

    #[test]
    fn a_problem_reads_as_editors_expect() {
        let problem = |position, key: &str| Problem {
            severity: Severity::Error,
            origin: Origin::File,
            position,
            key: key.into(),
            message: "is wrong".into(),
        };
        let line = |problem: Problem| problem.display(Path::new("c.toml")).to_string();
        let place = Position { line: 3, column: 7 };
        assert_eq!(line(problem(Some(place), "node.name")), "c.toml:3:7: error: node.name: is wrong");
        assert_eq!(line(problem(None, "")), "c.toml: error: is wrong");
        assert_eq!(line(Problem::of_environment("V", "is wrong")), "environment: error: V: is wrong");
    }
}
