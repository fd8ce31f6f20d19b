{{/* Which stores are in use. Each answers with a text when it holds, and with nothing otherwise. */}}
{{- define "faro.hasRedisOutside" -}}
{{- with .Values.redis }}{{ if or .url .existingSecret.name .service }}yes{{ end }}{{ end -}}
{{- end -}}

{{- define "faro.hasRedis" -}}
{{- if or .Values.redis.enabled (include "faro.hasRedisOutside" .) }}yes{{ end -}}
{{- end -}}

{{- define "faro.hasPostgresqlOutside" -}}
{{- with .Values.postgresql }}{{ if or .url .existingSecret.name }}yes{{ end }}{{ end -}}
{{- end -}}

{{- define "faro.hasPostgresql" -}}
{{- if or .Values.postgresql.enabled (include "faro.hasPostgresqlOutside" .) }}yes{{ end -}}
{{- end -}}

{{/* Whether visits or users are in SQLite. */}}
{{- define "faro.hasSqlite" -}}
{{- if not (and (include "faro.hasRedis" .) (include "faro.hasPostgresql" .)) }}yes{{ end -}}
{{- end -}}

{{/* Whether the replicas share a volume, and therefore a node. */}}
{{- define "faro.isTogether" -}}
{{- if and .Values.persistence.enabled (include "faro.hasSqlite" .) }}yes{{ end -}}
{{- end -}}

{{/* Whether the release keeps a Secret for the service. */}}
{{- define "faro.hasSecret" -}}
{{- if or .Values.secretConfig .Values.redis.url .Values.postgresql.url }}yes{{ end -}}
{{- end -}}

{{- define "faro.redis.selectorLabels" -}}
{{ include "faro.releaseLabels" . }}
app.kubernetes.io/component: redis
{{- end -}}

{{- define "faro.postgresql.selectorLabels" -}}
{{ include "faro.releaseLabels" . }}
app.kubernetes.io/component: postgresql
{{- end -}}

{{/* Security context of a store's pod, for its user. */}}
{{- define "faro.store.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "faro.store.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The addresses of the stores, as environment variables. */}}
{{- define "faro.storesEnv" -}}
{{- $name := include "faro.fullname" . -}}
{{- with .Values.redis }}
{{- if .enabled }}
{{- if .password }}
- name: REDIS_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ $name }}-redis
      key: password
{{- end }}
- name: FARO_REDIS_URL
  value: "redis://{{ if .password }}:$(REDIS_PASSWORD)@{{ end }}{{ $name }}-redis:6379"
{{- else if .existingSecret.name }}
- name: FARO_REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret.name }}
      key: {{ .existingSecret.key }}
{{- else if .service }}
- name: FARO_REDIS_SERVICE
  value: {{ .service | quote }}
{{- end }}
{{- end }}
{{- with .Values.postgresql }}
{{- if .enabled }}
- name: POSTGRES_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ $name }}-postgresql
      key: password
- name: FARO_DATABASE_URL
  value: "postgres://{{ .database }}:$(POSTGRES_PASSWORD)@{{ $name }}-postgresql:5432/{{ .database }}"
{{- else if .existingSecret.name }}
- name: FARO_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret.name }}
      key: {{ .existingSecret.key }}
{{- end }}
{{- end }}
{{- end -}}
