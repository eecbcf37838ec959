{{- /* A plugin of the module: one of the three positions. The first of a resource has the anchors that the others refer to. */ -}}
{{- define "sigv4-egress.plugin" -}}
{{- $root := .root -}}
name: {{ .name }}
root_id: {{ .id }}
{{- if .anchors }}
# Workers share the credentials under this id; no other module may have it.
vm_config: &vm
  vm_id: sigv4-egress
  runtime: envoy.wasm.runtime.v8
  {{- with $root.Values.module.ociImage }}
  # An image of the module, which pilot-agent fetches. The digest is that of its manifest: an upgrade is another one.
  code:
    remote:
      http_uri: { uri: {{ printf "oci://%s" (splitList "@" . | first) | quote }}, timeout: 30s, cluster: none }
      sha256: {{ splitList "@sha256:" . | last | quote }}
  {{- else }}
  code: { local: { filename: /etc/sigv4-egress/module/sigv4_egress.wasm } }
  {{- end }}
  # Of istio-proxy: the pod sets the role, Istio the rest. Missing ones are ignored.
  environment_variables:
    host_env_keys:
    - AWS_ROLE_ARN
    - AWS_REGION
    - AWS_DEFAULT_REGION
    - AWS_ROLE_SESSION_NAME
    - AWS_WEB_IDENTITY_TOKEN_FILE
    - AWS_CONTAINER_CREDENTIALS_FULL_URI
    - AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
    - AWS_CONTAINER_AUTHORIZATION_TOKEN
    - AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
    - AWS_USE_FIPS_ENDPOINT
    - POD_NAME
    - POD_NAMESPACE
    - HOSTNAME
    - SIGV4_EGRESS_ALLOW
    - SIGV4_EGRESS_CLUSTER
    - ISTIO_META_CLUSTER_ID
    {{- range (include "sigv4-egress.variables" . | fromJsonArray) }}
    - {{ . }}
    {{- end }}
{{- else }}
vm_config: *vm
{{- end }}
configuration:
  "@type": type.googleapis.com/google.protobuf.StringValue
  value: |
    {{ .configuration }}
failure_policy: FAIL_RELOAD
{{- if ne .id "sigv4-egress-status" }}
{{- if .anchors }}
# Bodies are hashed while the headers wait.
{{- end }}
allow_on_headers_stop_iteration: true
{{- end }}
{{- if .anchors }}
# The module may call nothing else. Take the list as a whole: without proxy_on_request_headers requests
# leave unsigned (docs/capabilities.md has what goes wrong without each). (Envoy 1.40 has this in vm_config too, and warns that it
# will leave this place; 1.36 knows it only here.)
capability_restriction_config: &capabilities
  allowed_capabilities:
    # Host calls: the clock, the configuration, headers, bodies, local replies,
    proxy_log: {}
    proxy_get_current_time_nanoseconds: {}
    proxy_set_tick_period_milliseconds: {}
    proxy_get_buffer_bytes: {}
    proxy_set_buffer_bytes: {}
    proxy_get_header_map_pairs: {}
    proxy_get_header_map_value: {}
    proxy_replace_header_map_value: {}
    proxy_remove_header_map_value: {}
    proxy_get_property: {}
    proxy_set_property: {}
    proxy_set_effective_context: {}
    proxy_continue_stream: {}
    proxy_send_local_response: {}
    # the calls for the token and to STS, credentials shared between workers, stats,
    proxy_http_call: {}
    proxy_get_shared_data: {}
    proxy_set_shared_data: {}
    proxy_define_metric: {}
    proxy_increment_metric: {}
    proxy_record_metric: {}
    # what the Rust standard library needs,
    environ_get: {}
    environ_sizes_get: {}
    random_get: {}
    fd_write: {}
    proc_exit: {}
    # and the callbacks.
    proxy_on_context_create: {}
    proxy_on_vm_start: {}
    proxy_on_configure: {}
    proxy_on_tick: {}
    proxy_on_http_call_response: {}
    proxy_on_request_headers: {}
    proxy_on_request_body: {}
    proxy_on_request_trailers: {}
    proxy_on_response_headers: {}
    proxy_on_response_body: {}
    proxy_on_delete: {}
{{- else }}
capability_restriction_config: *capabilities
{{- end }}
{{- end }}

{{- /* The variables from which roles take tags and source identities, each once. */ -}}
{{- define "sigv4-egress.variables" -}}
{{- $names := list -}}
{{- range $role := .root.Values.configuration.roles }}
{{- range prepend (values ($role.tags | default dict)) $role.source_identity }}
{{- if kindIs "map" . }}{{ $names = append $names .env }}{{ end }}
{{- end }}
{{- end }}
{{- $names | uniq | sortAlpha | toJson }}
{{- end }}

