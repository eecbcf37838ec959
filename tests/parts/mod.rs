//! The marked parts of `envoy/envoy.yaml`, which can be left out.

/// The text without the lines from `# [name` to `# name]`, and how many such parts it had: what the file's head says to do with
/// `sed`.
pub(crate) fn without(text: &str, name: &str) -> (String, usize) {
    let (first, last) = (format!("# [{name}"), format!("# {name}]"));
    let mut kept = String::new();
    let (mut inside, mut parts) = (false, 0);
    for line in text.lines() {
        if line.contains(&first) {
            (inside, parts) = (true, parts + 1);
        }
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
        inside &= !line.contains(&last);
    }
    (kept, parts)
}
