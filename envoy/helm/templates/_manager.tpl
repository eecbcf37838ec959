{{- /* What the connection managers of loopback and captured have in common: their limits, the answers of Envoy's own, the log. */ -}}
{{- define "sigv4-egress.settings" -}}
# An answer that comes before the end of its request gets so long to reach the client. Envoy's 1 s is too
# short for a busy worker.
delayed_close_timeout: 10s
# Only silence ends a request: headers not complete after 10 s, or nothing on a stream for 20 minutes.
# AWS may work on a request as long as a Lambda function may run (15 minutes). Without a limit, a request whose VM has
# failed would hang for ever.
request_headers_timeout: 10s
stream_idle_timeout: 1200s
# Envoy's own answers, too, say why, and what to do (docs/reasons.md): in JSON where the client speaks it, else in XML,
# so that SDKs read them. The names of flags are those of %RESPONSE_FLAGS%.
local_reply_config:
  mappers:
  # The connection ended without an answer.
  - filter:
      and_filter:
        filters:
        - &speaks_json
          header_filter: { header: { name: content-type, string_match: { contains: json } } }
        - &closed { response_flag_filter: { flags: [UC, UR, LR] } }
    headers_to_add: &closed_headers
    - header: { key: x-sigv4-egress-reason, value: aws_closed_connection }
    - header: { key: x-amzn-errortype, value: SigV4EgressAwsClosedConnection }
    body: &closed_body
      inline_string: >-
        The connection to AWS ended before an answer came. AWS may have carried out the request: send it again only if
        that does no harm.
    body_format_override: &json
      json_format:
        __type: "%RESP(X-AMZN-ERRORTYPE)%"
        error: "%RESPONSE_CODE_DETAILS%"
        help: "%LOCAL_REPLY_BODY%"
        message: "%LOCAL_REPLY_BODY%"
        reason: "%RESP(X-SIGV4-EGRESS-REASON)%"
  - filter: *closed
    headers_to_add: *closed_headers
    body: *closed_body
    body_format_override: &xml
      content_type: application/xml
      text_format_source:
        inline_string: |
          <ErrorResponse><Error><Type>Receiver</Type><Code>%RESP(X-AMZN-ERRORTYPE)%</Code>
          <Message>%LOCAL_REPLY_BODY%</Message><Reason>%RESP(X-SIGV4-EGRESS-REASON)%</Reason>
          <Details>%RESPONSE_CODE_DETAILS%</Details></Error></ErrorResponse>
  # No connection came about, or the certificate is not the host's.
  - filter:
      and_filter:
        filters:
        - *speaks_json
        - &unreachable { response_flag_filter: { flags: [UF, UH, UO] } }
    headers_to_add: &unreachable_headers
    - header: { key: x-sigv4-egress-reason, value: aws_unreachable }
    - header: { key: x-amzn-errortype, value: SigV4EgressAwsUnreachable }
    - header: { key: retry-after, value: "1" }
    body: &unreachable_body
      inline_string: >-
        No connection to AWS. The details say why; look at the pod's way there: network policies, security groups, VPC
        endpoints.
    body_format_override: *json
  - filter: *unreachable
    headers_to_add: *unreachable_headers
    body: *unreachable_body
    body_format_override: *xml
  - filter:
      and_filter:
        filters:
        - *speaks_json
        - &unresolved { response_flag_filter: { flags: [DF] } }
    headers_to_add: &unresolved_headers
    - header: { key: x-sigv4-egress-reason, value: host_not_resolved }
    - header: { key: x-amzn-errortype, value: SigV4EgressHostNotResolved }
    body: &unresolved_body
      inline_string: >-
        DNS knows no such host. Is its region right, and is the service there?
    body_format_override: *json
  - filter: *unresolved
    headers_to_add: *unresolved_headers
    body: *unresolved_body
    body_format_override: *xml
  - filter:
      and_filter:
        filters:
        - *speaks_json
        - &silent { response_flag_filter: { flags: [SI, UT, DT] } }
    headers_to_add: &silent_headers
    - header: { key: x-sigv4-egress-reason, value: idle_timeout }
    - header: { key: x-amzn-errortype, value: SigV4EgressIdleTimeout }
    body: &silent_body
      inline_string: >-
        Nothing came for 20 minutes (stream_idle_timeout). AWS may have carried out the request: send it again only if
        that does no harm.
    body_format_override: *json
  - filter: *silent
    headers_to_add: *silent_headers
    body: *silent_body
    body_format_override: *xml
  # For these, Envoy's text is enough. The filter's own answers have a reason already.
  - filter: { response_flag_filter: { flags: [UPE] } }
    headers_to_add: [{ header: { key: x-sigv4-egress-reason, value: aws_answer_unreadable } }]
  # A streamed upload whose connection did not come about: so much has come that it cannot be tried again.
  - filter: { status_code_filter: { comparison: { op: EQ, value: { default_value: 507, runtime_key: none } } } }
    status_code: 503
    headers_to_add: *unreachable_headers
    body: *unreachable_body
    body_format_override: *xml
  # An upgrade that is not in upgrade_configs.
  - filter:
      and_filter:
        filters:
        - status_code_filter: { comparison: { op: EQ, value: { default_value: 403, runtime_key: none } } }
        - header_filter: { header: { name: upgrade, present_match: true } }
        - header_filter:
            header: { name: upgrade, string_match: { exact: websocket, ignore_case: true }, invert_match: true }
    headers_to_add:
    - { header: { key: x-sigv4-egress-reason, value: upgrade_refused }, append_action: ADD_IF_ABSENT }
    body: { inline_string: "Of upgrades, only websocket is carried to AWS.\n" }
  # What Envoy cannot read, and headers of more than 60 KiB.
  - filter:
      or_filter:
        filters:
        - status_code_filter: { comparison: { op: EQ, value: { default_value: 400, runtime_key: none } } }
        - status_code_filter: { comparison: { op: EQ, value: { default_value: 431, runtime_key: none } } }
    headers_to_add:
    - { header: { key: x-sigv4-egress-reason, value: request_unreadable }, append_action: ADD_IF_ABSENT }
  # All other 503: the cache of DNS is full, or a VM has ended.
  - filter: { status_code_filter: { comparison: { op: EQ, value: { default_value: 503, runtime_key: none } } } }
    headers_to_add:
    - { header: { key: x-sigv4-egress-reason, value: envoy_unavailable }, append_action: ADD_IF_ABSENT }
  # Envoy's own 413: see per_connection_buffer_limit_bytes.
  - filter: { status_code_filter: { comparison: { op: EQ, value: { default_value: 413, runtime_key: none } } } }
    headers_to_add:
    - { header: { key: x-sigv4-egress-reason, value: buffer_limit }, append_action: ADD_IF_ABSENT }
{{- with include "sigv4-egress.log" . }}
{{ . }}
{{- end }}
{{- end }}

