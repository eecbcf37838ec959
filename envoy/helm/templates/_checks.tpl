{{- /* What one value says of another, and what a schema cannot say of one. Each is checked by values.schema.json first. */ -}}
{{- define "sigv4-egress.check" -}}
{{- include "sigv4-egress.checkText" . }}
{{- include "sigv4-egress.checkModule" . }}
{{- include "sigv4-egress.checkScope" . }}
{{- include "sigv4-egress.checkHosts" . }}
{{- include "sigv4-egress.checkPorts" . }}
{{- include "sigv4-egress.checkIdentity" . }}
{{- include "sigv4-egress.checkRoles" . }}
{{- include "sigv4-egress.checkFilter" . }}
{{- end }}

{{- /* What YAML has no plain form of, or takes for the end of a line, would end a text where it stands. */ -}}
{{- define "sigv4-egress.checkText" -}}
{{- range $key, $value := omit .Values "global" }}
{{- if regexMatch "[\\x{7f}-\\x{9f}\\x{feff}\\x{fffe}\\x{ffff}]" (toJson $value) }}
{{- fail (printf "%s: has a control character (U+007F to U+009F) or a byte order mark. Take it out." $key) }}
{{- end }}
{{- end }}
{{- if not (regexMatch "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" .Release.Namespace) }}
{{- fail (printf "--namespace: %q is no name of a namespace: at most 63 of a-z, 0-9 and -, with neither end a -." .Release.Namespace) }}
{{- end }}
{{- end }}

{{- /* What the filter would refuse in each sidecar, where it is known here, and what the routes of transparent are made of. */ -}}
{{- define "sigv4-egress.checkFilter" -}}
{{- $values := .Values -}}
{{- if kindIs "slice" $values.allow }}
{{- range $values.allow }}
{{- if and (kindIs "string" .) (ne . "*") (not (regexMatch "^([a-z0-9-]+|[^\\s,;:/\"'{}]+\\.[^\\s,;:/\"'{}]+)$" (include "sigv4-egress.host" (dict "root" $ "host" .)))) }}
{{- fail (printf "allow: %q is neither the name of a service, such as dynamodb, nor a host. Give each an entry of its own." .) }}
{{- end }}
{{- end }}
{{- end }}
{{- with get $values.configuration "marker_header" }}
{{- if not (regexMatch "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" .) }}
{{- fail (printf "configuration.marker_header: %q is no name of an HTTP header. Take one of your own, such as x-sign-me." .) }}
{{- end }}
{{- end }}
{{- range $values.configuration.placeholders }}
{{- if regexMatch "[\\s*/]" . }}
{{- fail (printf "configuration.placeholders: %q is no access key id. They are whole ids, without patterns." .) }}
{{- end }}
{{- end }}
{{- $most := int64 $values.maxBodyBytes -}}
{{- with get $values.configuration "max_held_bytes" }}
{{- if lt (int64 .) (mul 4 $most) }}
{{- fail (printf "configuration.max_held_bytes: %d is less than four times maxBodyBytes, which is %d: a connection may hold a quarter of it. Leave it out, or take at least %d." (int64 .) $most (mul 4 $most)) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Of a list, each once, in whatever form, and each a name that DNS can have. */ -}}
{{- define "sigv4-egress.checkNames" -}}
{{- $seen := dict -}}
{{- range .names }}
{{- $name := include "sigv4-egress.host" (dict "root" $.root "host" .) -}}
{{- if hasKey $seen $name }}
{{- fail (printf "%s: %s and %s are one host. Leave one of them out." $.place (get $seen $name) .) }}
{{- end }}
{{- if or (gt (len $name) 253) (regexMatch "[^.]{64}" $name) }}
{{- fail (printf "%s: %s is no host: DNS has at most 63 characters between dots, and 253 in all." $.place .) }}
{{- end }}
{{- $seen = set $seen $name . -}}
{{- end }}
{{- end }}

{{- define "sigv4-egress.checkModule" -}}
{{- $sources := list -}}
{{- range $source, $name := .Values.module }}{{ if $name }}{{ $sources = append $sources $source }}{{ end }}{{ end -}}
{{- if ne (len $sources) 1 }}
{{- fail (printf "module: name one source, ociImage, imageVolume or configMap; there are %d%s. A source that another file of values has is taken back by null." (len $sources) ($sources | join ", " | printf ": %s" | trimSuffix ": ")) }}
{{- end }}
{{- /* "Private registry authentication" in ECR's guide, and its dual-stack and FIPS endpoints. */ -}}
{{- if regexMatch "^[0-9]{12}\\.dkr[.-]ecr(-fips)?\\." (.Values.module.ociImage | default "") }}
{{- fail (printf "module.ociImage: %s is a private registry of ECR, which asks Istio's agent for credentials that it does not have. Use imageVolume, which the node pulls, configMap, or a registry that asks for none." (splitList "/" .Values.module.ociImage | first)) }}
{{- end }}
{{- end }}

