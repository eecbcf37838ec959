//! Archives that are the same wherever they are made.

use crate::run::Result;
use flate2::GzBuilder;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
}

/// Who may do what with a file; all belong to root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Run,
}

/// A tar archive: no times, no owners.
pub(crate) struct Archive {
    tar: Builder<Vec<u8>>,
    compression: Compression,
}

impl Archive {
    pub(crate) fn new(compression: Compression) -> Self {
        Self {
            tar: Builder::new(Vec::new()),
            compression,
        }
    }

    pub(crate) fn add(&mut self, name: &Path, bytes: &[u8], mode: Mode) -> Result {
        let mut header = header(EntryType::Regular, mode);
        header.set_size(bytes.len().try_into()?);
        Ok(self.tar.append_data(&mut header, name, bytes)?)
    }

    /// A file of this machine's, which may be run there if it may here.
    pub(crate) fn add_from(&mut self, name: &Path, path: &Path) -> Result {
        let mode = match fs::metadata(path)?.permissions().mode() & 0o100 {
            0 => Mode::Read,
            _ => Mode::Run,
        };
        self.add(name, &fs::read(path)?, mode)
    }

    /// A second name for a file that is in the archive.
    pub(crate) fn link(&mut self, name: &Path, to: &Path) -> Result {
        let mut header = header(EntryType::Link, Mode::Read);
        header.set_size(0);
        Ok(self.tar.append_link(&mut header, name, to)?)
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        let bytes = self.tar.into_inner()?;
        match self.compression {
            Compression::None => Ok(bytes),
            Compression::Gzip => gzip(&bytes),
        }
    }
}

/// Without a time or a name.
pub(crate) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packed = GzBuilder::new().write(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes)?;
    Ok(packed.finish()?)
}

fn header(kind: EntryType, mode: Mode) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(match mode {
        Mode::Read => 0o644,
        Mode::Run => 0o755,
    });
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn what_is_packed_is_found_by_tar_and_has_no_time() {
        let mut archive = Archive::new(Compression::Gzip);
        archive
            .add(Path::new("a/plugin.wasm"), b"\0asm", Mode::Read)
            .unwrap();
        archive.add(Path::new("a/tool"), b"#!", Mode::Run).unwrap();
        archive
            .link(Path::new("b.wasm"), Path::new("a/plugin.wasm"))
            .unwrap();
        let bytes = archive.finish().unwrap();
        let mut tar = Command::new("tar")
            .args(["--list", "--verbose", "--gzip", "--utc", "--numeric-owner"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        tar.stdin.take().unwrap().write_all(&bytes).unwrap();
        let list = String::from_utf8(tar.wait_with_output().unwrap().stdout).unwrap();
        let rows: Vec<String> = list
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            rows,
            [
                "-rw-r--r-- 0/0 4 1970-01-01 00:00 a/plugin.wasm",
                "-rwxr-xr-x 0/0 2 1970-01-01 00:00 a/tool",
                "hrw-r--r-- 0/0 0 1970-01-01 00:00 b.wasm link to a/plugin.wasm",
            ]
        );
    }
}