{{- define "sigv4-egress.log" -}}
{{- $log := include "sigv4-egress.accessLog" . }}
{{- if ne $log "off" -}}
# What the filter decided and why, and AWS's request id. No path and no query: a presigned URL's query is a
# credential.
access_log:
- name: envoy.access_loggers.stdout
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
    log_format:
      {{- if eq $log "json" }}
      # docs/fleet.md says what each key is.
      omit_empty_values: true
      json_format:
        schema: sigv4-egress/1
        time: "%START_TIME%"
        method: "%REQ(:METHOD)%"
        host: "%REQ(:AUTHORITY)%"
        status: "%RESPONSE_CODE%"
        decision: "%FILTER_STATE(wasm.sigv4_egress:PLAIN)%"
        reason: "%RESP(X-SIGV4-EGRESS-REASON)%"
        details: "%RESPONSE_CODE_DETAILS%"
        flags: "%RESPONSE_FLAGS%"
        aws_request_id: "%RESP(X-AMZN-REQUESTID?X-AMZ-REQUEST-ID)%"
        aws_extended_request_id: "%RESP(X-AMZ-ID-2)%"
        role_arn: "%ENVIRONMENT(AWS_ROLE_ARN)%"
        namespace: "%ENVIRONMENT(POD_NAMESPACE)%"
        pod: "%ENVIRONMENT(POD_NAME)%"
        revision: "%ENVIRONMENT(SIGV4_EGRESS_REVISION)%"
        trace_id: "%TRACE_ID%"
        traceparent: "%REQ(TRACEPARENT)%"
        bytes_received: "%BYTES_RECEIVED%"
        bytes_sent: "%BYTES_SENT%"
        duration_ms: "%DURATION%"
      {{- else }}
      text_format_source:
        inline_string: "%START_TIME% %REQ(:METHOD)% %REQ(:AUTHORITY)% %RESPONSE_CODE% [%FILTER_STATE(wasm.sigv4_egress:PLAIN)%] %RESP(X-SIGV4-EGRESS-REASON)% %RESP(X-AMZN-REQUESTID?X-AMZ-REQUEST-ID)% %RESPONSE_CODE_DETAILS% %DURATION%ms\n"
      {{- end }}
{{- end }}
{{- end }}

