{{/*
The service as a native sidecar, for the initContainers of another chart's pod:

  initContainers:
    {{- include "iothread-inventory.sidecar" (dict "root" $ "volume" "qemu-sockets") | nindent 4 }}

It takes a dict of
  root       the including chart's own root context, $;
  volume     the name of the pod's volume with the sockets, usually an emptyDir;
  mountPath  where to mount it (/run/qemu unless given);
  values     values over those that the including chart has for iothread-inventory.

The pod needs the label that "iothread-inventory.sidecarLabels" gives, for the PodMonitor to find
it, and a user who may connect to QEMU's socket: QEMU's own.

It has a liveness probe and no other. A native sidecar's startup probe holds the machine's own
container back, and its readiness probe takes the machine's pod out of its Services: neither is the
inventory's business.
*/}}
{{- define "iothread-inventory.sidecar" -}}
{{- $root := .root }}
{{- $chart := $root.Chart }}
{{- $values := $root.Values }}
{{- if ne $root.Chart.Name "iothread-inventory" }}
{{- $subchart := index $root.Subcharts "iothread-inventory" | required "Make iothread-inventory a dependency of this chart, with 'mode: None' among its values" }}
{{- $chart = $subchart.Chart }}
{{- $values = $subchart.Values }}
{{- end }}
{{- $values = mergeOverwrite (deepCopy $values) (deepCopy (default dict .values)) }}
{{- $config := $values.config }}
{{- if or $config.machines $config.extra (not $config.discovery.enabled) }}
{{- fail "The sidecar has no application.yaml: config.machines, config.extra and config.discovery.enabled=false are not for it. Use env, such as IOTHREADS_SECURITY_ANONYMOUS" }}
{{- end }}
{{- if $values.tls.secretName }}
{{- fail "The sidecar mounts no Secret for tls.secretName: mount one by extraVolumeMounts and the pod's volumes, and name its files in env by SPRING_SSL_BUNDLE_PEM_WEB_KEYSTORE_CERTIFICATE and …_PRIVATEKEY, with SERVER_SSL_BUNDLE=web and SPRING_SSL_BUNDLE_PEM_WEB_RELOADONUPDATE=true" }}
{{- end }}
{{- if $values.users.secretName }}
{{- fail "The sidecar mounts no Secret for users.secretName: mount one by extraVolumeMounts and the pod's volumes, and name its file in env by IOTHREADS_SECURITY_USERSFILE" }}
{{- end }}
{{- $directory := default "/run/qemu" .mountPath -}}
- name: iothread-inventory
  image: {{ include "iothread-inventory.image" (dict "values" $values "chart" $chart) | quote }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  # Starts before QEMU does and ends after it.
  restartPolicy: Always
  env:
    {{- with $values.javaOptions }}
    - name: JAVA_TOOL_OPTIONS
      value: {{ . | quote }}
    {{- end }}
    - name: SERVER_ADDRESS
      value: 0.0.0.0
    - name: IOTHREADS_DISCOVERY_DIRECTORY
      value: {{ $directory | quote }}
    - name: IOTHREADS_DISCOVERY_PATTERN
      value: {{ $config.discovery.pattern | quote }}
    - name: IOTHREADS_DISCOVERY_INTERVAL
      value: {{ $config.discovery.interval | quote }}
    - name: IOTHREADS_REFRESHINTERVAL
      value: {{ $config.refreshInterval | quote }}
    - name: IOTHREADS_MAXAGE
      value: {{ $config.maxAge | quote }}
    {{- range $timeout, $value := $config.timeouts }}
    - name: IOTHREADS_TIMEOUTS_{{ upper $timeout }}
      value: {{ $value | quote }}
    {{- end }}
    {{- with $config.attach.drivers }}
    - name: IOTHREADS_ATTACH_DRIVERS
      value: {{ join "," . | quote }}
    {{- end }}
    {{- with $values.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - name: iothreads
      containerPort: 8080
      protocol: TCP
  livenessProbe:
    {{- $probe := mergeOverwrite (dict "initialDelaySeconds" 30) $values.livenessProbe }}
    {{- include "iothread-inventory.probe" (dict "values" $values "probe" $probe "path" "/actuator/health/liveness" "port" "iothreads") | nindent 4 }}
  {{- with $values.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- $securityContext := default dict $values.securityContext }}
  securityContext:
    {{- with $securityContext }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- if not (hasKey $securityContext "runAsNonRoot") }}
    runAsNonRoot: true
    {{- end }}
    {{- if not (hasKey $securityContext "seccompProfile") }}
    seccompProfile:
      type: RuntimeDefault
    {{- end }}
  volumeMounts:
    - name: {{ required "The sidecar needs the name of the volume with the sockets: (dict \"root\" $ \"volume\" \"qemu-sockets\")" .volume }}
      mountPath: {{ $directory }}
      readOnly: true
    {{- with $values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "iothread-inventory.sidecarLabels" -}}
iothreads.dev/sidecar: "true"
{{- end }}
