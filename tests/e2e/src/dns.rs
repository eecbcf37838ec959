//! A name server, on UDP: the names that the test says, at the addresses that the test says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::net::UdpSocket;

use crate::{ANY_PORT, lock};

/// Names, and with a dot in front (or empty) all that end so; and their addresses. The first that fits a question answers it.
pub type Zone = Vec<(&'static str, Vec<IpAddr>)>;

/// Which addresses of its zone the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// A alone.
    V4,
    /// AAAA alone.
    V6,
    /// A and AAAA.
    Both,
}

/// Listens on UDP.
pub struct FakeDns {
    /// Of its address.
    pub port: u16,
    zone: Zone,
    families: Mutex<Families>,
    queries: AtomicU64,
}

impl FakeDns {
    /// A server on 127.0.0.1 that knows every name: it is at 127.0.0.1. Lives until the runtime ends.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Arc<Self> {
        let everything = vec![("", vec![Ipv4Addr::LOCALHOST.into()])];
        Self::start_at(ANY_PORT, everything).await
    }

    /// A server for this zone alone.
    ///
    /// # Panics
    /// When the address is not free.
    pub async fn start_at(address: SocketAddr, zone: Zone) -> Arc<Self> {
        let socket = UdpSocket::bind(address).await.expect("a free port");
        let dns = Arc::new(Self {
            port: socket.local_addr().expect("bound").port(),
            zone,
            families: Mutex::new(Families::Both),
            queries: AtomicU64::new(0),
        });
        let this = Arc::clone(&dns);
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
                this.queries.fetch_add(1, Ordering::Relaxed);
                if let Some(answer) = this.answer(buffer.get(..length).unwrap_or_default()) {
                    let _ = socket.send_to(&answer, client).await;
                }
            }
        });
        dns
    }

    /// How many have come.
    pub fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    /// From now on it knows these addresses alone.
    pub fn know(&self, families: Families) {
        *lock(&self.families) = families;
    }

    /// RFC 1035, section 4: the question again, and for a name of the zone the addresses of the type that is asked for.
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (header, rest) = query.split_at_checked(12)?;
        let name = name(rest)?;
        // The name with its zero, the type and the class.
        let question = rest.get(..name.len() + 1 + usize::from(!name.is_empty()) + 4)?;
        let (_, kind) = question.split_at_checked(question.len() - 4)?;
        let entries = &mut self.zone.iter();
        let name_asked = name.to_lowercase();
        let is_of = |entry: &str| match entry.is_empty() || entry.starts_with('.') {
            true => name_asked.ends_with(entry),
            false => name_asked == entry,
        };
        let known = entries.find(|(entry, _)| is_of(entry));
        let records = known.map_or_else(Vec::new, |(_, all)| self.records(all, kind));
        let mut answer = header.get(..2)?.to_vec();
        // A response, recursion available; no error, or no such name (3). One question, so many answers.
        let count = u8::try_from(records.len()).ok()?;
        let code = if known.is_some() { 0x80 } else { 0x83 };
        answer.extend([0x81, code, 0, 1, 0, count, 0, 0, 0, 0]);
        answer.extend(question);
        answer.extend(records.concat());
        Some(answer)
    }

    /// Those of the type in a question: A (1), or AAAA (28; RFC 3596, section 2.1).
    fn records(&self, addresses: &[IpAddr], kind: &[u8]) -> Vec<Vec<u8>> {
        let families = *lock(&self.families);
        let records = addresses.iter().filter_map(|address| {
            let (number, data) = match address {
                IpAddr::V4(address) if families != Families::V6 => (1, address.octets().to_vec()),
                IpAddr::V6(address) if families != Families::V4 => (28, address.octets().to_vec()),
                _ => return None,
            };
            if kind.get(..2) != Some(&[0, number]) {
                return None;
            }
            // The name of the question, the type, IN, for a minute, so many bytes.
            let length = u8::try_from(data.len()).ok()?;
            let mut record = vec![0xc0, 12, 0, number, 0, 1, 0, 0, 0, 60, 0, length];
            record.extend(data);
            Some(record)
        });
        records.collect()
    }
}

/// Labels up to the zero behind them, with dots between them.
fn name(mut rest: &[u8]) -> Option<String> {
    let mut labels = Vec::new();
    while let (length @ 1.., more) = rest.split_first().map(|(length, more)| (*length, more))? {
        let (label, more) = more.split_at_checked(usize::from(length))?;
        labels.push(String::from_utf8_lossy(label).into_owned());
        rest = more;
    }
    Some(labels.join("."))
}

/// What `dns_cache_config` takes as `typed_dns_resolver_config` to ask the server at this port.
pub fn resolver(port: u16) -> Value {
    json!({
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [{"socket_address": {"address": "127.0.0.1", "port_value": port}}],
            "dns_resolver_options": {"use_tcp_for_dns_lookups": false, "no_default_search_domain": true},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a resolver asks: an id, recursion desired, one question.
    fn query(name: &str, kind: u8) -> Vec<u8> {
        let mut query = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(u8::try_from(label.len()).expect("a short label"));
            query.extend(label.bytes());
        }
        query.extend([0, 0, kind, 0, 1]);
        query
    }

    #[test]
    fn a_name_of_the_zone_has_the_addresses_of_the_type_that_is_asked_for() {
        let v4 = Ipv4Addr::new(198, 51, 100, 10);
        let v6: std::net::Ipv6Addr = "2001:db8::10".parse().expect("an address");
        let dns = FakeDns {
            port: 53,
            zone: vec![(".amazonaws.com", vec![v4.into(), v6.into()])],
            families: Mutex::new(Families::Both),
            queries: AtomicU64::new(0),
        };
        let check = |name: &str, kind, code, data: &[u8]| {
            let asked = query(name, kind);
            let answer = dns.answer(&asked).expect("an answer");
            assert_eq!(answer[..2], [7, 9]);
            assert_eq!(
                (answer[3] & 15, answer[7]),
                (code, u8::from(!data.is_empty()))
            );
            assert_eq!(answer[12..asked.len()], asked[12..]);
            assert!(answer[asked.len()..].ends_with(data), "{answer:?}");
            assert_eq!(answer.len() > asked.len(), !data.is_empty());
        };
        check("S3.amazonaws.com", 1, 0, &v4.octets());
        check("S3.amazonaws.com", 28, 0, &v6.octets());
        check("s3.amazonaws.com", 65, 0, &[]);
        check("amazonaws.org", 1, 3, &[]);
        dns.know(Families::V6);
        check("s3.amazonaws.com", 1, 0, &[]);
        check("s3.amazonaws.com", 28, 0, &v6.octets());
        assert_eq!(dns.answer(&[0; 12]), None);
    }
}
