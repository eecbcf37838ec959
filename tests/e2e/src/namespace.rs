//! A network of the test's own, as a pod has it: the test runs once more, in new namespaces.
//!
//! ```text
//! test --unshare--> the same test: lo, addresses, /etc/resolv.conf, /etc/hosts --iptables--> Envoy
//! ```
//!
//! Nothing in it reaches this machine's network or changes its firewall, and all of it ends with the test.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::envoy::workspace;

/// The group of Envoy (`PROXY_GID`).
pub const GROUP: u32 = 1337;

/// A server's address of each kind (RFC 5737 and RFC 3849).
#[derive(Clone, Copy, Debug)]
pub struct Place(Ipv4Addr, Ipv6Addr);

/// All hosts of AWS, but STS.
pub const AWS: Place = Place::new(10);
/// AWS's STS.
pub const STS: Place = Place::new(30);
/// A host that is not AWS's.
pub const OTHER: Place = Place::new(20);
/// Another, which speaks first.
pub const GREETING: Place = Place::new(21);

/// An address that no route leads to (RFC 5737).
pub const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

/// A bucket's host that swallows what it gets, for measurements.
pub const SINK: Place = Place::new(40);

const PLACES: [Place; 5] = [AWS, STS, OTHER, GREETING, SINK];

impl Place {
    const fn new(last: u8) -> Self {
        // `::10`, to be read as the same number.
        let (tens, ones) = (last / 10, last % 10);
        let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, (tens * 16 + ones) as u16);
        Self(Ipv4Addr::new(198, 51, 100, last), v6)
    }

    /// IPv4 first.
    pub fn addresses(self) -> Vec<IpAddr> {
        vec![self.0.into(), self.1.into()]
    }

    /// Port 443 of both.
    pub fn https(self) -> Vec<SocketAddr> {
        let addresses = self.addresses().into_iter();
        addresses.map(|address| (address, 443).into()).collect()
    }
}

/// Set within the namespaces.
const INSIDE: &str = "SIGV4_EGRESS_NAMESPACE";

/// Runs the body of the test of this name, with the modules before it as cargo prints it, in namespaces of its own.
///
/// # Panics
/// When the body does, when this is not root, or when there is no test of this name.
pub fn within(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        set_up();
        body();
        return;
    }
    let user = fs::metadata("/proc/self").expect("/proc").uid();
    assert!(
        user == 0,
        "this test has a network namespace of its own and runs iptables, which takes root: run it with sudo, and see \
         CONTRIBUTING.md"
    );
    let directory = new_directory();
    let program = std::env::current_exe().expect("this program");
    let output = Command::new("unshare")
        .args([
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ])
        .arg(program)
        .args([
            "--exact",
            test,
            "--include-ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(INSIDE, "1")
        // Its processes have numbers of their own, which name directories.
        .env("TMPDIR", &directory)
        .output()
        .expect("unshare, of the package util-linux, runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    println!("{printed}");
    assert!(
        output.status.success() && printed.contains("test result: ok. 1 passed"),
        "{test} in a network namespace: {}\n{printed}\n{complaints}",
        output.status,
    );
    print!("{printed}");
    // What is left among temporary files does no harm.
    let _ = fs::remove_dir_all(directory);
}

/// Leads port 443 to Envoy with the shipped script, and these variables for it.
///
/// # Panics
/// When it fails.
pub fn capture(variables: &[(&str, &str)]) -> String {
    let (is_done, said) = capture_script(&[], variables);
    assert!(is_done, "{said}");
    said
}

/// Takes all that [`capture`] has set away again.
///
/// # Panics
/// When that fails.
pub fn release() {
    let (is_done, said) = capture_script(&["remove"], &[]);
    assert!(is_done, "{said}");
}

/// Runs `envoy/https/capture.sh`: whether it ends well, and all that it prints.
///
/// # Panics
/// When there is no shell.
pub fn capture_script(arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    assert!(std::env::var_os(INSIDE).is_some(), "only in a namespace");
    let output = Command::new("sh")
        .arg(workspace().join("envoy/https/capture.sh"))
        .args(arguments)
        .env("PATH", path())
        .envs(variables.iter().copied())
        .output()
        .expect("a shell");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    (output.status.success(), printed)
}

/// The rules of a table, as `iptables -S` or `ip6tables -S` prints them.
///
/// # Panics
/// When the program does not run.
pub fn rules(program: &str) -> String {
    run(program, "-w -t nat -S")
}

/// PATH, with the iptables that `cargo xtask` has fetched where the system has none.
///
/// # Panics
/// When the workspace has a colon in its name.
pub fn path() -> std::ffi::OsString {
    let mut directories = vec![workspace().join("target/tools/iptables/bin")];
    let path = std::env::var_os("PATH").unwrap_or_default();
    directories.extend(std::env::split_paths(&path));
    std::env::join_paths(directories).expect("no colon in a path")
}

fn set_up() {
    // Else a mount would be seen outside.
    run("mount", "--make-rprivate /");
    run("ip", "link set lo up");
    for Place(v4, v6) in PLACES {
        run("ip", &format!("address add {v4}/32 dev lo"));
        run("ip", &format!("address add {v6}/128 dev lo nodad"));
    }
    let files = [
        ("resolv.conf", "nameserver 127.0.0.1\n"),
        ("hosts", "127.0.0.1 localhost\n::1 localhost\n"),
        // Not through daemons of the system.
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n",
        ),
    ];
    for (name, text) in files {
        let file = std::env::temp_dir().join(name);
        fs::write(&file, text).expect("a file");
        run("mount", &format!("--bind {} /etc/{name}", file.display()));
    }
}

/// # Panics
/// When it does not end well.
fn run(program: &str, words: &str) -> String {
    let output = Command::new(program)
        .args(words.split(' '))
        .env("PATH", path())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Short, because a Unix socket's path has at most 107 bytes.
fn new_directory() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("sigv4-egress-ns-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    fs::create_dir_all(&directory).expect("a temporary directory");
    directory
}
