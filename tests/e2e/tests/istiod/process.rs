//! Programs that a test starts, and ends.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// A running program, with its log; killed when dropped, also by a test that panics.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// # Panics
    /// When it does not start.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: PathBuf) -> Self {
        // Appended to by all that have it: Envoy opens its output anew, as another user.
        let file = File::options().create(true).append(true).open(&log);
        let file = file.expect("a log file");
        let for_all = fs::Permissions::from_mode(0o666);
        fs::set_permissions(&log, for_all).expect("a file of ours");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name, child, log }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// # Panics
    /// When it has ended.
    pub(crate) fn assert_running(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("{} ended with {status}\n{}", self.name, self.log());
        }
    }

    /// All that it has printed.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// For a failure report: the last of it.
    pub(crate) fn report(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(60)..);
        let tail = tail.unwrap_or_default().join("\n");
        format!("--- {}: {}\n{tail}", self.name, self.log.display())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
///
/// # Panics
/// When it does not start.
pub(crate) fn output(command: &mut Command) -> Output {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    output.unwrap_or_else(|error| panic!("{program}: {error}"))
}

/// What a program prints.
///
/// # Panics
/// When it does not end well.
pub(crate) fn printed(command: &mut Command) -> String {
    let output = output(command);
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{said}\n{printed}",
        output.status
    );
    printed.into_owned()
}