{{- define "sigv4-egress.checkScope" -}}
{{- $values := .Values -}}
{{- $isRoot := eq .Release.Namespace "istio-system" -}}
{{- if eq $values.scope "namespace" }}
{{- if ne (len $values.shapes) 1 }}
{{- fail (printf "scope: with `namespace`, every pod of the namespace has one shape, and `shapes` has %d: %s. Name one, or use `scope: label`." (len $values.shapes) (join ", " $values.shapes)) }}
{{- end }}
{{- if $isRoot }}
{{- fail "scope: with `namespace` in istio-system, Istio's root namespace, an EnvoyFilter is for every sidecar of the mesh. Install the chart in the namespace of the pods, or use `scope: label`." }}
{{- end }}
{{- if not $values.injection.template }}
{{- fail "scope: with `namespace`, every pod of the namespace has the listener, also one whose sidecar lacks the volumes that it needs. Set injection.template, which gives them to all (module.ociImage spares the module's volume, not those of token and socket), or use `scope: label`." }}
{{- end }}
{{- end }}
{{- if $isRoot }}
{{- if $values.outboundTrafficPolicy }}
{{- fail "outboundTrafficPolicy has no effect in istio-system: a Sidecar with a selector is for pods of its own namespace. Install the chart in the namespace of the pods." }}
{{- end }}
{{- if $values.injection.fromServiceAccount }}
{{- fail "injection.fromServiceAccount has no effect in istio-system: the policy is for ServiceAccounts of its own namespace. Install the chart in the namespace of the pods, or take envoy/istio/inject.yaml, which is for the whole cluster." }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The domain of AWS's that a host or wildcard is in, of those that the routes have; nothing for others. */ -}}
{{- define "sigv4-egress.domainOf" -}}
{{- $dotted := printf ".%s" (trimPrefix "*." .) -}}
{{- range include "sigv4-egress.domains" . | fromYamlArray -}}
{{- if hasSuffix (trimPrefix "*" .) $dotted }}{{ trimPrefix "*." . }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "sigv4-egress.checkHosts" -}}
{{- $values := .Values -}}
{{- $names := $values.captured.serverNames | default list -}}
{{- if and $names (not (has "captured" $values.shapes)) }}
{{- fail "captured.serverNames has no effect: `shapes` has no `captured`." }}
{{- end }}
{{- if and (has "captured" $values.shapes) (not $names) }}
{{- fail "captured.serverNames is empty, so no TLS would end in the sidecar. List the hosts of `allow`: `sigv4-egress names --region <region> --config <file> --format server_names` writes them." }}
{{- end }}
{{- include "sigv4-egress.checkNames" (dict "root" . "place" "captured.serverNames" "names" $names) }}
{{- range $names }}
{{- $name := include "sigv4-egress.host" (dict "root" $ "host" .) -}}
{{- $domain := include "sigv4-egress.domainOf" $name -}}
{{- if not $domain }}
{{- fail (printf "captured.serverNames: %s is below none of AWS's domains with a route, and would be answered 404. Take it out: other names pass the sidecar as they are. The domains are %s." . (include "sigv4-egress.domainList" $)) }}
{{- end }}
{{- /* What stands below a region alone, or below these, are customers' clusters, instances, load balancers and endpoints. */ -}}
{{- $labels := $name | trimPrefix "*." | trimSuffix $domain | trimSuffix "." -}}
{{- if and (hasPrefix "*." $name) (regexMatch "^(([a-z]+-)+[0-9]+)?\\.?(eks|elb|compute|vpce)?$" $labels) }}
{{- fail (printf "captured.serverNames: %s has API servers of EKS and others' hosts below it, whose TLS must not end here. A wildcard stands below a service's name: *.s3.{region}.amazonaws.com. (`sigv4-egress names` writes such for a configuration that allows \"*\": list services there.)" .) }}
{{- end }}
{{- if not $labels }}
{{- fail (printf "captured.serverNames: %s is a domain, and no host." .) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "sigv4-egress.domainList" -}}
{{- include "sigv4-egress.domains" . | fromYamlArray | join ", " | replace "*." "" -}}
{{- end }}

