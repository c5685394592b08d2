{{/* What is scraped, of whichever kind of monitor. Takes a dict of monitor (its values) and port. */}}
{{- define "iothread-inventory.endpoint" -}}
- port: {{ .port }}
  path: /actuator/prometheus
  interval: {{ .monitor.interval }}
  scrapeTimeout: {{ .monitor.scrapeTimeout }}
  relabelings:
    # The node's name joins what the services of all nodes see.
    - sourceLabels: [__meta_kubernetes_pod_node_name]
      targetLabel: node
  {{- with .monitor.metricRelabelings }}
  metricRelabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
