//! The width of prose in documents.

/// Columns of a line. Tables, code and what has no space to break at may be wider.
pub(crate) const WIDTH: usize = 120;

/// The document with each paragraph filled anew that has a wider line.
pub(crate) fn wrapped(document: &str) -> String {
    let mut lines = Vec::new();
    let mut paragraph = Vec::new();
    let mut is_code = false;
    for line in document.lines() {
        let text = line.trim_start();
        let is_fence = text.starts_with("```");
        let is_prose =
            !is_code && !is_fence && !text.is_empty() && !text.starts_with(['|', '#', '<']);
        if !is_prose || marker(text) > 0 {
            fill(&mut lines, &mut paragraph);
        }
        if is_prose {
            paragraph.push(line);
        } else {
            lines.push(line.to_owned());
        }
        is_code ^= is_fence;
    }
    fill(&mut lines, &mut paragraph);
    lines.push(String::new());
    lines.join("\n")
}

/// How many columns a line's list marker takes.
fn marker(text: &str) -> usize {
    match text.split_once(' ') {
        Some((mark, _)) if starts_a_block(mark) => mark.len() + 1,
        _ => 0,
    }
}

/// A word that would be a marker at the start of a line.
fn starts_a_block(word: &str) -> bool {
    let number = word.trim_end_matches(['.', ')']);
    let is_number = number.len() < word.len() && number.bytes().all(|byte| byte.is_ascii_digit());
    ["-", "*", "+", "#", "|"].contains(&word) || (is_number && !number.is_empty())
}

fn fill(lines: &mut Vec<String>, paragraph: &mut Vec<&str>) {
    let old = std::mem::take(paragraph);
    let Some(first) = old.first() else {
        return;
    };
    let indent = first.len() - first.trim_start().len();
    let is_wide = old.iter().any(|line| line.chars().count() > WIDTH);
    if !is_wide || indent >= 4 {
        lines.extend(old.into_iter().map(str::to_owned));
        return;
    }
    let hanging = " ".repeat(indent + marker(first.trim_start()));
    let mut line = " ".repeat(indent);
    let mut is_first = true;
    let text = old.join(" ");
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let mut word = word.to_owned();
        // Code stays on one line.
        while word.matches('`').count() % 2 == 1
            && let Some(next) = words.next()
        {
            word = format!("{word} {next}");
        }
        let fits = line.chars().count() + 1 + word.chars().count() <= WIDTH;
        if is_first {
            line.push_str(&word);
        } else if fits || starts_a_block(&word) || line.trim_start().len() < hanging.len() {
            line = format!("{line} {word}");
        } else {
            lines.push(std::mem::replace(&mut line, format!("{hanging}{word}")));
        }
        is_first = false;
    }
    lines.push(line);
}
