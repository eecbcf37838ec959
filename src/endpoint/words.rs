//! Lists of words that are one text, apart by spaces: they are looked up rarely, and pointers are dear.

/// Whether a list has a word.
#[inline(never)]
pub(super) fn has(words: &str, wanted: &str) -> bool {
    let mut found = false;
    each(words, &mut |word| found |= word == wanted);
    found
}

/// Calls with each word. Not an iterator: what is rarely asked is better small.
#[inline(never)]
pub(super) fn each<'w>(words: &'w str, look: &mut dyn FnMut(&'w str)) {
    words.split(' ').for_each(look);
}
