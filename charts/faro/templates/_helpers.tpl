{{/* Name of the chart's objects within a release. */}}
{{- define "faro.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of the objects; short enough for the suffixes of the stores. */}}
{{- define "faro.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "faro.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "faro.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "faro.releaseLabels" -}}
app.kubernetes.io/name: {{ include "faro.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "faro.selectorLabels" -}}
{{ include "faro.releaseLabels" . }}
app.kubernetes.io/component: service
{{- end -}}

{{/* What every object says about where it comes from. */}}
{{- define "faro.originLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "faro.labels" -}}
{{ include "faro.selectorLabels" . }}
{{ include "faro.originLabels" . }}
{{- end -}}

{{- define "faro.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "faro.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The image, from one string or from its parts; `tag` and `digest` replace what the string says. */}}
{{- define "faro.image" -}}
{{- $whole := .Values.image -}}
{{- with .Values.hub -}}
{{- $whole = printf "%s/%s" (trimSuffix "/" .) $whole -}}
{{- end -}}
{{- $digest := default (regexFind "@.+$" $whole | trimPrefix "@") .Values.digest -}}
{{- $named := regexReplaceAll "@.+$" $whole "" -}}
{{- $repository := regexReplaceAll ":[^:/]+$" $named "" -}}
{{- $tag := default (trimPrefix $repository $named | trimPrefix ":") (.Values.tag | toString) -}}
{{- if not (or $tag $digest) -}}
{{- $tag = .Chart.AppVersion -}}
{{- end -}}
{{- $repository -}}
{{- with $tag -}}:{{ . }}{{- end -}}
{{- with $digest -}}@{{ . }}{{- end -}}
{{- end -}}
