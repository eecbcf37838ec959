//! The load generator: keep-alive connections, one request each under way, every request another one.
//!
//! One thread with blocking sockets: it reads the connections in turn and writes the next request on each
//! as soon as its answer is there. Envoy answers in about that order, so the generator seldom waits for one
//! answer while others are there; what it measures as latency is that of a single connection.

use crate::Result;
use crate::upstream::{content_length, end_of_head};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A request whose every mark is replaced by a new number each time.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    head: Marked,
    body: Marked,
    /// How often the body is sent in one request, with the same number.
    repeats: usize,
    number: u64,
}

/// Text with marks.
#[derive(Clone, Debug)]
struct Marked {
    bytes: Vec<u8>,
    marks: Vec<usize>,
}

/// What stands where the number comes: as many bytes as it has hexadecimal digits.
pub(crate) const MARK: &str = "<16-hex-digits->";

impl Marked {
    fn new(bytes: Vec<u8>) -> Self {
        let marks = bytes.windows(MARK.len()).enumerate();
        let marks = marks
            .filter(|(_, window)| *window == MARK.as_bytes())
            .map(|(at, _)| at)
            .collect();
        Self { bytes, marks }
    }

    fn fill(&mut self, digits: &[u8]) {
        for at in &self.marks {
            if let Some(place) = self.bytes.get_mut(*at..*at + digits.len()) {
                place.copy_from_slice(digits);
            }
        }
    }
}

impl Template {
    /// `head` ends with its last header's line; `content-length` is added where there is a body.
    pub(crate) fn new(head: &str, body: Vec<u8>, repeats: usize) -> Self {
        let mut head = head.to_owned();
        if !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len() * repeats));
        }
        head.push_str("\r\n");
        Self {
            head: Marked::new(head.into_bytes()),
            body: Marked::new(body),
            repeats,
            number: 0,
        }
    }

    /// Bytes of one body.
    pub(crate) fn body_bytes(&self) -> usize {
        self.body.bytes.len() * self.repeats
    }

    /// The same with one more header.
    pub(crate) fn with_header(self, name: &str, value: &str) -> Self {
        let mut head = self.head.bytes;
        head.truncate(head.len() - 2);
        head.extend(format!("{name}: {value}\r\n\r\n").bytes());
        Self {
            head: Marked::new(head),
            ..self
        }
    }

    fn send(&mut self, stream: &mut TcpStream) -> Result {
        self.number += 1;
        // Spread over all digits, so that no two requests share a long prefix by being neighbours.
        let digits = format!("{:016x}", self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.head.fill(digits.as_bytes());
        self.body.fill(digits.as_bytes());
        if self.repeats == 1 && self.body.bytes.len() <= 64 * 1024 {
            // In one segment, as clients send small requests.
            return Ok(stream.write_all(&[&*self.head.bytes, &*self.body.bytes].concat())?);
        }
        stream.write_all(&self.head.bytes)?;
        for _ in 0..self.repeats {
            stream.write_all(&self.body.bytes)?;
        }
        Ok(())
    }
}

/// Connections to one Envoy.
#[derive(Debug)]
pub(crate) struct Load {
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// An answer is to come.
    is_asked: bool,
}

/// What a stretch of load was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// Requests that were answered 200: all of them.
    pub(crate) requests: u32,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
}

impl Load {
    /// Opens `connections` to a port of this machine.
    ///
    /// # Errors
    /// When they are refused.
    pub(crate) fn connect(port: u16, connections: usize) -> Result<Self> {
        let open = |_| {
            let stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            stream.set_write_timeout(Some(Duration::from_secs(60)))?;
            Ok(Connection {
                stream,
                buffer: vec![0; 16 * 1024],
                filled: 0,
                is_asked: false,
            })
        };
        let connections = (0..connections).map(open).collect::<Result<_>>()?;
        Ok(Self { connections })
    }

    /// Keeps every connection busy for as long as `duration`, at least with one request each.
    ///
    /// # Errors
    /// When an answer is not 200.
    pub(crate) fn saturate(
        &mut self,
        template: &mut Template,
        duration: Duration,
    ) -> Result<Stretch> {
        let start = Instant::now();
        for connection in &mut self.connections {
            template.send(&mut connection.stream)?;
            connection.is_asked = true;
        }
        let mut requests = 0;
        while self
            .connections
            .iter()
            .any(|connection| connection.is_asked)
        {
            for connection in self
                .connections
                .iter_mut()
                .filter(|connection| connection.is_asked)
            {
                connection.answer()?;
                requests += 1;
                connection.is_asked = start.elapsed() < duration;
                if connection.is_asked {
                    template.send(&mut connection.stream)?;
                }
            }
        }
        Ok(Stretch {
            requests,
            elapsed: start.elapsed(),
        })
    }

