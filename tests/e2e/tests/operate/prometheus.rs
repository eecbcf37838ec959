//! A real Prometheus, with `envoy/operate/prometheus.yaml` and the rules beside it.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::{Connection, Request, SOON, Value, envoy, eventually, json};

/// Of Debian's package; unpacked, not installed.
///
/// # Panics
/// When it is not there.
pub(crate) fn program(name: &str) -> PathBuf {
    let home = envoy::workspace().join("target/tools/prometheus");
    let path = home.join("usr/bin").join(name);
    assert!(
        path.exists(),
        "no {name} at {}: run `cargo xtask test`, which fetches it",
        path.display()
    );
    path
}

/// For a program that cannot say which port it has taken.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// Ends when dropped.
pub(crate) struct Prometheus {
    process: Child,
    port: u16,
    log: PathBuf,
}

impl Prometheus {
    /// Scrapes these pods each second, at ports of 127.0.0.1.
    pub(crate) async fn start(directory: &Path, pods: &[(String, u16)]) -> Self {
        let mut config = super::document("prometheus.yaml");
        let job = &mut config["scrape_configs"][0];
        let keys = job.as_object_mut().expect("a job");
        // Where Kubernetes would say which pods there are, and what they are called.
        keys.remove("kubernetes_sd_configs").expect("discovery");
        keys.remove("relabel_configs").expect("names of pods");
        let targets = pods.iter().map(|(pod, port)| {
            json!({
                "targets": [format!("127.0.0.1:{port}")],
                "labels": {"namespace": "default", "pod": pod},
            })
        });
        keys.insert("static_configs".to_owned(), targets.collect());
        config["global"] = json!({"scrape_interval": "1s", "evaluation_interval": "1s"});
        config["rule_files"] = json!([super::file("alerts.yaml")]);
        fs::write(directory.join("prometheus.yml"), config.to_string()).expect("its file");
        let port = free_port();
        let log = directory.join("prometheus.log");
        let output = fs::File::create(&log).expect("a log");
        let process = Command::new(program("prometheus"))
            .arg(format!(
                "--config.file={}",
                directory.join("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn()
            .expect("Prometheus starts");
        let prometheus = Self { process, port, log };
        eventually("Prometheus is ready", SOON, async || {
            let answer = prometheus.get("/-/ready").await?;
            (answer.status == 200).then_some(())
        })
        .await;
        prometheus
    }

    /// The value of each series that a query finds.
    pub(crate) async fn query(&self, expression: &str) -> Vec<f64> {
        let series = self.result("query", &[("query", expression)]).await;
        let value = |series: &Value| series["value"][1].as_str()?.parse().ok();
        series
            .iter()
            .map(|one| value(one).expect("a number"))
            .collect()
    }

    /// The series that a query finds, each with its labels, and a value for each second from a moment on. What is no
    /// number, as 0 / 0, is left out.
    pub(crate) async fn query_range(
        &self,
        expression: &str,
        from: SystemTime,
        seconds: u32,
    ) -> Vec<(Value, BTreeMap<u32, f64>)> {
        let moment = |time: SystemTime| {
            let since = time.duration_since(UNIX_EPOCH).expect("after 1970");
            format!("{}.{:03}", since.as_secs(), since.subsec_millis())
        };
        let end = from + Duration::from_secs(seconds.into());
        let (start, end) = (moment(from), moment(end));
        let parameters = [
            ("query", expression),
            ("start", start.as_str()),
            ("end", end.as_str()),
            ("step", "1"),
        ];
        let start: f64 = start.parse().expect("a number");
        let point = |point: &Value| -> Option<(u32, f64)> {
            let value: f64 = point[1].as_str()?.parse().ok()?;
            let second = (point[0].as_f64()? - start).round();
            value.is_finite().then_some((second as u32, value))
        };
        let series = self.result("query_range", &parameters).await;
        let mut found = Vec::new();
        for mut one in series {
            let points = one["values"].as_array().expect("values");
            let points = points.iter().filter_map(point).collect();
            found.push((one["metric"].take(), points));
        }
        found
    }

    /// What the API finds for these parameters.
    async fn result(&self, name: &str, parameters: &[(&str, &str)]) -> Vec<Value> {
        let parameters = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let path = format!("/api/v1/{name}?{parameters}");
        let answer = self.get(&path).await.expect("an answer");
        let mut found: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!(found["status"], "success", "{path}: {found}");
        let series = found["data"]["result"].take();
        series.as_array().expect("series").clone()
    }

    /// None of the rules fails when Prometheus evaluates it.
    pub(crate) async fn assert_rules_are_healthy(&self) {
        let answer = self.get("/api/v1/rules").await.expect("an answer");
        let found: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let rules = found["data"]["groups"][0]["rules"]
            .as_array()
            .expect("rules");
        for rule in rules {
            assert_eq!(rule["health"], "ok", "{rule}");
        }
    }

    async fn get(&self, path: &str) -> Option<e2e::Answer> {
        let mut connection = Connection::open(self.port).await.ok()?;
        connection
            .ask(&Request::get("prometheus", path).bytes())
            .await
            .ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}
