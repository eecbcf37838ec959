//! `--authority`: a root, and an intermediate that can name nothing but AWS's hosts. cert-manager gets the
//! intermediate alone.
//!
//! Java honours constraints on an intermediate alone (seen with 17), so the root has none, and its key signs once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::SecretKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, GeneralSubtree, IsCa, Issuer,
    KeyIdMethod, KeyUsagePurpose, NameConstraints, PublicKeyData, SignatureAlgorithm,
};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What becomes of the root's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RootKey {
    /// It ends with the command: every new intermediate has a new root.
    Discarded,
    /// It is written: it signs the next intermediate, for programs that know the root already.
    Kept,
}

/// Why there is no authority.
#[derive(Debug)]
pub(crate) enum AuthorityError {
    /// A file is there, and is never overwritten.
    Exists(PathBuf),
    /// A root without its key, or a key without its root: this is the missing one.
    Half(PathBuf),
    /// The root's key is none that this command wrote, or that of another root.
    NotItsKey(PathBuf),
    /// A file could not be read or written.
    File(PathBuf, io::Error),
    /// No randomness, or a name that no certificate can have.
    Failed(String),
}

impl fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(path) => write!(
                f,
                "{}: is there already; move it away, it is not overwritten",
                path.display()
            ),
            Self::Half(path) => write!(
                f,
                "{}: is missing beside the other half of its pair; put it there, or move that away",
                path.display()
            ),
            Self::NotItsKey(path) => write!(
                f,
                "{}: is not the key that --keep-root-key wrote for root.pem",
                path.display()
            ),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl From<rcgen::Error> for AuthorityError {
    fn from(error: rcgen::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everybody.
    Public,
    /// Its owner.
    Private,
}

/// What a command gets from outside.
pub(crate) struct Outside<'o> {
    /// The time.
    pub(crate) now: SystemTime,
    /// Fills what it is given with random bytes.
    pub(crate) random: &'o dyn Fn(&mut [u8]) -> io::Result<()>,
    /// The text of a file, if there is one.
    pub(crate) read: &'o dyn Fn(&Path) -> io::Result<Option<String>>,
    /// Writes a file, and the directories above it. There must be none of its name.
    pub(crate) write: &'o dyn Fn(&Path, &str, Mode) -> io::Result<()>,
}

/// A constrained authority for these subtrees, in a directory that is made if there is none: `root.pem`,
/// `intermediate.pem`, `intermediate.key`, and `secret.yaml`, which holds all three for cert-manager. With a root and
/// its key in the directory, these sign.
///
/// # Errors
///
/// See [`AuthorityError`]. Nothing is overwritten.
pub(super) fn make(
    directory: &Path,
    permitted: &[String],
    root_key: RootKey,
    days: u32,
    outside: &Outside<'_>,
) -> Result<(), AuthorityError> {
    let read = |name: &str| {
        let path = directory.join(name);
        (outside.read)(&path).map_err(|error| AuthorityError::File(path, error))
    };
    for name in ["intermediate.pem", "intermediate.key", "secret.yaml"] {
        if read(name)?.is_some() {
            return Err(AuthorityError::Exists(directory.join(name)));
        }
    }
    let kept = match (read("root.pem")?, read("root.key")?) {
        (None, None) => None,
        (Some(root), Some(key)) => {
            let key = its_key(&root, &key)
                .ok_or_else(|| AuthorityError::NotItsKey(directory.join("root.key")))?;
            Some((root, key))
        }
        (Some(_), None) => return Err(AuthorityError::Half(directory.join("root.key"))),
        (None, Some(_)) => return Err(AuthorityError::Half(directory.join("root.pem"))),
    };
    let maker = Maker { outside, days };
    let is_new = kept.is_none();
    let (root, key) = match kept {
        Some(kept) => kept,
        None => {
            let key = maker.key()?;
            (maker.params(ROOT, &key, 1)?.self_signed(&key)?.pem(), key)
        }
    };
    let issuer = maker.params(ROOT, &key, 1)?;
    let intermediate_key = maker.key()?;
    let mut params = maker.params(INTERMEDIATE, &intermediate_key, 0)?;
    params.name_constraints = Some(constraints(permitted));
    params.use_authority_key_identifier_extension = true;
    let issuer = Issuer::from_params(&issuer, &key);
    let intermediate = params.signed_by(&intermediate_key, &issuer)?.pem();
    let secret = secret(&root, &intermediate, &intermediate_key.pem());
    let write = |name: &str, text: &str, mode| {
        let path = directory.join(name);
        (outside.write)(&path, text, mode).map_err(|error| AuthorityError::File(path, error))
    };
    if is_new {
        write("root.pem", &root, Mode::Public)?;
        if root_key == RootKey::Kept {
            write("root.key", &key.pem(), Mode::Private)?;
        }
    }
    write("intermediate.pem", &intermediate, Mode::Public)?;
    write("intermediate.key", &intermediate_key.pem(), Mode::Private)?;
    write("secret.yaml", &secret, Mode::Private)
}

