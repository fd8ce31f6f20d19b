{{/* What the schema cannot say: values that contradict each other. */}}
{{- define "faro.checks" -}}
{{- with .Values.autoscaling }}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}
{{- fail (printf "autoscaling.minReplicas (%v) is more than autoscaling.maxReplicas (%v)" .minReplicas .maxReplicas) }}
{{- end }}
{{- if and .enabled (not (or .targetCPUUtilizationPercentage .targetMemoryUtilizationPercentage)) }}
{{- fail "autoscaling has nothing to aim at: give a target of CPU or of memory" }}
{{- end }}
{{- end }}
{{- with .Values.service }}
{{- if and .nodePort (eq .type "ClusterIP") }}
{{- fail "service.nodePort needs service.type NodePort or LoadBalancer" }}
{{- end }}
{{- end }}
{{- with .Values.redis }}
{{- if lt 1 (len (without (list (ternary "enabled" "" .enabled) .url .existingSecret.name .service) "")) }}
{{- fail "redis: only one of enabled, url, existingSecret and service can say where visits are counted" }}
{{- end }}
{{- end }}
{{- with .Values.postgresql }}
{{- if lt 1 (len (without (list (ternary "enabled" "" .enabled) .url .existingSecret.name) "")) }}
{{- fail "postgresql: only one of enabled, url and existingSecret can say where users are kept" }}
{{- end }}
{{- if and .enabled (not .password) }}
{{- fail "postgresql.enabled needs postgresql.password" }}
{{- end }}
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
{{- fail "httpRoute.enabled needs httpRoute.parentRefs: which gateway?" }}
{{- end }}
{{- $grace := int .Values.terminationGracePeriodSeconds }}
{{- $config := .Values.config }}
{{- $ending := add (int .Values.preStopSeconds) (ceil (float64 (default 2 $config.shutdown_delay))) (ceil (float64 (default 15 $config.drain_timeout))) }}
{{- if le $grace (int $ending) }}
{{- fail (printf "terminationGracePeriodSeconds (%d) must be more than preStopSeconds, config.shutdown_delay and config.drain_timeout together (%d)" $grace (int $ending)) }}
{{- end }}
{{- end -}}
