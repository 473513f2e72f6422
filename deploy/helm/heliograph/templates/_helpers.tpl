{{/* What runs: process name -> module and arguments, port, what it is given, and where it may go. The names are those of `helio up`. */}}
{{- define "heliograph.table" -}}
ingress-api: {args: [ingress, api], port: 8080, livez: true, front: true, keys: [HELIO_MESSAGES__FINGERPRINT_SECRETS, HELIO_SUBSCRIPTIONS__SECRETS]}
ingress-intake: {args: [ingress, intake], port: 8083, livez: true, keys: [HELIO_MESSAGES__FINGERPRINT_SECRETS], group: helio-intake, lag: intake, settings: {HELIO_INTAKE__PORT: "8083"}}
streams-route: {args: [streams, route], port: 8085, group: helio-route, lag: streams, settings: {HELIO_STREAMS__PORT: "8085"}}
streams-fold: {args: [streams, fold], port: 8085, group: helio-fold, lag: streams, together: true, settings: {HELIO_STREAMS__PORT: "8085"}}
streams-views: {args: [streams, views], port: 8085, group: helio-views, lag: streams, together: true, settings: {HELIO_STREAMS__PORT: "8085"}}
streams-waiting: {args: [streams, waiting], port: 8085, group: helio-waiting, settings: {HELIO_STREAMS__PORT: "8085"}}
{{- range $provider, $wanted := .Values.providers }}
{{- if $wanted }}
dispatchers-{{ $provider }}: {args: [dispatchers, --provider, {{ $provider }}], port: 8086, group: helio-dispatch-{{ $provider }}, lag: dispatchers, provider: {{ $provider }}, keys: [HELIO_CALLBACKS__SECRETS], accounts: true, internet: true, drain: HELIO_DISPATCH__DRAIN_SECONDS, settings: {HELIO_DISPATCH__PORT: "8086"}}
{{- end }}
{{- end }}
webhooks: {args: [webhooks], port: 8081, livez: true, front: true, keys: [HELIO_CALLBACKS__SECRETS], accounts: true}
notifiers: {args: [notifiers], port: 8084, livez: true, group: helio-notifiers, lag: notifiers, keys: [HELIO_SUBSCRIPTIONS__SECRETS], internet: true, drain: HELIO_NOTIFIERS__DRAIN_SECONDS, settings: {HELIO_NOTIFIERS__PORT: "8084"}}
{{- end }}

{{- define "heliograph.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* Takes a dict of `root` and `name`. */}}
{{- define "heliograph.name" -}}
{{ printf "%s-%s" .root.Release.Name .name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "heliograph.selector" -}}
app.kubernetes.io/name: heliograph
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "heliograph.labels" -}}
{{ include "heliograph.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* The variables of a process as YAML of a map: common settings, then its own. Takes `root`, `own` (its part of `services`) and `row`. */}}
{{- define "heliograph.settings" -}}
{{- $values := .root.Values }}
{{- $settings := dict
  "HELIO_KAFKA__BOOTSTRAP_SERVERS" (required "kafka.bootstrapServers is required" $values.kafka.bootstrapServers)
  "HELIO_KAFKA__SECURITY_PROTOCOL" $values.kafka.securityProtocol
  "HELIO_TOPICS__PARTITIONS" (toString $values.topics.partitions)
  "HELIO_TOPICS__REPLICATION_FACTOR" (toString $values.topics.replicationFactor)
  "HELIO_TOPICS__MIN_INSYNC_REPLICAS" (toString $values.topics.minInsyncReplicas)
  "HELIO_CALLBACKS__PUBLIC_URL" (required "publicUrl is required" $values.publicUrl)
  "HELIO_SECRETS" "/etc/heliograph/secrets" }}
{{- if hasPrefix "SASL_" $values.kafka.securityProtocol }}
{{- $_ := set $settings "HELIO_KAFKA__SASL_MECHANISM" $values.kafka.saslMechanism }}
{{- end }}
{{- range $given := list $values.settings (.row.settings | default dict) (.own.settings | default dict) }}
{{- range $name, $value := $given }}
{{- if or (regexMatch "(SECRET|PASSWORD)" $name) (eq $name "HELIO_REDIS__URL") }}
{{- fail (printf "%s is a secret: give it as the key of a Secret (see `secrets` in values.yaml)" $name) }}
{{- end }}
{{- $_ := set $settings $name (toString $value) }}
{{- end }}
{{- end }}
{{- toYaml $settings }}
{{- end }}

{{- define "heliograph.environment" -}}
{{- range $name, $value := . }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{/* The folder of secrets. Takes `root`, `keys` (of the platform's Secret, if any) and `names` (of Secrets that are mounted whole). */}}
{{- define "heliograph.volumes" -}}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
- name: secrets
  projected:
    defaultMode: 0440
    sources:{{ if not (or .keys .names) }} []{{ end }}
      {{- if .keys }}
      - secret:
          name: {{ required "secrets.platform is required" .root.Values.secrets.platform }}
          items:
            {{- range .keys }}
            - {key: {{ . }}, path: {{ . }}}
            {{- end }}
      {{- end }}
      {{- range .names }}
      - secret: {name: {{ . }}}
      {{- end }}
{{- end }}

{{- define "heliograph.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "heliograph.container" -}}
image: {{ include "heliograph.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  - {name: secrets, mountPath: /etc/heliograph/secrets, readOnly: true}
{{- end }}