const ROOT: &str = "sigv4-egress root";
const INTERMEDIATE: &str = "sigv4-egress intermediate";

/// What certificates are made of, beside their names.
struct Maker<'o> {
    outside: &'o Outside<'o>,
    days: u32,
}

impl Maker<'_> {
    fn random<const N: usize>(&self) -> Result<[u8; N], AuthorityError> {
        let mut bytes = [0; N];
        let random = (self.outside.random)(&mut bytes);
        random.map_err(|error| AuthorityError::Failed(format!("no randomness: {error}")))?;
        Ok(bytes)
    }

    fn key(&self) -> Result<Key, AuthorityError> {
        loop {
            // One candidate in 2^32 is out of range.
            if let Some(key) = Key::of_bytes(&self.random::<32>()?) {
                return Ok(key);
            }
        }
    }

    fn params(
        &self,
        name: &str,
        key: &Key,
        path_length: u8,
    ) -> Result<CertificateParams, AuthorityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        // With a part of the key: two roots of one name would be one to some clients.
        let id: String = key
            .id()
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("{name} {id}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = KeyIdMethod::PreSpecified(key.id().to_vec());
        params.serial_number = Some(self.random::<16>()?.to_vec().into());
        let since_epoch = self
            .outside
            .now
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        // Clocks differ.
        params.not_before = epoch + since_epoch.saturating_sub(Duration::from_secs(3_600));
        params.not_after =
            epoch + (since_epoch + Duration::from_secs(u64::from(self.days) * 86_400));
        Ok(params)
    }
}

fn constraints(permitted: &[String]) -> NameConstraints {
    let names = permitted.iter().cloned().map(GeneralSubtree::DnsName);
    NameConstraints {
        permitted_subtrees: names.collect(),
        excluded_subtrees: vec![
            GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
            GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
        ],
    }
}

/// What cert-manager's Issuer of the kind `ca` reads: the intermediate, behind it what signed it.
fn secret(root: &str, intermediate: &str, key: &str) -> String {
    let chain = STANDARD.encode([intermediate, root].concat());
    let (key, root) = (STANDARD.encode(key), STANDARD.encode(root));
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: sigv4-egress-authority\ntype: kubernetes.io/tls\ndata:\n  tls.crt: \
         {chain}\n  tls.key: {key}\n  ca.crt: {root}\n"
    )
}

/// A key pair on P-256.
struct Key {
    secret: SecretKey,
    signing: SigningKey,
    /// The point, uncompressed (SEC 1, section 2.3.3).
    public: Vec<u8>,
}

/// The head of a PKCS #8 key on P-256 (RFC 5208; RFC 5915, without the curve, which stands in the head already).
const BEFORE_SECRET: &[u8] = &[
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
    0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02,
    0x01, 0x01, 0x04, 0x20,
];
const BEFORE_PUBLIC: &[u8] = &[0xa1, 0x44, 0x03, 0x42, 0x00];
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----\n";
const END: &str = "-----END PRIVATE KEY-----\n";

impl Key {
    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let secret = SecretKey::from_slice(bytes).ok()?;
        let signing = SigningKey::from(secret.clone());
        let public = signing
            .verifying_key()
            .to_sec1_point(false)
            .as_bytes()
            .to_vec();
        Some(Self {
            secret,
            signing,
            public,
        })
    }

    /// Reads what [`Self::pem`] writes.
    fn of_pem(text: &str) -> Option<Self> {
        let (body, _) = text
            .trim_start()
            .strip_prefix(BEGIN)?
            .split_once(END.trim_end())?;
        let body: String = body.split_whitespace().collect();
        let der = STANDARD.decode(body).ok()?;
        let key = Self::of_bytes(der.strip_prefix(BEFORE_SECRET)?.get(..32)?)?;
        (key.der() == der).then_some(key)
    }

    fn der(&self) -> Vec<u8> {
        [
            BEFORE_SECRET,
            &self.secret.to_bytes(),
            BEFORE_PUBLIC,
            &self.public,
        ]
        .concat()
    }

    fn pem(&self) -> String {
        let mut text = BEGIN.to_owned();
        for line in STANDARD.encode(self.der()).as_bytes().chunks(64) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        text.push_str(END);
        text
    }

    /// A name for the key: the end of its point, which is as good as random (RFC 5280, section 4.2.1.2, asks for one
    /// of its own alone).
    fn id(&self) -> &[u8] {
        self.public.get(45..).unwrap_or_default()
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: Signature = self.signing.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// The key of a root, if it is that.
fn its_key(root: &str, key: &str) -> Option<Key> {
    let key = Key::of_pem(key)?;
    let body = root.lines().filter(|line| !line.starts_with('-'));
    let der = STANDARD.decode(body.collect::<String>()).ok()?;
    let has_it = der
        .windows(key.public.len())
        .any(|bytes| bytes == key.public);
    has_it.then_some(key)
}

#[cfg(test)]
mod tests;