{{- define "sigv4-egress.checkPorts" -}}
{{- $ports := .Values.loopback.ports | default dict -}}
{{- if and $ports (not (has "loopback" .Values.shapes)) }}
{{- fail "loopback.ports has no effect: `shapes` has no `loopback`." }}
{{- end }}
{{- range $number, $port := $ports }}
{{- $number = int $number -}}
{{- $taken := "" -}}
{{- if eq $number 9911 }}{{ $taken = "is the port of all hosts" }}{{ end -}}
{{- if eq $number 9915 }}{{ $taken = "is the port of probes (envoy/operate/listener-istio.yaml)" }}{{ end -}}
{{- if and (ge $number 15000) (le $number 15099) }}{{ $taken = "is one of Istio's, which are 15000 to 15099" }}{{ end -}}
{{- if lt $number 1024 }}{{ $taken = "is below 1024, and istio-proxy is not root" }}{{ end -}}
{{- if gt $number 65535 }}{{ $taken = "is no port" }}{{ end -}}
{{- if $taken }}
{{- fail (printf "loopback.ports: %d %s. Take another one of 1024 to 65535." $number $taken) }}
{{- end }}
{{- $host := include "sigv4-egress.host" (dict "root" $ "host" $port.host) -}}
{{- if not (regexMatch "^[A-Za-z0-9._-]+$" $host) }}
{{- fail (printf "loopback.ports.%d.host: %q is no host name. It has neither https:// nor a port, path or wildcard." $number $port.host) }}
{{- end }}
{{- if not (include "sigv4-egress.domainOf" $host) }}
{{- fail (printf "loopback.ports.%d.host: %s is no host of AWS's, and the listener leads nowhere else. AWS's domains are %s." $number $port.host (include "sigv4-egress.domainList" $)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "sigv4-egress.checkIdentity" -}}
{{- $values := .Values -}}
{{- if eq $values.identity "podIdentity" }}
{{- range $place, $value := dict "roleArn" $values.roleArn "injection.roleArn" $values.injection.roleArn }}
{{- if $value }}
{{- fail (printf "%s has no effect with `identity: podIdentity`: the association of the ServiceAccount has the role. Further roles are `configuration.roles`, with `chained`." $place) }}
{{- end }}
{{- end }}
{{- range $key := list "session_duration_seconds" "session_policy" }}
{{- if hasKey $values.configuration $key }}
{{- fail (printf "configuration.%s has no effect with `identity: podIdentity`: EKS has the session. It is for a chained role of `configuration.roles`." $key) }}
{{- end }}
{{- end }}
{{- if hasKey $values.configuration "token_audience" }}
{{- fail "configuration.token_audience has no effect with `identity: podIdentity`: the token is EKS's." }}
{{- end }}
{{- $roles := $values.configuration.roles | default dict -}}
{{- range $name, $role := $roles }}
{{- if not $role.chained }}
{{- fail (printf "configuration.roles.%s: with `identity: podIdentity`, a role is assumed with the credentials of the pod's own. Set `chained: true`." $name) }}
{{- end }}
{{- end }}
{{- if and $values.stsRegions (not $roles) }}
{{- fail "stsRegions has no effect with `identity: podIdentity`: credentials come from the agent of the node, and STS is called for chained roles of `configuration.roles` alone." }}
{{- end }}
{{- if and $values.stsHost (not $roles) }}
{{- fail "stsHost has no effect with `identity: podIdentity`: credentials come from the agent of the node, and STS is called for chained roles of `configuration.roles` alone." }}
{{- end }}
{{- end }}
{{- if and $values.injection.roleArn $values.roleArn }}
{{- fail "injection.roleArn has no effect beside roleArn, which is the role of all pods. Leave one of them out." }}
{{- end }}
{{- if not $values.injection.template }}
{{- range $key := list "roleArn" "fromServiceAccount" }}
{{- if get $values.injection $key }}
{{- fail (printf "injection.%s has no effect without `injection.template`, which gives the role to istio-proxy." $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $values.injection.fromServiceAccount (or $values.roleArn (eq $values.identity "podIdentity")) }}
{{- fail "injection.fromServiceAccount has no effect beside `roleArn` and with `identity: podIdentity`: the role does not come from annotations then." }}
{{- end }}
{{- end }}

{{- /* STS of a region knows the roles of its own partition. */ -}}
{{- define "sigv4-egress.checkRoles" -}}
{{- $partition := include "sigv4-egress.partition" . }}
{{- range $region := $.Values.stsRegions }}
{{- $other := include "sigv4-egress.partition" (dict "Values" (dict "region" $region)) }}
{{- if or (eq $region $.Values.region) (ne $other $partition) }}
{{- fail (printf "stsRegions: %s is the region itself, or of another partition. List other regions of %s." $region $partition) }}
{{- end }}
{{- end }}
{{- $roles := dict "roleArn" .Values.roleArn "injection.roleArn" .Values.injection.roleArn -}}
{{- range $name, $role := .Values.configuration.roles }}{{ $roles = set $roles (printf "configuration.roles.%s.role_arn" $name) $role.role_arn }}{{ end -}}
{{- $prefix := printf "arn:%s:" (include "sigv4-egress.partition" .) -}}
{{- range $place, $arn := $roles }}
{{- if and $arn (not (hasPrefix $prefix $arn)) }}
{{- fail (printf "%s: %s is of another partition than the region %s, whose roles begin with %s" $place $arn $.Values.region $prefix) }}
{{- end }}
{{- end }}
{{- end }}
