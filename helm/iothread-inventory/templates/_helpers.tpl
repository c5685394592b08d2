{{- define "iothread-inventory.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* A Service's name has no dots, while a release's may. */}}

{{- define "iothread-inventory.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | replace "." "-" | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | replace "." "-" | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | replace "." "-" | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/*
A headless Service has a name of its own: whether a Service has an address cannot be changed, so that an
upgrade must replace it.
*/}}
{{- define "iothread-inventory.serviceName" -}}
{{- if .Values.service.headless }}
{{- printf "%s-headless" (include "iothread-inventory.fullname" . | trunc 54 | trimSuffix "-") }}
{{- else }}
{{- include "iothread-inventory.fullname" . }}
{{- end }}
{{- end }}

{{- define "iothread-inventory.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "iothread-inventory.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "iothread-inventory.selectorLabels" -}}
app.kubernetes.io/name: {{ include "iothread-inventory.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* part-of is on whatever belongs to the service, in every release: one query finds it all. */}}
{{- define "iothread-inventory.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "iothread-inventory.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: iothread-inventory
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Takes a dict of values and chart. */}}
{{- define "iothread-inventory.image" -}}
{{- if .values.image.digest -}}
{{ .values.image.repository }}@{{ .values.image.digest }}
{{- else -}}
{{ .values.image.repository }}:{{ default .chart.AppVersion .values.image.tag }}
{{- end -}}
{{- end }}

{{/* Takes a dict of values, probe (its numbers), path and port. */}}
{{- define "iothread-inventory.probe" -}}
httpGet:
  path: {{ .path }}
  port: {{ .port }}
  {{- if .values.tls.secretName }}
  scheme: HTTPS
  {{- end }}
{{- with .probe }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "iothread-inventory.probes" -}}
startupProbe:
  {{- include "iothread-inventory.probe" (dict "values" .Values "probe" .Values.startupProbe "path" "/actuator/health/liveness" "port" "http") | nindent 2 }}
livenessProbe:
  {{- include "iothread-inventory.probe" (dict "values" .Values "probe" .Values.livenessProbe "path" "/actuator/health/liveness" "port" "http") | nindent 2 }}
readinessProbe:
  {{- include "iothread-inventory.probe" (dict "values" .Values "probe" .Values.readinessProbe "path" "/actuator/health/readiness" "port" "http") | nindent 2 }}
{{- end }}

{{/* Whether the pod has the directory of the sockets: for discovery, and for machines that are named by a socket. */}}
{{- define "iothread-inventory.mountsSockets" -}}
{{- $mounts := .Values.config.discovery.enabled }}
{{- range .Values.config.machines }}
{{- if hasPrefix "unix:" .monitor }}
{{- $mounts = true }}
{{- end }}
{{- end }}
{{- if $mounts }}true{{ end }}
{{- end }}

{{/* Whether the pods can be on one node only, which the user has chosen. */}}
{{- define "iothread-inventory.staysOnItsNode" -}}
{{- if or (hasKey .Values.nodeSelector "kubernetes.io/hostname") .Values.affinity }}true{{ end }}
{{- end }}

{{/* What Kubernetes would take, and what would not work. */}}
{{- define "iothread-inventory.check" -}}
{{- $values := .Values }}
{{- $extra := $values.config.extra }}
{{- range $setting, $instead := dict
  "server.port" "the chart's probes, Service and policies are for port 8080: use service.port"
  "server.address" "in a pod the service is reached on all addresses"
  "server.servlet.context-path" "the chart's probes ask at the root"
  "management.server.port" "the chart's probes and monitors ask port 8080"
  "management.endpoints.web.base-path" "the chart's probes and monitors ask beneath /actuator" }}
{{- $found := hasKey $extra $setting }}
{{- $value := $extra }}
{{- range splitList "." $setting }}
{{- if kindIs "map" $value }}
{{- $value = get $value . }}
{{- else }}
{{- $value = "" }}
{{- end }}
{{- end }}
{{- if or $found $value }}
{{- fail (printf "config.extra must not set %s: %s" $setting $instead) }}
{{- end }}
{{- end }}
{{- if and (eq $values.mode "Deployment") (include "iothread-inventory.mountsSockets" .) (not $values.sockets.volume) (not (include "iothread-inventory.staysOnItsNode" .)) }}
{{- fail "mode=Deployment would look into sockets.hostPath of the node on which it is started: set config.discovery.enabled=false and name machines by 'tcp:' monitors, or set sockets.volume, or choose a node by nodeSelector 'kubernetes.io/hostname' or affinity" }}
{{- end }}
{{- if and (eq $values.mode "Deployment") $values.updateStrategy }}
{{- fail "updateStrategy is for mode=DaemonSet: an update of mode=Deployment ends the pod before it starts the next one, since a monitor serves one client at a time" }}
{{- end }}
{{- if and $values.service.enabled $values.service.headless (ne $values.service.type "ClusterIP") }}
{{- fail (printf "service.headless has no address of its own to reach by service.type=%s: use service.type=ClusterIP, or service.headless=false" $values.service.type) }}
{{- end }}
{{- if and $values.libvirt.enabled (eq $values.mode "Deployment") (not (include "iothread-inventory.staysOnItsNode" .)) }}
{{- fail "libvirt.enabled is for mode=DaemonSet, which asks the libvirt of each node, or for a node that is chosen by nodeSelector 'kubernetes.io/hostname' or affinity" }}
{{- end }}
{{- if and $values.libvirt.enabled (eq (toString $values.podSecurityContext.runAsUser) "10001") }}
{{- fail "libvirt refuses a user that the node does not know, such as 10001: set podSecurityContext.runAsUser to a user of the node that may use libvirt, or to 0 with podSecurityContext.runAsNonRoot=false" }}
{{- end }}
{{- range $name, $machine := $values.config.machines }}
{{- if and (eq $values.mode "DaemonSet") (hasPrefix "tcp:" $machine.monitor) (not (include "iothread-inventory.staysOnItsNode" $)) }}
{{- fail (printf "mode=DaemonSet would connect to the monitor of %s from each node, and a monitor serves one client at a time: use mode=Deployment for machines by 'tcp:'" $name) }}
{{- end }}
{{- if and (hasPrefix "unix:" $machine.monitor) (not (hasPrefix (printf "unix:%s/" (trimSuffix "/" $values.sockets.mountPath)) $machine.monitor)) (not $values.extraVolumeMounts) }}
{{- fail (printf "the socket of %s is not in sockets.mountPath, %s: name it as it is there, or mount its directory by extraVolumes and extraVolumeMounts" $name $values.sockets.mountPath) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "iothread-inventory.application" -}}
{{- $config := .Values.config }}
{{- $machines := dict }}
{{- range $name, $machine := $config.machines }}
{{- $_ := set $machines (printf "[%s]" $name) (dict "monitor" $machine.monitor "read-only" (default false $machine.readOnly)) }}
{{- end }}
{{- $iothreads := dict
  "refresh-interval" $config.refreshInterval
  "max-age" $config.maxAge
  "timeouts" $config.timeouts }}
{{- if $machines }}
{{- $_ := set $iothreads "machines" $machines }}
{{- end }}
{{- if $config.discovery.enabled }}
{{- $_ := set $iothreads "discovery" (dict "directory" .Values.sockets.mountPath "pattern" $config.discovery.pattern "interval" $config.discovery.interval) }}
{{- end }}
{{- with .Values.libvirt }}
{{- if .enabled }}
{{- $_ := set $iothreads "libvirt" (dict "uri" "qemu:///system" "domains" .domains "reading" .reading "read-only" .readOnly) }}
{{- end }}
{{- end }}
{{- if $config.attach.drivers }}
{{- $_ := set $iothreads "attach" (dict "drivers" $config.attach.drivers) }}
{{- end }}
{{- $application := dict
  "server" (dict "address" "0.0.0.0" "port" 8080)
  "iothreads" $iothreads }}
{{- if .Values.tls.secretName }}
{{- $directory := include "iothread-inventory.tlsDirectory" . }}
{{- $_ := set $application.server "ssl" (dict "bundle" "web") }}
{{- $_ := set $application "spring" (dict "ssl" (dict "bundle" (dict "pem" (dict "web" (dict
  "reload-on-update" true
  "keystore" (dict "verify-keys" true "certificate" (printf "%s/tls.crt" $directory) "private-key" (printf "%s/tls.key" $directory))))))) }}
{{- end }}
{{- if .Values.users.secretName }}
{{- $_ := set $iothreads "security" (dict "users-file" (printf "%s/users" (include "iothread-inventory.usersDirectory" .))) }}
{{- end }}
{{- toYaml (mergeOverwrite $application (deepCopy $config.extra)) }}
{{- end }}

{{- define "iothread-inventory.usersDirectory" -}}
/etc/iothread-inventory-users
{{- end }}

{{- define "iothread-inventory.tlsDirectory" -}}
/etc/iothread-inventory-tls
{{- end }}

{{- define "iothread-inventory.pod" -}}
{{- include "iothread-inventory.check" . -}}
metadata:
  annotations:
    # The configuration is part of the pod's template: kubectl rollout undo brings it back with its image.
    iothreads.dev/application: |
      {{- include "iothread-inventory.application" . | nindent 6 }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "iothread-inventory.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "iothread-inventory.serviceAccountName" . }}
  automountServiceAccountToken: false
  # Variables named after services could be taken for settings.
  enableServiceLinks: false
  {{- if .Values.hostPID }}
  hostPID: true
  {{- end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: iothread-inventory
      image: {{ include "iothread-inventory.image" (dict "values" .Values "chart" .Chart) | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      env:
        {{- with .Values.javaOptions }}
        - name: JAVA_TOOL_OPTIONS
          value: {{ . | quote }}
        {{- end }}
        - name: SERVER_ADDRESS
          value: 0.0.0.0
        - name: SPRING_CONFIG_ADDITIONAL_LOCATION
          value: file:/etc/iothread-inventory/
        {{- with .Values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: http
          containerPort: 8080
          protocol: TCP
      {{- include "iothread-inventory.probes" . | nindent 6 }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: config
          mountPath: /etc/iothread-inventory
          readOnly: true
        {{- if .Values.tls.secretName }}
        - name: tls
          mountPath: {{ include "iothread-inventory.tlsDirectory" . }}
          readOnly: true
        {{- end }}
        {{- if .Values.users.secretName }}
        - name: users
          mountPath: {{ include "iothread-inventory.usersDirectory" . }}
          readOnly: true
        {{- end }}
        {{- if include "iothread-inventory.mountsSockets" . }}
        - name: sockets
          mountPath: {{ .Values.sockets.mountPath }}
          # Connecting to a socket needs no more.
          readOnly: true
        {{- end }}
        {{- if .Values.libvirt.enabled }}
        - name: libvirt
          mountPath: /run/libvirt
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      downwardAPI:
        items:
          - path: application.yaml
            fieldRef:
              fieldPath: metadata.annotations['iothreads.dev/application']
    {{- with .Values.tls.secretName }}
    - name: tls
      secret:
        secretName: {{ . }}
    {{- end }}
    {{- with .Values.users.secretName }}
    - name: users
      secret:
        secretName: {{ . }}
    {{- end }}
    {{- if include "iothread-inventory.mountsSockets" . }}
    - name: sockets
      {{- if .Values.sockets.volume }}
      {{- toYaml .Values.sockets.volume | nindent 6 }}
      {{- else }}
      hostPath:
        path: {{ .Values.sockets.hostPath }}
        type: {{ .Values.sockets.hostPathType | quote }}
      {{- end }}
    {{- end }}
    {{- if .Values.libvirt.enabled }}
    - name: libvirt
      hostPath:
        path: {{ .Values.libvirt.hostPath }}
        type: Directory
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
