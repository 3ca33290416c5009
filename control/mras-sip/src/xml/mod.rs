// SPDX-License-Identifier: MIT OR Apache-2.0
//! The body. The reader takes what the schema of \[MS-AVEDGEA\] allows and nothing else: the schema is closed, so whoever sends an
//! element or attribute that is not in it means something that this server would not do.

mod read;
mod request;
mod response;

pub(crate) use request::{Refused, parse};
pub(crate) use response::{Unwritable, body, write};

/// Why a body is not a request. Nothing of the body is in it: it goes into a response and perhaps a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Bytes that are no UTF-8, or a declaration of another encoding.
    #[error("the body is not UTF-8")]
    Encoding,
    /// Not well-formed.
    #[error("the body is not well-formed XML 1.0")]
    IllFormed,
    /// A document type definition, which could define entities.
    #[error("a document type definition is not allowed")]
    DocumentType,
    /// A reference to an entity that XML itself does not define.
    #[error("a reference to an entity that XML does not define")]
    Entity,
    /// More attributes than any element of the schema has.
    #[error("too many attributes or namespaces")]
    TooMany,
    /// An element that the schema does not have here, or has in another namespace.
    #[error("an element that cannot stand where it stands; expected: {expected}")]
    Element {
        /// What could stand here.
        expected: &'static str,
    },
    /// An attribute that the schema does not have here.
    #[error("an attribute that {element} does not have")]
    UnknownAttribute {
        /// Where it stands.
        element: &'static str,
    },
    /// Text between elements.
    #[error("text where only elements can stand")]
    Text,
    /// A required attribute is missing.
    #[error("{element} has no attribute {attribute}")]
    Missing {
        /// Of which element.
        element: &'static str,
        /// Which.
        attribute: &'static str,
    },
    /// An attribute or element has a value that its type does not allow.
    #[error("{name} must be {must}")]
    Value {
        /// Of which attribute or element.
        name: &'static str,
        /// What is allowed.
        must: &'static str,
    },
}
