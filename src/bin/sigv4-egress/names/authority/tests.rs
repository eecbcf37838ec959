use super::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A directory, with the mode of each file.
#[derive(Default)]
struct Directory {
    files: RefCell<BTreeMap<String, (String, Mode)>>,
    state: Cell<u64>,
}

impl Directory {
    fn make(&self, root_key: RootKey) -> Result<(), String> {
        let name = |path: &Path| {
            path.strip_prefix("ca")
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        let outside = Outside {
            now: UNIX_EPOCH + Duration::from_secs(1_795_000_000),
            random: &|bytes| {
                for byte in bytes {
                    let state = self.state.get().wrapping_mul(6_364_136_223_846_793_005);
                    self.state
                        .set(state.wrapping_add(1_442_695_040_888_963_407));
                    *byte = self.state.get().to_be_bytes()[0];
                }
                Ok(())
            },
            read: &|path| {
                Ok(self
                    .files
                    .borrow()
                    .get(&name(path))
                    .map(|file| file.0.clone()))
            },
            write: &|path, text, mode| {
                let before = self
                    .files
                    .borrow_mut()
                    .insert(name(path), (text.to_owned(), mode));
                assert!(before.is_none(), "{path:?} is overwritten");
                Ok(())
            },
        };
        let permitted = ["eu-west-1.amazonaws.com".to_owned()];
        make(Path::new("ca"), &permitted, root_key, 30, &outside).map_err(|error| error.to_string())
    }

    fn read(&self, name: &str) -> String {
        self.files.borrow()[name].0.clone()
    }

    fn put(&self, name: &str, text: &str) {
        self.files
            .borrow_mut()
            .insert(name.to_owned(), (text.to_owned(), Mode::Public));
    }

    fn names(&self) -> Vec<String> {
        self.files.borrow().keys().cloned().collect()
    }

    /// Leaves the root's files alone.
    fn take_intermediate(&self) {
        self.files
            .borrow_mut()
            .retain(|name, _| name.starts_with("root"));
    }
}

fn key(byte: u8) -> Key {
    Key::of_bytes(&[byte; 32]).unwrap()
}

/// The DER of the only certificate in a text.
fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|found| found == part)
}

#[test]
fn the_key_of_the_root_is_written_only_if_it_is_asked_for() {
    let directory = Directory::default();
    directory.make(RootKey::Discarded).unwrap();
    assert_eq!(
        directory.names(),
        [
            "intermediate.key",
            "intermediate.pem",
            "root.pem",
            "secret.yaml"
        ]
    );
    let kept = Directory::default();
    kept.make(RootKey::Kept).unwrap();
    assert_eq!(
        kept.names(),
        [
            "intermediate.key",
            "intermediate.pem",
            "root.key",
            "root.pem",
            "secret.yaml"
        ]
    );
    for (name, (_, mode)) in kept.files.borrow().iter() {
        let is_private = name.ends_with(".key") || name == "secret.yaml";
        assert_eq!(*mode == Mode::Private, is_private, "{name}");
    }
}

#[test]
fn the_intermediate_alone_is_constrained() {
    let directory = Directory::default();
    directory.make(RootKey::Discarded).unwrap();
    // 2.5.29.30, critical; the subtree as dNSName (tag 2).
    let constraints = [0x06, 0x03, 0x55, 0x1d, 0x1e, 0x01, 0x01, 0xff];
    let (root, intermediate) = (
        der(&directory.read("root.pem")),
        der(&directory.read("intermediate.pem")),
    );
    assert!(!has(&root, &constraints));
    assert!(has(&intermediate, &constraints));
    assert!(has(&intermediate, b"\x82\x17eu-west-1.amazonaws.com"));
    // Basic constraints: an authority with a path of 1 and 0.
    assert!(has(
        &root,
        &[0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x01]
    ));
    assert!(has(
        &intermediate,
        &[0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x00]
    ));
}

#[test]
fn nothing_is_overwritten() {
    for (name, expected) in [
        (
            "intermediate.pem",
            "ca/intermediate.pem: is there already; move it away, it is not overwritten",
        ),
        (
            "intermediate.key",
            "ca/intermediate.key: is there already; move it away, it is not overwritten",
        ),
        (
            "secret.yaml",
            "ca/secret.yaml: is there already; move it away, it is not overwritten",
        ),
        (
            "root.pem",
            "ca/root.key: is missing beside the other half of its pair; put it there, or move that away",
        ),
        (
            "root.key",
            "ca/root.pem: is missing beside the other half of its pair; put it there, or move that away",
        ),
    ] {
        for root_key in [RootKey::Discarded, RootKey::Kept] {
            let directory = Directory::default();
            directory.put(name, "mine");
            assert_eq!(directory.make(root_key), Err(expected.to_owned()));
            assert_eq!(directory.names(), [name]);
            assert_eq!(directory.read(name), "mine");
        }
    }
}

#[test]
fn a_root_that_is_kept_signs_the_next_intermediate() {
    let directory = Directory::default();
    directory.make(RootKey::Kept).unwrap();
    let (root, first) = (
        directory.read("root.pem"),
        directory.read("intermediate.pem"),
    );
    directory.take_intermediate();
    directory.make(RootKey::Discarded).unwrap();
    assert_eq!(directory.read("root.pem"), root);
    let second = directory.read("intermediate.pem");
    assert_ne!(second, first);
    let key = Key::of_pem(&directory.read("root.key")).unwrap();
    // The identifier of its key (2.5.29.35).
    let by_key = [
        &[0x55, 0x1d, 0x23, 0x04, 0x18, 0x30, 0x16, 0x80, 0x14],
        key.id(),
    ]
    .concat();
    assert!(has(&der(&first), &by_key) && has(&der(&second), &by_key));
}

#[test]
fn another_key_than_the_roots_own_signs_nothing() {
    let other = key(7).pem();
    for text in [
        "",
        "no key",
        &other,
        &other.replace("PRIVATE KEY", "EC PRIVATE KEY"),
    ] {
        let directory = Directory::default();
        directory.make(RootKey::Kept).unwrap();
        directory.take_intermediate();
        directory.put("root.key", text);
        let error = directory.make(RootKey::Kept).unwrap_err();
        assert!(
            error.ends_with("root.key: is not the key that --keep-root-key wrote for root.pem"),
            "{error}"
        );
        assert_eq!(directory.names(), ["root.key", "root.pem"]);
    }
}

#[test]
fn a_key_is_read_as_it_is_written() {
    let key = key(7);
    let read = Key::of_pem(&key.pem()).unwrap();
    assert_eq!((read.public.len(), &read.public), (65, &key.public));
    assert_eq!(key.id().len(), 20);
    assert!(Key::of_bytes(&[0xff; 32]).is_none());
}

#[test]
fn the_secret_holds_the_chain_the_key_and_the_root() {
    let directory = Directory::default();
    directory.make(RootKey::Discarded).unwrap();
    let text = directory.read("secret.yaml");
    let value = |key: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("  {key}: ")))
            .unwrap();
        String::from_utf8(STANDARD.decode(line).unwrap()).unwrap()
    };
    let (root, intermediate) = (
        directory.read("root.pem"),
        directory.read("intermediate.pem"),
    );
    assert_eq!(value("tls.crt"), [intermediate, root.clone()].concat());
    assert_eq!(value("tls.key"), directory.read("intermediate.key"));
    assert_eq!(value("ca.crt"), root);
}
