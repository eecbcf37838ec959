{{- /* The cluster of loopback and captured, which leads to any host of AWS. */ -}}
{{- define "sigv4-egress.awsCluster" -}}
# AWS: whatever host was signed for, over TLS, and the certificate must be that host's.
- applyTo: CLUSTER
  match: { context: SIDECAR_OUTBOUND }
  patch:
    operation: ADD
    value:
      name: sigv4-egress-aws
      lb_policy: CLUSTER_PROVIDED
      connect_timeout: 5s
      # A request on which AWS works for minutes is silence to the network: NAT gateways, VPC endpoints and load balancers
      # forget a connection that has been silent for 350 s.
      upstream_connection_options:
        tcp_keepalive: { keepalive_time: 60, keepalive_interval: 30, keepalive_probes: 5 }
      # Envoy's own limits of 1,024 would answer 503 without a reason, where all that waited for the first credentials
      # go on at once.
      circuit_breakers:
        thresholds:
        - { max_connections: 4294967295, max_pending_requests: 4294967295, max_requests: 4294967295, max_retries: 4294967295 }
      cluster_type:
        name: envoy.clusters.dynamic_forward_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig
          # Equal to the one above, or Envoy refuses both.
          dns_cache_config: { name: sigv4-egress, dns_lookup_family: V4_PREFERRED, max_hosts: 8192 }
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http_protocol_options: {} }
          # S3 closes a connection that waits for its next request after 5 s at the earliest, most other services after 50.
          common_http_protocol_options: { idle_timeout: 3s }
          upstream_http_protocol_options: { auto_sni: true, auto_san_validation: true }
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          # Envoy before 1.40 offers one host's session to another (envoyproxy/envoy#46243), whose certificate then is the
          # wrong one.
          max_session_keys: 0
          common_tls_context:
            validation_context:
              trusted_ca: { filename: /etc/ssl/certs/ca-certificates.crt }
{{- end }}

{{- /* What fetches credentials: the same in every shape. */ -}}
{{- define "sigv4-egress.credentials" -}}
# The pod's token, for the filter alone: wasm has no file system, so the sidecar serves the file to
# itself, on a socket in a volume that only istio-proxy mounts.
- applyTo: LISTENER
  match: { context: SIDECAR_OUTBOUND }
  patch:
    operation: ADD
    value:
      name: sigv4-egress-token
      address: { pipe: { path: /var/run/sigv4-egress/token.sock, mode: 384 } }  # 384 = 0600
      filter_chains:
      - filters:
        - name: envoy.filters.network.http_connection_manager
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
            stat_prefix: sigv4_egress_token
            route_config:
              # Envoy's default is 4096.
              max_direct_response_body_size_bytes: 16384
              virtual_hosts:
              - name: token
                domains: ["*"]
                routes:
                - match: { path: {{ include "sigv4-egress.tokenPath" .root }} }
                  direct_response:
                    status: 200
                    body:
                      filename: {{ include "sigv4-egress.tokenDirectory" .root }}/{{ include "sigv4-egress.tokenFile" .root }}
                      # The directory, not the file: kubelet renames `..data` in it.
                      watched_directory: { path: {{ include "sigv4-egress.tokenDirectory" .root }} }
            http_filters:
            # Answers /status: version, roles, expiry of their credentials, what STS last said. No secret.
            - name: {{ include "sigv4-egress.statusName" . }}
              {{- include "sigv4-egress.status" . | nindent 14 }}
            - name: envoy.filters.http.router
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
- applyTo: CLUSTER
  match: { context: SIDECAR_OUTBOUND }
  patch:
    operation: ADD
    value:
      name: sigv4-egress-token
      type: STATIC
      connect_timeout: 1s
      load_assignment:
        cluster_name: sigv4-egress-token
        endpoints:
        - lb_endpoints:
          - endpoint: { address: { pipe: { path: /var/run/sigv4-egress/token.sock } } }
{{- range $index, $host := include "sigv4-egress.stsHosts" .root | fromJsonArray }}
{{- $cluster := "sigv4-egress-sts" -}}
{{- if $index }}{{ $cluster = printf "sigv4-egress-sts-%d" (add1 $index) }}{{ end }}

# STS. The token goes here and nowhere else, so the name in the certificate is checked.
- applyTo: CLUSTER
  match: { context: SIDECAR_OUTBOUND }
  patch:
    operation: ADD
    value:
      name: {{ $cluster }}
      type: STRICT_DNS
      connect_timeout: 5s
      load_assignment:
        cluster_name: {{ $cluster }}
        endpoints:
        - lb_endpoints:
          - endpoint:
              address: { socket_address: { address: {{ $host }}, port_value: 443 } }
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http_protocol_options: {} }
          # A call an hour: no connection is to wait for the next one, which would be the first to see that it is gone.
          common_http_protocol_options: { idle_timeout: 3s }
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          sni: {{ $host }}
          common_tls_context:
            validation_context:
              trusted_ca: { filename: /etc/ssl/certs/ca-certificates.crt }
              match_typed_subject_alt_names:
              - { san_type: DNS, matcher: { exact: {{ $host }} } }
{{- end }}
{{- if eq .root.Values.identity "podIdentity" }}

# The EKS Pod Identity agent of the node.
- applyTo: CLUSTER
  match: { context: SIDECAR_OUTBOUND }
  patch:
    operation: ADD
    value:
      name: sigv4-egress-container
      type: STATIC
      connect_timeout: 1s
      load_assignment:
        cluster_name: sigv4-egress-container
        endpoints:
        - lb_endpoints:
          - endpoint: { address: { socket_address: { address: 169.254.170.23, port_value: 80 } } }
{{- end }}
{{- end }}
