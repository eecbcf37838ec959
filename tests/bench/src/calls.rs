//! A proxy-wasm module that asks of Envoy what ours asks for a signed GET, and computes nothing: no module that
//! signs in this way can cost less.

/// The module, as text. Its headers are as long as real ones with a session token of so many bytes.
pub(crate) fn module(session_token_bytes: usize) -> String {
    let mut texts = Texts::default();
    let counter = texts.place("sigv4_egress.signed");
    let cluster = texts.place("xds\\00cluster_name");
    let property = texts.place("sigv4_egress");
    let line = texts.place(
        "signed service=s3 region=eu-west-1 role=demo host=reports.s3.eu-west-1.amazonaws.com key=ASIAIOSFODNN7EXAMPLE",
    );
    let writes: Vec<String> = [
        ("authorization", AUTHORIZATION),
        ("x-amz-date", "20261123T120000Z"),
        ("x-amz-security-token", &"t".repeat(session_token_bytes)),
        (
            "x-amz-content-sha256",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
    ]
    .map(|(name, value)| {
        let (name, value) = (texts.place(name), texts.place(value));
        format!("(call $must (call $write (i32.const 0) {name} {value}))")
    })
    .to_vec();
    format!(
        r#"(module
  (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $count (param i32 i64) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $headers (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  {}
  (func $must (param $status i32) (if (local.get $status) (then (unreachable))))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "_initialize"))
  ;; What Envoy hands over is read by nobody, so it may lie in one place.
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 65536))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (call $must (call $define (i32.const 0) {counter} (i32.const 0)))
    (i32.const 1))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $must (call $headers (i32.const 0) (i32.const 16) (i32.const 20)))
    (call $must (call $get {cluster} (i32.const 16) (i32.const 20)))
    (call $must (call $now (i32.const 8)))
    (call $must (call $set {property} {line}))
    {}
    (call $must (call $count (i32.load (i32.const 0)) (i64.const 1)))
    (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_delete") (param i32)))
"#,
        texts.segments,
        writes.join("\n    "),
    )
}

/// Texts in the module's memory.
struct Texts {
    end: usize,
    segments: String,
}

impl Default for Texts {
    /// Behind what the calls return.
    fn default() -> Self {
        Self {
            end: 64,
            segments: String::new(),
        }
    }
}

impl Texts {
    /// Address and length, as arguments. An escape in the text stands for one byte.
    fn place(&mut self, text: &str) -> String {
        let length = text.len() - 2 * text.matches('\\').count();
        let at = self.end;
        self.end += length;
        self.segments += &format!("(data (i32.const {at}) \"{text}\")\n  ");
        format!("(i32.const {at}) (i32.const {length})")
    }
}

const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20261123/eu-west-1/s3/aws4_request, \
     SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, \
     Signature=5555555555555555555555555555555555555555555555555555555555555555";
