//! An S3 whose signatures the crate `s3s` verifies (`tests/s3s`), and a record of what reached it.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::ledger::Key;
use crate::{Answer, Connection, envoy, lock};

/// What one connection has sent so far.
type Record = Arc<Mutex<Vec<u8>>>;

/// A running server; killed when dropped.
pub struct S3s {
    /// Records what goes through it; on 127.0.0.1, without TLS.
    pub port: u16,
    server: u16,
    process: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    records: Arc<Mutex<Vec<Record>>>,
}

impl S3s {
    /// Starts the server that `cargo xtask test` has built.
    ///
    /// # Panics
    /// When there is none, or it does not start.
    pub fn start() -> Self {
        let path = envoy::workspace().join("target/tools/s3s/debug/s3s-server");
        assert!(
            path.exists(),
            "no S3 server at {}: run `cargo xtask test`, which builds it",
            path.display()
        );
        let mut process = Command::new(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let input = process.stdin.take().expect("piped");
        let mut output = BufReader::new(process.stdout.take().expect("piped"));
        let server = line(&mut output).parse().expect("a port");
        let records = Arc::default();
        Self {
            port: relay(server, Arc::clone(&records)),
            server,
            process,
            pipes: Mutex::new((input, output)),
            records,
        }
    }

    /// From now on the server accepts signatures of this key.
    ///
    /// # Panics
    /// When the server has ended.
    pub fn trust(&self, key: &Key) {
        let token = key.session_token.as_deref().unwrap_or_default();
        let (id, secret) = (&key.access_key_id, &key.secret_access_key);
        let (input, output) = &mut *lock(&self.pipes);
        writeln!(input, "{id} {secret} {token}").expect("the server runs");
        assert_eq!(line(output), *id);
    }

    /// What the last connection has sent: one request, as Envoy uses each connection once.
    ///
    /// # Panics
    /// When there was none.
    pub fn last(&self) -> Vec<u8> {
        let records = lock(&self.records);
        let record = records.last().expect("a connection");
        lock(record).clone()
    }

    /// Sends these bytes to the server itself.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn send(&self, request: &[u8]) -> Answer {
        let mut connection = Connection::open(self.server).await.expect("it accepts");
        connection.ask(request).await.expect("an answer")
    }
}

impl Drop for S3s {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn line(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("the server runs");
    line.trim_end().to_owned()
}

/// Copies between its port and `server`, and keeps what clients send. Threads, because the server outlives
/// the runtime of one scenario.
fn relay(server: u16, records: Arc<Mutex<Vec<Record>>>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let record = Record::default();
            lock(&records).push(Arc::clone(&record));
            let server = TcpStream::connect(("127.0.0.1", server)).expect("the server accepts");
            let (from, to) = (client.try_clone(), server.try_clone());
            thread::spawn(move || copy(client, server, |data| lock(&record).extend(data)));
            thread::spawn(move || copy(to.expect("a handle"), from.expect("a handle"), |_| {}));
        }
    });
    port
}

/// Until one side closes.
fn copy(mut from: TcpStream, mut to: TcpStream, seen: impl Fn(&[u8])) {
    let mut buffer = [0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        seen(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
