//! The little of XML that STS and its emulators write, read into the tree that JSON gives too.
//!
//! An element without children is a string, trimmed; one with children is an object; a repeated
//! name keeps the last, as JSON does. Attributes and namespace prefixes are dropped. Comments,
//! CDATA and processing instructions are understood (XML 1.0 sections 2.5 to 2.7).
//!
//! Refused: a document type declaration, hence every entity but the five of section 4.6, elements
//! deeper than 16, and whatever is not well formed. One pass, no recursion.

use serde_json::{Map, Value};

/// One object with the root's name as its only key, or `None` if `text` is refused.
pub fn parse(text: &str) -> Option<Value> {
    let mut document = Element::default();
    let mut open: Vec<Element<'_>> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let parent = open.last_mut().unwrap_or(&mut document);
        if let Some(comment) = rest.strip_prefix("<!--") {
            (_, rest) = comment.split_once("-->")?;
        } else if let Some(instruction) = rest.strip_prefix("<?") {
            (_, rest) = instruction.split_once("?>")?;
        } else if let Some(cdata) = rest.strip_prefix("<![CDATA[") {
            let text;
            (text, rest) = cdata.split_once("]]>")?;
            parent.text.push_str(text);
        } else if let Some(end) = rest.strip_prefix("</") {
            let name;
            (name, rest) = end.split_once('>')?;
            let element = open
                .pop()
                .filter(|element| element.name == name.trim_ascii_end())?;
            open.last_mut().unwrap_or(&mut document).push(element);
        } else if let Some(start) = rest.strip_prefix('<') {
            let tag;
            (tag, rest) = start.split_at_checked(tag_end(start)?)?;
            rest = rest.strip_prefix('>')?;
            let (tag, is_empty) = match tag.strip_suffix('/') {
                Some(tag) => (tag, true),
                None => (tag, false),
            };
            let element = Element {
                name: name(tag)?,
                ..Element::default()
            };
            if is_empty {
                parent.push(element);
            } else if open.len() < MAX_DEPTH {
                open.push(element);
            } else {
                return None;
            }
        } else {
            let text;
            (text, rest) = rest.split_at_checked(rest.find('<').unwrap_or(rest.len()))?;
            push_unescaped(&mut parent.text, text)?;
        }
    }
    let is_whole =
        open.is_empty() && document.children.len() == 1 && document.text.trim().is_empty();
    is_whole.then_some(Value::Object(document.children))
}

#[derive(Default)]
struct Element<'a> {
    /// As written, with its prefix: the end tag must repeat it.
    name: &'a str,
    children: Map<String, Value>,
    text: String,
}

impl Element<'_> {
    fn push(&mut self, child: Element<'_>) {
        let local = child.name.rsplit(':').next().unwrap_or_default();
        let value = if child.children.is_empty() {
            Value::String(child.text.trim().to_owned())
        } else {
            Value::Object(child.children)
        };
        self.children.insert(local.to_owned(), value);
    }
}

/// Where the tag's `>` is: one inside a quoted attribute value does not count.
pub(crate) fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '<') => return None,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

fn name(tag: &str) -> Option<&str> {
    let name = tag.split(|c: char| c.is_ascii_whitespace()).next()?;
    let is_name_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    (!name.is_empty() && name.chars().all(is_name_char)).then_some(name)
}

fn push_unescaped(out: &mut String, mut text: &str) -> Option<()> {
    while let Some((plain, reference)) = text.split_once('&') {
        let entity;
        (entity, text) = reference.split_once(';')?;
        out.push_str(plain);
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => character(entity.strip_prefix('#')?)?,
        });
    }
    out.push_str(text);
    Some(())
}

/// `38` or `x26`. Unlike `from_str_radix` alone, no sign.
fn character(number: &str) -> Option<char> {
    let (digits, radix) = match number.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    let is_number = digits.chars().all(|c| c.is_digit(radix));
    is_number.then(|| {
        u32::from_str_radix(digits, radix)
            .ok()
            .and_then(char::from_u32)
    })?
}

/// STS nests five deep. The limit also bounds the drop of the tree, which recurses.
const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_sts_writes_is_read() {
        #[track_caller]
        fn check(xml: &str, json: &str) {
            assert_eq!(
                parse(xml),
                Some(serde_json::from_str(json).unwrap()),
                "{xml}"
            );
        }
        check("<a/>", r#"{"a":""}"#);
        check(
            "<?xml version=\"1.0\"?>\n<a xmlns=\"x>y\" b='\"/>'>\n <b>1</b ><c />\n</a>\n",
            r#"{"a":{"b":"1","c":""}}"#,
        );
        check(
            "<s:a xmlns:s='u'><s:b> t </s:b></s:a>",
            r#"{"a":{"b":"t"}}"#,
        );
        check(
            "<a><!-- <b>no</b> -->x<![CDATA[<&>]]>y</a>",
            r#"{"a":"x<&>y"}"#,
        );
        check(
            "<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;</a>",
            r#"{"a":"<>&\"'AB"}"#,
        );
        check("<a>&amp;lt;</a>", r#"{"a":"&lt;"}"#);
        check("<a><b>1</b><b>2</b></a>", r#"{"a":{"b":"2"}}"#);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for xml in [
            "",
            "text",
            "<a>",
            "</a>",
            "<a></b>",
            "<a></a></a>",
            "<a/><b/>",
            "<a/>text",
            "<a",
            "<a b=\"></a>",
            "<a <b></a>",
            "< a/>",
            "<>",
            "<a>&nbsp;</a>",
            "<a>&amp</a>",
            "<a>&#xD800;</a>",
            "<a>&#+65;</a>",
            "<a>&#;</a>",
            "<a><!-- </a>",
            "<a><![CDATA[</a>",
            "<?xml <a/>",
            "<a><b></a></b>",
            "<s:a></a>",
            "<!DOCTYPE a><a/>",
            "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
            "<a><!ELEMENT b></a>",
        ] {
            assert_eq!(parse(xml), None, "{xml}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| "<a>".repeat(depth) + &"</a>".repeat(depth);
        assert!(parse(&nested(MAX_DEPTH)).is_some());
        assert_eq!(parse(&nested(MAX_DEPTH + 1)), None);
    }

    proptest! {
        #[test]
        fn any_text_survives_escaping(text in any::<String>()) {
            let escaped: String = text.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect();
            let expected = serde_json::json!({"a": text.trim()});
            prop_assert_eq!(parse(&format!("<a>{escaped}</a>")), Some(expected));
        }

        #[test]
        fn no_text_panics(text in any::<String>(), near in "[<>/!a:&;#x \"'\\[\\]CDATA?-]{0,60}") {
            let _ = parse(&text);
            let _ = parse(&near);
        }
    }
}
