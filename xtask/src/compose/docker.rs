//! Docker Engine and docker-compose: Debian's packages, unpacked and not installed.

use crate::debian;
use crate::run::{Result, root, succeeds};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A directory with the unpacked packages.
pub(super) struct Docker {
    home: PathBuf,
}

impl Docker {
    /// Fetches the packages with what they depend on, unless they are there.
    pub(super) fn unpack() -> Result<Self> {
        let home = root().join("target/tools/docker");
        let docker = Self { home };
        if !docker.home.exists() {
            println!("Fetching Debian's docker.io and docker-compose (once, about 70 MB).");
        }
        let packages = ["docker.io", "docker-compose", "iptables"];
        debian::unpack(&docker.home, &packages, |fresh| {
            // As the alternatives of an installation do.
            let programs = fresh.join("usr/sbin");
            if programs.join("xtables-nft-multi").exists() {
                for name in ["iptables", "ip6tables"] {
                    std::os::unix::fs::symlink("xtables-nft-multi", programs.join(name))?;
                }
            }
            Ok(())
        })?;
        Ok(docker)
    }

    /// A command that finds the unpacked programs, and they their libraries.
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let inside = |path: &str| self.home.join(path);
        let libraries = inside("usr/lib/x86_64-linux-gnu");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut directories = vec![inside("usr/sbin"), inside("usr/bin")];
        directories.extend(std::env::split_paths(&path));
        let mut command = Command::new(program);
        command
            .env("PATH", std::env::join_paths(directories).unwrap_or(path))
            .env("LD_LIBRARY_PATH", &libraries)
            .env("PYTHONPATH", inside("usr/lib/python3/dist-packages"));
        if libraries.join("xtables").exists() {
            command.env("XTABLES_LIBDIR", libraries.join("xtables"));
        }
        command
    }
}

/// A running dockerd. It has a network of its own, in which there is nothing but what it makes, so it
/// neither reaches out nor touches this machine's firewall; and it takes all containers with it.
pub(super) struct Engine<'a> {
    docker: &'a Docker,
    process: Child,
    /// Of the socket.
    directory: PathBuf,
}

impl<'a> Engine<'a> {
    /// Starts it and waits until it answers.
    pub(super) fn start(docker: &'a Docker) -> Result<Self> {
        // Short, because a Unix socket's path has at most 107 bytes.
        let name = format!("sigv4-egress-docker-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory)?;
        let inside = |name: &str| directory.join(name).into_os_string();
        let log = fs::File::create(directory.join("log"))?;
        let process = docker
            .command("unshare")
            .args([
                "--net",
                "--mount",
                "--mount-proc",
                "--pid",
                "--fork",
                "--kill-child",
            ])
            .args(["dockerd", "--log-level", "warn"])
            .args([OsString::from("--data-root"), data().into_os_string()])
            .args([OsString::from("--exec-root"), inside("exec")])
            .args([OsString::from("--pidfile"), inside("pid")])
            .args([OsString::from("--host"), socket(&directory)])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut engine = Self {
            docker,
            process,
            directory,
        };
        // A minute: 600 times a tenth of a second.
        for _ in 0..600 {
            if succeeds(&mut engine.docker(&["version"])) {
                return Ok(engine);
            }
            if engine.process.try_wait()?.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(engine.directory.join("log"))?;
        Err(format!("dockerd did not start:\n{log}").into())
    }

    /// A call to the engine.
    pub(super) fn docker(&self, arguments: &[&str]) -> Command {
        self.client("docker", arguments)
    }

    /// docker-compose with this repository's file.
    pub(super) fn compose(&self, arguments: &[&str]) -> Command {
        let mut command = self.client("docker-compose", &["--project-name", "sigv4-egress"]);
        command.current_dir(root()).args(arguments);
        command
    }

    /// What a command of the engine prints.
    pub(super) fn output(&self, command: &mut Command) -> Result<String> {
        let output = command.stderr(Stdio::inherit()).output()?;
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout)?);
        }
        Err(format!("{:?}: {}", command.get_program(), output.status).into())
    }

    fn client(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.docker.command(program);
        command
            .env("DOCKER_HOST", socket(&self.directory))
            .args(arguments);
        command
    }
}

impl Drop for Engine<'_> {
    fn drop(&mut self) {
        // With unshare its PID namespace ends, and with that the engine and every container.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
        let _ = fs::remove_dir_all(data());
    }
}

/// Images and volumes, about 2 GB while it runs; not among the temporary files, which may be memory.
fn data() -> PathBuf {
    root().join("target/tools/docker-data")
}

fn socket(directory: &Path) -> OsString {
    let mut url = OsString::from("unix://");
    url.push(directory.join("socket"));
    url
}
