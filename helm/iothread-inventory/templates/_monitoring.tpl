{{/* What is scraped, by either kind of monitor. Takes a dict of monitor (its values), port and scheme (or none). */}}
{{- define "iothread-inventory.endpoint" -}}
{{- $endpoint := dict
  "port" .port
  "path" "/actuator/prometheus"
  "interval" .monitor.interval
  "scrapeTimeout" .monitor.scrapeTimeout
  "relabelings" (list
    (dict "sourceLabels" (list "__meta_kubernetes_pod_node_name") "targetLabel" "node")
    (dict "targetLabel" "job" "replacement" "iothread-inventory")) }}
{{- with .scheme }}
{{- $_ := set $endpoint "scheme" . }}
{{- end }}
{{- with .monitor.metricRelabelings }}
{{- $_ := set $endpoint "metricRelabelings" . }}
{{- end }}
{{- toYaml (list (mergeOverwrite $endpoint (deepCopy .monitor.endpoint))) }}
{{- end }}
