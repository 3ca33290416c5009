// SPDX-License-Identifier: MIT OR Apache-2.0
//! XML as a sequence of opened elements, text and closed elements, with everything refused that a request does not need. Work is
//! linear in the length of the text: attributes and namespaces are counted before anything is looked up among them.

use std::borrow::Cow;

use quick_xml::{
    NsReader, XmlVersion,
    errors::Error,
    escape::resolve_xml_entity,
    events::{BytesStart, Event},
    name::{Namespace, NamespaceError, ResolveResult},
};

use super::Malformed;

/// The request has five attributes, and room for namespaces and schema locations.
const ATTRIBUTES: usize = 16;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

pub(super) struct Reader<'a> {
    inner: NsReader<&'a [u8]>,
    started: bool,
}

pub(super) enum Token<'a> {
    Open(Element<'a>),
    Text(Cow<'a, str>),
    Close,
    End,
}

/// An opened element of the protocol's namespace.
pub(super) struct Element<'a> {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, Cow<'a, str>)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Result<Reader<'a>, Malformed> {
        let text = std::str::from_utf8(body).map_err(|_| Malformed::Encoding)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if !text.chars().all(is_xml) {
            return Err(Malformed::IllFormed);
        }
        let mut inner = NsReader::from_str(text);
        let config = inner.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        Ok(Reader { inner, started: false })
    }

    pub(super) fn next(&mut self) -> Result<Token<'a>, Malformed> {
        loop {
            let event = self.inner.read_event().map_err(ill_formed)?;
            let first = !std::mem::replace(&mut self.started, true);
            return Ok(match event {
                Event::Decl(declaration) if first => {
                    declaration.version().map_err(ill_formed)?;
                    match declaration.encoding() {
                        None => {}
                        Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("utf-8") => {}
                        Some(_) => return Err(Malformed::Encoding),
                    }
                    continue;
                }
                Event::Decl(_) => return Err(Malformed::IllFormed),
                Event::DocType(_) => return Err(Malformed::DocumentType),
                Event::Comment(_) | Event::PI(_) => continue,
                Event::Start(start) => Token::Open(self.element(&start)?),
                // With `expand_empty_elements` there are none.
                Event::Empty(_) => return Err(Malformed::IllFormed),
                Event::End(_) => Token::Close,
                Event::Text(text) => {
                    let text = text.xml10_content();
                    if text.contains("]]>") {
                        return Err(Malformed::IllFormed);
                    }
                    Token::Text(text)
                }
                Event::CData(data) => Token::Text(data.xml10_content()),
                Event::GeneralRef(reference) => match reference.resolve_char_ref().map_err(ill_formed)? {
                    Some(character) if is_xml(character) => Token::Text(character.to_string().into()),
                    Some(_) => return Err(Malformed::IllFormed),
                    None => Token::Text(
                        resolve_xml_entity(&reference.into_inner()).ok_or(Malformed::Entity)?.into(),
                    ),
                },
                Event::Eof => Token::End,
            });
        }
    }

    fn element(&self, start: &BytesStart<'a>) -> Result<Element<'a>, Malformed> {
        let resolver = self.inner.resolver();
        let (namespace, name) = resolver.resolve_element(start.name());
        let ours = namespace == ResolveResult::Bound(Namespace(crate::NAMESPACE));
        // A name that no element of the schema has, so that the caller's own refusal follows.
        let name = if ours { name.as_ref().to_owned() } else { String::new() };
        let mut attributes = Vec::new();
        for (index, attribute) in start.attributes().enumerate() {
            if index == ATTRIBUTES {
                return Err(Malformed::TooMany);
            }
            let attribute = attribute.map_err(|_| Malformed::IllFormed)?;
            if attribute.value.contains('<') {
                return Err(Malformed::IllFormed);
            }
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| Malformed::Entity)?;
            if !value.chars().all(is_xml) {
                return Err(Malformed::IllFormed);
            }
            match resolver.resolve_attribute(attribute.key) {
                (ResolveResult::Unbound, name) => {
                    attributes.push((name.as_ref().to_owned(), value.into_owned().into()));
                }
                // Says where a schema is, which every schema allows everywhere.
                (ResolveResult::Bound(Namespace(XSI)), name)
                    if matches!(name.as_ref(), "schemaLocation" | "noNamespaceSchemaLocation") => {}
                // Under no name of the schema, as above.
                _ => attributes.push((String::new(), value.into_owned().into())),
            }
        }
        Ok(Element { name, attributes })
    }
}

fn ill_formed(error: Error) -> Malformed {
    match error {
        Error::Namespace(NamespaceError::TooManyBindings(_) | NamespaceError::TooDeeplyNested(_)) => {
            Malformed::TooMany
        }
        _ => Malformed::IllFormed,
    }
}

/// XML 1.0, production 2.
pub(super) fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