{{- /* The three plugins of a shape, by position. An image of the module reaches Envoy by names that Istio discovers, one for each. */ -}}
{{- define "sigv4-egress.filterName" -}}
sigv4-egress{{ if .root.Values.module.ociImage }}-{{ .shape }}{{ end }}
{{- end }}
{{- define "sigv4-egress.guardName" -}}
sigv4-egress-guard
{{- end }}
{{- define "sigv4-egress.statusName" -}}
sigv4-egress-status
{{- end }}

{{- define "sigv4-egress.filter" -}}
{{- if .root.Values.module.ociImage }}
{{- include "sigv4-egress.discovered" (dict "refusing" true) }}
{{- else }}
{{- include "sigv4-egress.typed" (dict "plugin" (include "sigv4-egress.filterPlugin" (merge (dict "anchors" true) .))) }}
{{- end }}
{{- end }}

{{- define "sigv4-egress.guard" -}}
{{- if .root.Values.module.ociImage }}
{{- include "sigv4-egress.discovered" (dict "refusing" false) }}
{{- else }}
{{- include "sigv4-egress.typed" (dict "plugin" (include "sigv4-egress.guardPlugin" .)) }}
{{- end }}
{{- end }}

{{- define "sigv4-egress.status" -}}
{{- if .root.Values.module.ociImage }}
{{- include "sigv4-egress.discovered" (dict "refusing" true) }}
{{- else }}
{{- include "sigv4-egress.typed" (dict "plugin" (include "sigv4-egress.statusPlugin" .)) }}
{{- end }}
{{- end }}

{{- define "sigv4-egress.filterPlugin" -}}
{{- include "sigv4-egress.plugin" (merge (dict "name" (include "sigv4-egress.filterName" .) "id" "sigv4-egress" "configuration" (include "sigv4-egress.configuration" .)) .) }}
{{- end }}

{{- define "sigv4-egress.guardPlugin" -}}
{{- include "sigv4-egress.plugin" (merge (dict "name" (include "sigv4-egress.guardName" .) "id" "sigv4-egress-guard" "configuration" "{ \"position\": \"upstream\", \"clusters\": [\"sigv4-egress-aws\"] }") .) }}
{{- end }}

{{- define "sigv4-egress.statusPlugin" -}}
{{- include "sigv4-egress.plugin" (merge (dict "name" (include "sigv4-egress.statusName" .) "id" "sigv4-egress-status" "configuration" "{ \"position\": \"status\" }") .) }}
{{- end }}

{{- define "sigv4-egress.typed" -}}
typed_config:
  "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
  config:
    {{- .plugin | nindent 4 }}
{{- end }}

{{- /* Until the module is there, and where its digest is wrong, Istio lets nothing pass: a filter that refuses stands in its place. */ -}}
{{- define "sigv4-egress.discovered" -}}
config_discovery:
  config_source: { ads: {}, initial_fetch_timeout: 0s, resource_api_version: V3 }
  type_urls:
  - type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
  {{- if .refusing }}
  - type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
  {{- end }}
{{- end }}

{{- /* What Istio hands out under those names. */ -}}
{{- define "sigv4-egress.extensions" -}}
{{- if .root.Values.module.ociImage }}
# The module itself. pilot-agent fetches the image and tells Envoy where it is; where its digest is another one, every request
# is refused (403 `RBAC: access denied`).
- applyTo: EXTENSION_CONFIG
  match: { context: SIDECAR_OUTBOUND }
  patch:
    operation: ADD
    value:
      name: {{ include "sigv4-egress.filterName" . }}
      {{- include "sigv4-egress.typed" (dict "plugin" (include "sigv4-egress.filterPlugin" (merge (dict "anchors" true) .))) | nindent 6 }}
{{- if eq .shape "transparent" }}
- applyTo: EXTENSION_CONFIG
  match: { context: SIDECAR_OUTBOUND }
  patch:
    operation: ADD
    value:
      name: {{ include "sigv4-egress.guardName" . }}
      {{- include "sigv4-egress.typed" (dict "plugin" (include "sigv4-egress.guardPlugin" .)) | nindent 6 }}
{{- end }}
- applyTo: EXTENSION_CONFIG
  match: { context: SIDECAR_OUTBOUND }
  patch:
    operation: ADD
    value:
      name: {{ include "sigv4-egress.statusName" . }}
      {{- include "sigv4-egress.typed" (dict "plugin" (include "sigv4-egress.statusPlugin" .)) | nindent 6 }}
{{- end }}
{{- end }}
