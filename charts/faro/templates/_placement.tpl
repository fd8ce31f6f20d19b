{{/* Where pods go: together when they share a volume, apart otherwise. */}}
{{- define "faro.affinity" -}}
{{- if .Values.affinity }}
{{- toYaml .Values.affinity }}
{{- else if include "faro.isTogether" . }}
podAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    - {{ include "faro.nearOnNode" . | nindent 6 | trim }}
{{- else if eq .Values.antiAffinity "required" }}
podAntiAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    - {{ include "faro.nearOnNode" . | nindent 6 | trim }}
      {{- /* Pods of the next revision may stand beside those they replace; else an update could not begin. */}}
      matchLabelKeys: [pod-template-hash]
{{- else if eq .Values.antiAffinity "preferred" }}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        {{- include "faro.nearOnNode" . | nindent 8 }}
{{- end }}
{{- end -}}

{{- define "faro.nearOnNode" -}}
topologyKey: kubernetes.io/hostname
labelSelector:
  matchLabels:
    {{- include "faro.selectorLabels" . | nindent 4 }}
{{- end -}}

{{- define "faro.topologySpread" -}}
{{- if not (include "faro.isTogether" .) }}
{{- range .Values.topologySpread }}
- {{ toYaml . | nindent 2 | trim }}
  labelSelector:
    matchLabels:
      {{- include "faro.selectorLabels" $ | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end -}}