    /// One request at a time on the first connection; the latencies, in order of size.
    ///
    /// # Errors
    /// When an answer is not 200.
    pub(crate) fn one_by_one(
        &mut self,
        template: &mut Template,
        duration: Duration,
    ) -> Result<Vec<Duration>> {
        let start = Instant::now();
        let mut latencies = Vec::new();
        let connection = self.first()?;
        while start.elapsed() < duration {
            let sent = Instant::now();
            template.send(&mut connection.stream)?;
            connection.answer()?;
            latencies.push(sent.elapsed());
        }
        latencies.sort();
        Ok(latencies)
    }

    /// One request on the first connection; its status.
    ///
    /// # Errors
    /// When no answer comes.
    pub(crate) fn ask(&mut self, template: &mut Template) -> Result<u16> {
        self.send(template)?;
        Ok(self.first()?.read()?.0)
    }

    /// Sends one request on the first connection.
    ///
    /// # Errors
    /// When it is closed.
    pub(crate) fn send(&mut self, template: &mut Template) -> Result {
        template.send(&mut self.first()?.stream)
    }

    /// Sends one request on each connection.
    ///
    /// # Errors
    /// When one is closed.
    pub(crate) fn send_on_all(&mut self, template: &mut Template) -> Result {
        let mut connections = self.connections.iter_mut();
        connections.try_for_each(|connection| template.send(&mut connection.stream))
    }

    /// Takes the answers on all connections; when each was seen, since `start`. They are read in the order of the
    /// connections, so that one is seen a little after it came.
    ///
    /// # Errors
    /// When one is not 200.
    pub(crate) fn answers_of_all(&mut self, start: Instant) -> Result<Vec<Duration>> {
        let connections = self.connections.iter_mut();
        let answers = connections.map(|connection| {
            connection.answer()?;
            Ok(start.elapsed())
        });
        answers.collect()
    }

    /// Whether something of its answer is there.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(crate) fn has_answer(&mut self) -> Result<bool> {
        let stream = &self.first()?.stream;
        stream.set_nonblocking(true)?;
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        match peeked {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes its answer.
    ///
    /// # Errors
    /// When it is not 200.
    pub(crate) fn receive(&mut self) -> Result {
        self.first()?.answer()
    }

    fn first(&mut self) -> Result<&mut Connection> {
        Ok(self.connections.first_mut().ok_or("no connection")?)
    }
}

impl Connection {
    fn answer(&mut self) -> Result {
        match self.read()? {
            (200, _) => Ok(()),
            (status, text) => Err(format!("an answer with status {status}: {text}").into()),
        }
    }

    /// Status, and the answer as text.
    fn read(&mut self) -> Result<(u16, String)> {
        self.filled = 0;
        loop {
            let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
            let read = self.stream.read(free)?;
            if read == 0 {
                return Err("Envoy closed a connection, or its answer is too long".into());
            }
            self.filled += read;
            let bytes = self.buffer.get(..self.filled).unwrap_or_default();
            let Some(end) = end_of_head(bytes) else {
                continue;
            };
            let head = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
            if bytes.len() >= end + content_length(head).unwrap_or(0) {
                let status = head.split(' ').nth(1).unwrap_or_default().parse()?;
                // The text is for reports.
                let text = if status == 200 {
                    String::new()
                } else {
                    String::from_utf8_lossy(bytes).into_owned()
                };
                return Ok((status, text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Swallower;

    #[test]
    fn every_request_is_another_one_and_all_are_counted() {
        let upstream = Swallower::start().unwrap();
        let mut load = Load::connect(upstream.port, 3).unwrap();
        let head = format!("PUT /{MARK}?id={MARK} HTTP/1.1\r\nhost: x\r\n");
        let mut template = Template::new(&head, format!("<{MARK}>").into_bytes(), 2);
        let (stretch, arrived) = upstream.keeping(|| {
            load.saturate(&mut template, Duration::from_millis(50))
                .unwrap()
        });
        assert_eq!(arrived.len(), usize::try_from(stretch.requests).unwrap());
        let heads: std::collections::BTreeSet<_> =
            arrived.iter().map(|arrived| &arrived.head).collect();
        let bodies: std::collections::BTreeSet<_> =
            arrived.iter().map(|arrived| &arrived.body).collect();
        assert_eq!((heads.len(), bodies.len()), (arrived.len(), arrived.len()));
        assert_eq!(arrived[0].body.len(), template.body_bytes());
    }
}
