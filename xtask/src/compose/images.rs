//! Stand-ins for the images that `docker-compose.yml` names, made from this machine's own files.
//!
//! Each keeps its files at the paths they have here, and has a PATH that finds them. The stand-in for
//! Rust is offline: it has cargo's downloads of this machine.

use super::docker::Engine;
use crate::run::{Result, cargo, root, run};
use crate::tools;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the commands of `docker-compose.yml` call, besides the program that the image is for.
const BASE: [&str; 9] = [
    "/bin/sh",
    "/bin/bash",
    "/bin/cp",
    "/usr/bin/cmp",
    "/bin/sleep",
    "/bin/cat",
    "/bin/grep",
    "/usr/bin/tr",
    "/usr/bin/awk",
];

/// Imports an image for each tag of the file.
pub(super) fn import(engine: &Engine<'_>) -> Result {
    let file = fs::read_to_string(root().join("docker-compose.yml"))?;
    let file: Value = serde_saphyr::from_str(&file)?;
    let services = file.get("services").and_then(Value::as_object);
    let services = services.ok_or("docker-compose.yml has no services")?;
    let tags = services
        .values()
        .filter_map(|service| service.get("image")?.as_str());
    for tag in tags.collect::<BTreeSet<_>>() {
        println!("Importing a stand-in for {tag}.");
        match tag.split(':').next() {
            Some("envoyproxy/envoy") if tag.ends_with(tools::ENVOY) => envoy()?,
            Some("motoserver/moto") => moto()?,
            Some("docker") => docker()?,
            Some("rust") => rust()?,
            _ => return Err(format!("there is no stand-in for {tag}").into()),
        }
        .import(engine, tag)?;
    }
    Ok(())
}

fn envoy() -> Result<Image> {
    let envoy = tools::envoy(tools::ENVOY)?;
    let mut image = Image::new()?;
    image.add_programs(&[&envoy])?;
    image.path(envoy.parent());
    Ok(image)
}

/// Python with moto and boto3.
fn moto() -> Result<Image> {
    let python = tools::python()?;
    let home = python
        .ancestors()
        .nth(2)
        .ok_or("python is in no environment")?;
    let library = printed(Command::new(&python).args([
        "-c",
        "import sysconfig; print(sysconfig.get_path('stdlib'), end='')",
    ]))?;
    let mut image = Image::new()?;
    image.add_programs(&[&python])?;
    for directory in [Path::new(&library), home] {
        // The base installation's own packages are not ours; its tests are large.
        let skipped = [
            Path::new(&library).join("site-packages"),
            Path::new(&library).join("test"),
        ];
        image.add_tree(directory, &|path| skipped.iter().any(|skip| path == skip))?;
    }
    image.add_libraries_of_modules()?;
    image.path(python.parent());
    Ok(image)
}

/// The packages of the engine itself, with iptables.
fn docker() -> Result<Image> {
    tools::iptables()?;
    let mut image = Image::new()?;
    let unpacked = tools::directory().join("iptables");
    if unpacked.exists() {
        image.add_tree(&unpacked, &|_| false)?;
        image.add_programs(&[unpacked.join("usr/sbin/xtables-nft-multi")])?;
        image.path(Some(&unpacked.join("bin")));
    } else {
        image.add_programs(&["/usr/sbin/iptables", "/usr/sbin/ip6tables"])?;
        image.path(Some(Path::new("/usr/sbin")));
    }
    Ok(image)
}

/// The toolchain, a linker for build scripts, and the downloaded crates.
fn rust() -> Result<Image> {
    run(&mut cargo(&["fetch", "--quiet", "--locked"]))?;
    let sysroot =
        PathBuf::from(printed(Command::new("rustc").args(["--print", "sysroot"]))?.trim());
    let cargo_home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir()
            .ok_or("no home directory")?
            .join(".cargo"),
    };
    let mut image = Image::new()?;
    let programs = [sysroot.join("bin/cargo"), sysroot.join("bin/rustc")];
    image.add_programs(&programs)?;
    image.add_tree(&sysroot.join("lib"), &|_| false)?;
    image.add_linker()?;
    image.add_libraries_of_modules()?;
    image.add_tree(&cargo_home.join("registry"), &|_| false)?;
    image.add_chain(&cargo_home.join("config.toml"));
    image.path(Some(&sysroot.join("bin")));
    image.set("CARGO_HOME", &cargo_home);
    image.set("CARGO_NET_OFFLINE", Path::new("true"));
    Ok(image)
}

/// A list of files, and the environment of the image.
struct Image {
    files: BTreeSet<PathBuf>,
    changes: Vec<String>,
}

impl Image {
    fn new() -> Result<Self> {
        let mut image = Self {
            files: BTreeSet::new(),
            changes: Vec::new(),
        };
        // Links to their namesakes in /usr on a merged-usr system.
        for directory in ["/bin", "/sbin", "/lib", "/lib64"] {
            image.add_chain(Path::new(directory));
        }
        image.add_programs(&BASE)?;
        Ok(image)
    }