{{- /* `off`, `text` or `json`. YAML reads `off` as false. */ -}}
{{- define "sigv4-egress.accessLog" -}}
{{- if kindIs "bool" .Values.accessLog }}{{ .Values.accessLog | ternary "text" "off" }}{{ else }}{{ .Values.accessLog }}{{ end -}}
{{- end }}

{{- /* AWS's names. */ -}}
{{- define "sigv4-egress.domains" -}}
- "*.amazonaws.com"
- "*.api.aws"
- "*.on.aws"
# China
- "*.amazonaws.com.cn"
- "*.api.amazonwebservices.com.cn"
# European Sovereign Cloud
- "*.amazonaws.eu"
- "*.api.amazonwebservices.eu"
{{- end }}

{{- /* The routes to AWS. With `idleTimeout`, in a connection manager that has none itself. */ -}}
{{- define "sigv4-egress.routes" -}}
# GET and HEAD change nothing, so they are sent once more where their connection ended without an answer. With
# `Action`, a GET may be any action of AWS's Query protocol.
- match:
    prefix: /
    headers: [{ name: ":method", string_match: { safe_regex: { regex: GET|HEAD } } }]
    query_parameters: [{ name: Action, present_match: false }]
  route:
    cluster: sigv4-egress-aws
    timeout: 0s
    {{- with .idleTimeout }}
    idle_timeout: {{ . }}
    {{- end }}
    retry_policy: { retry_on: "connect-failure,refused-stream,reset", num_retries: 1 }
# What was signed is sent again where AWS cannot have seen it: its connection could not be established, or ended before
# the head was sent. What AWS may have carried out is not. For this, up to 128 KiB of a body are kept until AWS
# answers, which may take long.
- match: { prefix: /, filter_state: [{ key: wasm.sigv4_egress, string_match: { prefix: "signed " } }] }
  request_body_buffer_limit: 131072
  route:
    cluster: sigv4-egress-aws
    timeout: 0s
    {{- with .idleTimeout }}
    idle_timeout: {{ . }}
    {{- end }}
    retry_policy: { retry_on: "connect-failure,refused-stream,reset-before-request", num_retries: 2 }
- match: { prefix: / }
  # 0s: no limit (Envoy's default is 15 s for the whole answer). {{ if .idleTimeout }}The one for silence{{ else }}stream_idle_timeout{{ end }} still holds.
  route: &to_aws { cluster: sigv4-egress-aws, timeout: 0s{{ with .idleTimeout }}, idle_timeout: {{ . }}{{ end }} }
{{- end }}

{{- /* The filter, and what follows it up to the router. */ -}}
{{- define "sigv4-egress.httpFilters" -}}
- name: {{ include "sigv4-egress.filterName" . }}
  {{- include "sigv4-egress.filter" . | nindent 2 }}
# Resolves the host, so it comes after the filter that may set it.
- {{ include "sigv4-egress.forwardProxy" . | nindent 2 | trim }}
- name: envoy.filters.http.router
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
{{- end }}

{{- define "sigv4-egress.forwardProxy" -}}
name: envoy.filters.http.dynamic_forward_proxy
typed_config:
  "@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig
  # How many hosts are kept for 5 minutes after their last use; each bucket that is called by a host of its
  # own is one. Envoy's default is 1024; of more, requests get 503 "DNS cache overflow".
  dns_cache_config: { name: sigv4-egress, dns_lookup_family: V4_PREFERRED, max_hosts: 8192 }
{{- end }}
