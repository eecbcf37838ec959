//! What a client printed.

use std::fmt;
use std::process::ExitStatus;

/// The output of one run.
pub struct Transcript {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub complaints: String,
}

impl Transcript {
    /// What is wrong with it: a step without exactly one line, a line that is not `as_it_should` be,
    /// an exit status that contradicts the lines.
    pub fn faults(&self, steps: &[&str], as_it_should: impl Fn(&str, &str) -> bool) -> Vec<String> {
        let mut faults = Vec::new();
        let lines: Vec<_> = self.output.lines().collect();
        let named: Vec<_> = lines.iter().map(|line| step_of(line)).collect();
        if named != steps {
            faults.push(format!("steps: expected {steps:?}, found {named:?}"));
        }
        for (step, line) in named.iter().zip(&lines) {
            if !as_it_should(step, line) {
                faults.push(format!("not as it should be: {line}"));
            }
        }
        let failed = lines.iter().any(|line| line.starts_with("fail "));
        if self.status.success() == failed {
            faults.push(format!("it ended with {}", self.status));
        }
        faults
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.output, self.complaints, self.status)
    }
}

/// The step of `ok <step>`, `fail <step>: ...`, `cannot <step>: ...`, `refused <step>: ...`; of any
/// other line, the line.
fn step_of(line: &str) -> &str {
    let (word, rest) = line.split_once(' ').unwrap_or(("", line));
    match word {
        "ok" => rest,
        "fail" | "cannot" | "refused" => rest.split_once(':').map_or(line, |(step, _)| step),
        _ => line,
    }
}
