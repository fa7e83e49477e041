{{- define "rosetta.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* At most 50 characters: the longest suffix, and a pod's own, still fit into 63. */}}
{{- define "rosetta.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := include "rosetta.name" . }}
{{- if contains $name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}
{{- end }}

{{- define "rosetta.selector" -}}
app.kubernetes.io/name: {{ include "rosetta.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "rosetta.gatewaySelector" -}}
{{ include "rosetta.selector" . }}
app.kubernetes.io/component: gateway
{{- end }}

{{- define "rosetta.labels" -}}
{{ include "rosetta.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "rosetta.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "rosetta.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "rosetta.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "rosetta.keysSecret" -}}
{{- .Values.keys.existingSecret | default (printf "%s-keys" (include "rosetta.fullname" .)) }}
{{- end }}

{{/* How many pods there may be at most, and at least. */}}
{{- define "rosetta.maxReplicas" -}}
{{- ternary .Values.autoscaling.maxReplicas .Values.replicaCount .Values.autoscaling.enabled }}
{{- end }}
{{- define "rosetta.minReplicas" -}}
{{- ternary .Values.autoscaling.minReplicas .Values.replicaCount .Values.autoscaling.enabled }}
{{- end }}

{{/* The whole config: what the chart knows, and over it what the user says. */}}
{{- define "rosetta.config" -}}
{{- $config := dict "server" (dict "host" "0.0.0.0" "port" 8765 "metrics_port" 9090 "drain_timeout" 300) }}
{{- if .Values.keys.enabled }}{{ $_ := set $config "keys_file" "/etc/rosetta/keys" }}{{ end }}
{{- if .Values.ollama.url }}
{{- $_ := set $config "providers" (dict "ollama" (dict "vendor" "ollama" "base_url" (printf "%s/v1" (.Values.ollama.url | trimSuffix "/v1" | trimSuffix "/")))) }}
{{- $_ := set $config "models" (dict "*" "ollama") }}
{{- end }}
{{- $limits := dict "replicas" (include "rosetta.maxReplicas" . | int) }}
{{- if .Values.valkey.enabled }}{{ $_ := set $limits "store" (printf "valkey://%s-valkey:6379" (include "rosetta.fullname" .)) }}{{ end }}
{{- $_ := set $config "limits" $limits }}
{{- mergeOverwrite $config (deepCopy .Values.config) | toYaml }}
{{- end }}

{{/* What belongs into a Secret must not stand in a ConfigMap. */}}
{{- define "rosetta.refuseSecrets" -}}
{{- range $name, $provider := (.Values.config.providers | default dict) }}
{{- range $key := prepend ($provider.api_keys | default list) ($provider.api_key | default "") }}
{{- if and $key (not (contains "${" $key)) (not (has $key (list "ollama" "none" "EMPTY"))) }}
{{- fail (printf "config.providers.%s: its key would be readable in a ConfigMap; write \"${NAME}\" and put the key into secrets.values.NAME or a Secret of yours" $name) }}
{{- end }}
{{- end }}
{{- range $header, $value := ($provider.headers | default dict) }}
{{- if and (regexMatch "(?i)auth|key|token|secret|cookie" $header) (not (contains "${" $value)) }}
{{- fail (printf "config.providers.%s.headers.%s would be readable in a ConfigMap; write \"${NAME}\" and put the value into secrets.values.NAME or a Secret of yours" $name $header) }}
{{- end }}
{{- end }}
{{- if and (contains "@" ($provider.proxy | default "")) (not (contains "${" $provider.proxy)) }}
{{- fail (printf "config.providers.%s.proxy: its password would be readable in a ConfigMap; write \"${NAME}\" and put the address into secrets.values.NAME or a Secret of yours" $name) }}
{{- end }}
{{- end }}
{{- range $index, $key := (.Values.config.keys | default list) }}
{{- if and $key.key (not (contains "${" $key.key)) (not (hasPrefix "sha256:" $key.key)) }}
{{- fail (printf "config.keys.%d.key would be readable in a ConfigMap; leave it out and put the key into keys.values.%s or the Secret keys.existingSecret" $index ($key.name | default "NAME")) }}
{{- end }}
{{- end }}
{{- $store := dig "limits" "store" "" .Values.config }}
{{- if and (contains "@" $store) (not (contains "${" $store)) }}
{{- fail "config.limits.store: its password would be readable in a ConfigMap; write \"${REDIS_URL}\" and put the address into secrets.values.REDIS_URL or a Secret of yours" }}
{{- end }}
{{- if and (not .Values.keys.enabled) (not .Values.config.keys) (not (dig "server" "open" false .Values.config)) }}
{{- fail "keys.enabled is false and there is no other key: the gateway would refuse to start. Set config.server.open: true if everybody who reaches the Service may use it" }}
{{- end }}
{{- end }}
