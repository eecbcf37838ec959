//! Commands that the demo prints before it runs them, and answers that it prints.

use super::world::World;
use crate::run::{Result, root};
use std::process::Command;

/// A command with the only environment it gets.
#[derive(Clone, Debug)]
pub(super) struct Shown<'a> {
    pub(super) environment: Vec<(&'a str, String)>,
    /// The first is `python` or `curl`.
    pub(super) words: Vec<String>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) success: bool,
    pub(super) output: String,
}

impl Shown<'_> {
    /// Prints the command, runs it, prints its answer.
    pub(super) fn show(&self, world: &World) -> Result<Answer> {
        println!("\n  $ {}", self.line());
        let answer = self.run(world)?;
        for line in answer.gist().lines() {
            println!("    {line}");
        }
        Ok(answer)
    }

    /// Runs it without a word.
    pub(super) fn run(&self, world: &World) -> Result<Answer> {
        let (program, arguments) = self.words.split_first().ok_or("no program")?;
        let mut command = match program.as_str() {
            "python" => Command::new(world.python()),
            other => Command::new(other),
        };
        command.current_dir(root()).args(arguments).env_clear();
        // No ~/.aws, ~/.curlrc or bytecode beside the sources.
        command
            .env("HOME", world.directory())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = command
            .output()
            .map_err(|error| format!("{program}: {error}"))?;
        let text = [output.stdout, output.stderr].concat();
        Ok(Answer {
            success: output.status.success(),
            output: String::from_utf8_lossy(&text).into_owned(),
        })
    }

    /// The command as one would type it.
    pub(super) fn line(&self) -> String {
        let environment = self
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let words = self.words.iter().map(|word| {
            if word.contains([' ', '{', '*', '&', '?', '%']) {
                format!("'{word}'")
            } else {
                word.clone()
            }
        });
        environment.chain(words).collect::<Vec<_>>().join(" ")
    }
}

impl Answer {
    /// The output; of a Python traceback, its last line, which is the error.
    fn gist(&self) -> &str {
        let text = self.output.trim_end();
        if text.contains("Traceback") {
            text.lines().last().unwrap_or_default()
        } else {
            text
        }
    }

    /// An error unless the output has all of `words`.
    pub(super) fn says(&self, words: &[&str]) -> Result {
        match words.iter().find(|word| !self.output.contains(**word)) {
            None => Ok(()),
            Some(word) => Err(format!("expected {word:?} in this answer:\n{}", self.output).into()),
        }
    }
}