    fn set(&mut self, name: &str, value: &Path) {
        self.changes.push(format!("ENV {name}={}", value.display()));
    }

    fn path(&mut self, directory: Option<&Path>) {
        let directory = directory.unwrap_or(Path::new("/"));
        self.changes
            .push(format!("ENV PATH={}:/usr/bin:/bin", directory.display()));
    }

    /// A file, and each link on the way to it; nothing when it is missing.
    fn add_chain(&mut self, path: &Path) {
        let mut path = path.to_owned();
        while let Ok(metadata) = path.symlink_metadata() {
            // By its real directory, because tar must not put files under a link.
            let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
                return;
            };
            let directory = directory.canonicalize().unwrap_or(directory.to_owned());
            let real = directory.join(name);
            let new = self.files.insert(real.clone());
            if !new || !metadata.is_symlink() {
                return;
            }
            path = directory.join(fs::read_link(real).unwrap_or_default());
        }
    }

    /// Programs or libraries, with the libraries that they load.
    fn add_programs(&mut self, paths: &[impl AsRef<OsStr>]) -> Result {
        for path in paths {
            self.add_chain(Path::new(path));
        }
        // It fails for what is linked statically, and says so on standard error.
        let ldd = Command::new("ldd")
            .args(paths)
            .stderr(Stdio::null())
            .output()?;
        for word in String::from_utf8(ldd.stdout)?.split_whitespace() {
            if word.starts_with('/') && !word.ends_with(':') {
                self.add_chain(Path::new(word));
            }
        }
        Ok(())
    }

    /// The libraries of all libraries in the image.
    fn add_libraries_of_modules(&mut self) -> Result {
        let is_module = |path: &&PathBuf| path.extension() == Some(OsStr::new("so"));
        let modules: Vec<_> = self.files.iter().filter(is_module).cloned().collect();
        self.add_programs(&modules)
    }

    /// A directory with everything below it, except what Python can make itself and what is skipped.
    fn add_tree(&mut self, directory: &Path, skip: &dyn Fn(&Path) -> bool) -> Result {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_name() == "__pycache__" || skip(&path) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                self.add_tree(&path, skip)?;
            } else {
                self.add_chain(&path);
            }
        }
        Ok(())
    }

    /// What `cc` needs to link a program for this machine.
    fn add_linker(&mut self) -> Result {
        let gcc = |question: &str, name: &str| -> Result<PathBuf> {
            let answer = printed(Command::new("cc").arg(format!("-print-{question}-name={name}")))?;
            Ok(PathBuf::from(answer.trim()))
        };
        let library = gcc("file", "libgcc.a")?;
        let directory = library.parent().ok_or("cc has no libgcc.a")?;
        let is_compiler = |path: &Path| {
            ["cc1", "cc1plus", "lto1"]
                .iter()
                .any(|name| path.ends_with(name))
        };
        self.add_tree(directory, &is_compiler)?;
        let collect2 = gcc("prog", "collect2")?;
        let mut programs = vec![
            PathBuf::from("/usr/bin/cc"),
            PathBuf::from("/usr/bin/ld"),
            collect2,
        ];
        programs.push(directory.join("liblto_plugin.so"));
        self.add_programs(&programs)?;
        for name in [
            "crt1.o",
            "Scrt1.o",
            "crti.o",
            "crtn.o",
            "libc.so",
            "libc.so.6",
            "libc_nonshared.a",
            "libm.so",
            "libm.so.6",
            "libmvec.so.1",
            "libgcc_s.so.1",
            "libutil.a",
            "librt.a",
            "libpthread.a",
            "libdl.a",
        ] {
            // Its own name is the answer where there is no such file.
            self.add_chain(&gcc("file", name)?);
        }
        Ok(())
    }

    fn import(&self, engine: &Engine<'_>, tag: &str) -> Result {
        let list = root().join("target/tools/image.list");
        let mut names = Vec::new();
        for file in &self.files {
            names.extend(file.strip_prefix("/")?.as_os_str().as_bytes());
            names.push(0);
        }
        fs::write(&list, names)?;
        let mut tar = Command::new("tar")
            .args([
                "--create",
                "--file=-",
                "--no-recursion",
                "--directory=/",
                "--null",
                "--files-from",
            ])
            .arg(&list)
            .stdout(Stdio::piped())
            .spawn()?;
        let archive = tar.stdout.take().ok_or("tar has no output")?;
        let mut import = engine.docker(&["import"]);
        for change in &self.changes {
            import.args(["--change", change]);
        }
        let imported = import
            .args(["-", tag])
            .stdin(archive)
            .stdout(Stdio::null())
            .status()?;
        let packed = tar.wait()?;
        fs::remove_file(list)?;
        if imported.success() && packed.success() {
            return Ok(());
        }
        Err(format!("the stand-in for {tag} could not be imported").into())
    }
}

fn printed(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("{:?}: {}", command.get_program(), output.status).into())
}
