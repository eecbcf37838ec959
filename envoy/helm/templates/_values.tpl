{{- /* A name with the region in the place of {region}. */ -}}
{{- define "sigv4-egress.host" -}}
{{- .host | replace "{region}" .root.Values.region -}}
{{- end }}

{{- /* What ARNs of the region have behind `arn:`. */ -}}
{{- define "sigv4-egress.partition" -}}
{{- $partition := "aws" -}}
{{- range $prefix, $name := dict "cn-" "aws-cn" "us-gov-" "aws-us-gov" "eusc-" "aws-eusc" -}}
{{- if hasPrefix $prefix $.Values.region }}{{ $partition = $name }}{{ end -}}
{{- end -}}
{{- $partition -}}
{{- end }}

{{- /* STS of a region. */ -}}
{{- define "sigv4-egress.stsOf" -}}
{{- $suffix := "amazonaws.com" -}}
{{- if hasPrefix "cn-" . }}{{ $suffix = "amazonaws.com.cn" }}{{ end -}}
{{- if hasPrefix "eusc-" . }}{{ $suffix = "amazonaws.eu" }}{{ end -}}
{{- printf "sts.%s.%s" . $suffix -}}
{{- end }}

{{- /* Whom to ask of STS, in this order: JSON. */ -}}
{{- define "sigv4-egress.stsHosts" -}}
{{- $first := include "sigv4-egress.host" (dict "root" . "host" (.Values.stsHost | default "")) | default (include "sigv4-egress.stsOf" .Values.region) -}}
{{- $hosts := list $first -}}
{{- range .Values.stsRegions }}{{ $hosts = append $hosts (include "sigv4-egress.stsOf" .) }}{{ end -}}
{{- toJson $hosts -}}
{{- end }}

{{- /* The configuration of the filter, as one line of JSON. */ -}}
{{- define "sigv4-egress.configuration" -}}
{{- $values := .root.Values -}}
{{- $allow := toJson $values.allow -}}
{{- if kindIs "slice" $values.allow -}}
{{- $entries := list -}}
{{- range $values.allow }}{{ $entries = append $entries (toJson .) }}{{ end -}}
{{- $allow = printf "[%s]" (join ", " $entries) -}}
{{- end -}}
{{- $keys := list (printf "\"allow\": %s" (include "sigv4-egress.host" (dict "root" .root "host" $allow))) (printf "\"region\": %s" (toJson $values.region)) -}}
{{- if ne $values.mode "enforce" }}{{ $keys = append $keys (printf "\"mode\": %s" (toJson $values.mode)) }}{{ end -}}
{{- with $values.roleArn }}{{ $keys = append $keys (printf "\"role_arn\": %s" (toJson .)) }}{{ end -}}
{{- if or $values.stsHost $values.stsRegions }}{{ $keys = append $keys (printf "\"sts_hosts\": %s" (include "sigv4-egress.stsHosts" .root | replace "," ", ")) }}{{ end -}}
{{- if and (ne .shape "captured") (not (hasKey $values.configuration "unmarked")) -}}
{{- $keys = append $keys "\"unmarked\": \"refuse\"" -}}
{{- end -}}
{{- if eq .shape "transparent" -}}
{{- /* The second is for what the filter has not seen yet: see the routes. The guard lets nothing leave by it. */ -}}
{{- $keys = append $keys "\"clusters\": [\"sigv4-egress-aws\", \"sigv4-egress-unsigned\"]" -}}
{{- end -}}
{{- if ne (int64 $values.maxBodyBytes) 8388608 }}{{ $keys = append $keys (printf "\"max_body_bytes\": %d" (int64 $values.maxBodyBytes)) }}{{ end -}}
{{- if and (eq .shape "loopback") $values.loopback.ports -}}
{{- $ports := dict -}}
{{- range $number, $port := $values.loopback.ports -}}
{{- $ports = set $ports $number (merge (dict "host" (include "sigv4-egress.host" (dict "root" $.root "host" $port.host))) $port) -}}
{{- end -}}
{{- $keys = append $keys (printf "\"ports\": %s" (toJson $ports)) -}}
{{- end -}}
{{- range $key, $value := $values.configuration }}{{ $keys = append $keys (printf "%s: %s" (toJson $key) (toJson $value)) }}{{ end -}}
{ {{ join ", " $keys }} }
{{- end }}

{{- /* The access key ids that ask for a signature, as a part of a regular expression that stands between single quotes. */ -}}
{{- define "sigv4-egress.placeholders" -}}
{{- $ids := list -}}
{{- $known := get .Values.configuration "placeholders" | default (list "placeholder") -}}
{{- range .Values.configuration.rules }}{{ $known = concat $known (.placeholders | default list) }}{{ end -}}
{{- range uniq $known }}{{ $ids = append $ids (regexQuoteMeta . | replace "'" "''") }}{{ end -}}
{{- join "|" $ids -}}
{{- end }}

{{- /* What Envoy must hold: a MiB more than the filter, whose 413 has a reason. */ -}}
{{- define "sigv4-egress.held" -}}
{{- add (int64 .root.Values.maxBodyBytes) 1048576 -}}
{{- end }}

{{- define "sigv4-egress.tokenPath" -}}
{{- eq .Values.identity "podIdentity" | ternary "/container-token" "/token" -}}
{{- end }}
{{- define "sigv4-egress.tokenDirectory" -}}
{{- eq .Values.identity "podIdentity" | ternary "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount" "/var/run/secrets/sigv4-egress" -}}
{{- end }}
{{- define "sigv4-egress.tokenFile" -}}
{{- eq .Values.identity "podIdentity" | ternary "eks-pod-identity-token" "token" -}}
{{- end }}

{{- /* For whom a shape is. */ -}}
{{- define "sigv4-egress.selector" -}}
{{- if eq .root.Values.scope "label" }}
# Without a selector it would reach every pod of the namespace, also those without the volumes of
# pod.yaml, and their sidecars would refuse it.
workloadSelector:
  labels:
    sigv4-egress: {{ .shape }}
{{- end }}
# After every EnvoyFilter that has none: what another one puts before the router comes before this filter, and changes nothing that is
# signed.
priority: 1000
{{- end }}

{{- /* The volumes of istio-proxy, by name, and where they are mounted: JSON. */ -}}
{{- define "sigv4-egress.volumes" -}}
{{- $volumes := dict "sigv4-egress-socket" (dict "emptyDir" (dict "medium" "Memory" "sizeLimit" "1Mi")) -}}
{{- if eq .root.Values.identity "webIdentity" -}}
{{- $token := dict "audience" (get .root.Values.configuration "token_audience" | default "sts.amazonaws.com") "expirationSeconds" 3600 "path" "token" -}}
{{- $volumes = set $volumes "sigv4-egress-token" (dict "projected" (dict "sources" (list (dict "serviceAccountToken" $token)))) -}}
{{- end -}}
{{- with .root.Values.module.configMap }}{{ $volumes = set $volumes "sigv4-egress-module" (dict "configMap" (dict "name" .)) }}{{ end -}}
{{- with .root.Values.module.imageVolume }}{{ $volumes = set $volumes "sigv4-egress-module" (dict "image" (dict "reference" .)) }}{{ end -}}
{{- if has "captured" .shapes -}}
{{- $items := list (dict "key" "tls.crt" "path" "tls.crt") (dict "key" "tls.key" "path" "tls.key") -}}
{{- $volumes = set $volumes "sigv4-egress-tls" (dict "secret" (dict "secretName" "sigv4-egress-tls" "items" $items)) -}}
{{- $volumes = set $volumes "sigv4-egress-sds" (dict "configMap" (dict "name" "sigv4-egress-sds")) -}}
{{- end -}}
{{- toJson $volumes -}}
{{- end }}

{{- define "sigv4-egress.mountPath" -}}
{{- $paths := dict
  "sigv4-egress-token" "/var/run/secrets/sigv4-egress"
  "sigv4-egress-module" "/etc/sigv4-egress/module"
  "sigv4-egress-tls" "/etc/sigv4-egress/tls"
  "sigv4-egress-sds" "/etc/sigv4-egress/sds"
  "sigv4-egress-socket" "/var/run/sigv4-egress" -}}
{{- get $paths . -}}
{{- end }}

{{- define "sigv4-egress.mounts" -}}
{{- $mounts := dict -}}
{{- range $name, $volume := fromJson (include "sigv4-egress.volumes" .) -}}
{{- $mount := dict "mountPath" (include "sigv4-egress.mountPath" $name) -}}
{{- if ne $name "sigv4-egress-socket" }}{{ $mount = set $mount "readOnly" true }}{{ end -}}
{{- $mounts = set $mounts $name $mount -}}
{{- end -}}
{{- toJson $mounts -}}
{{- end }}

{{- /* A JSON object with an entry in each line. */ -}}
{{- define "sigv4-egress.lines" -}}
{{- $lines := list -}}
{{- range $key, $value := fromJson . }}{{ $lines = append $lines (printf "  %s: %s" (toJson $key) (toJson $value)) }}{{ end -}}
{
{{ join ",\n" $lines }}
}
{{- end }}

{{- define "sigv4-egress.quoted" -}}
{{- range $index, $word := . }}{{ if $index }} {{ end }}`{{ $word }}`{{ end -}}
{{- end }}

{{- /* The role of a pod by its namespace and ServiceAccount, in the words of istiod's templates. */ -}}
{{- define "sigv4-egress.roleOf" -}}
{{- if contains "{" . -}}
(replace `{namespace}` .ObjectMeta.Namespace (replace `{serviceAccount}` .Spec.ServiceAccountName `{{ . }}`))
{{- else -}}
`{{ . }}`
{{- end -}}
{{- end }}

{{- /* A line for pods of captured alone, where there are others. */ -}}
{{- define "sigv4-egress.ofCaptured" -}}
{{- if eq (len .root.Values.shapes) 1 -}}
{{ .text }}
{{- else -}}
{{ "{{- if eq $shape `captured` }}" }}
{{ .text }}
{{ "{{- end }}" }}
{{- end -}}
{{- end }}

{{- /* The name of the injector's template. istiod has one list of them for all namespaces. */ -}}
{{- define "sigv4-egress.templateName" -}}
sigv4-egress{{ if eq .Values.scope "namespace" }}-{{ .Release.Namespace }}{{ end }}
{{- end }}
