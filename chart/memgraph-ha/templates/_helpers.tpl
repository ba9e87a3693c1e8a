{{/* Every object is named after the release, so that two releases in one namespace do not meet. */}}
{{- define "memgraph-ha.name" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "memgraph-ha.controllerName" -}}
{{ include "memgraph-ha.name" . }}-controller
{{- end }}

{{- define "memgraph-ha.secretName" -}}
{{ default (printf "%s-auth" (include "memgraph-ha.name" .)) .Values.auth.existingSecret }}
{{- end }}

{{/* Labels of every object. */}}
{{- define "memgraph-ha.commonLabels" -}}
app.kubernetes.io/part-of: memgraph-ha
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels that select: they never change. */}}
{{- define "memgraph-ha.memgraphSelector" -}}
app.kubernetes.io/name: memgraph
app.kubernetes.io/instance: {{ include "memgraph-ha.name" . }}
{{- end }}

{{- define "memgraph-ha.controllerSelector" -}}
app.kubernetes.io/name: memgraph-controller
app.kubernetes.io/instance: {{ include "memgraph-ha.name" . }}
{{- end }}

{{- define "memgraph-ha.controllerImage" -}}
{{ .Values.controller.image.repository }}:{{ default .Chart.AppVersion .Values.controller.image.tag }}
{{- end }}

{{- define "memgraph-ha.memgraphImage" -}}
{{ .Values.memgraph.image.repository }}:{{ .Values.memgraph.image.tag }}
{{- end }}

{{/* With runAsNonRoot of the pods: what Pod Security calls restricted. */}}
{{- define "memgraph-ha.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* What a pod of Memgraph tells the controllers: who it is and where they are. The Service's
address comes first, so that it works without DNS, too. */}}
{{- define "memgraph-ha.podEnv" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_UID
  valueFrom: {fieldRef: {fieldPath: metadata.uid}}
- name: CONTROLLER_URL
  value: {{ printf "http://$(%s_SERVICE_HOST):8080,http://%s.%s.svc.%s:8080" (include "memgraph-ha.controllerName" . | upper | replace "-" "_") (include "memgraph-ha.controllerName" .) .Release.Namespace .Values.clusterDomain }}
{{- end }}

{{- define "memgraph-ha.userEnv" -}}
{{- if or .Values.auth.user .Values.auth.existingSecret }}
- name: MEMGRAPH_USER
  valueFrom: {secretKeyRef: {name: {{ include "memgraph-ha.secretName" . }}, key: user, optional: true}}
- name: MEMGRAPH_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "memgraph-ha.secretName" . }}, key: password, optional: true}}
{{- end }}
{{- end }}

{{/* A setting as text. Helm reads every number of a values file as a float, and a big one as 1e+06. */}}
{{- define "memgraph-ha.text" -}}
{{ if kindIs "float64" . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* A duration such as 1m30s in milliseconds. */}}
{{- define "memgraph-ha.milliseconds" -}}
{{- $sum := 0 }}
{{- range regexFindAll "[0-9]+(ms|s|m|h)" . -1 }}
{{- $unit := get (dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000) (regexFind "[a-z]+" .) }}
{{- $sum = add $sum (mul $unit (regexFind "[0-9]+" . | atoi)) }}
{{- end }}
{{- $sum }}
{{- end }}

{{/* Is there a Secret, ours or the user's? */}}
{{- define "memgraph-ha.hasSecret" -}}
{{- if or .Values.auth.existingSecret .Values.auth.user .Values.auth.users .Values.auth.adminToken }}yes{{ end }}
{{- end }}

{{- define "memgraph-ha.check" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" (include "memgraph-ha.name" .)) }}
{{- fail (printf "the name %q: Services want small letters, digits and '-', and a letter first; set fullnameOverride" (include "memgraph-ha.name" .)) }}
{{- end }}
{{- with .Values.auth }}
{{- if and .existingSecret (or .user .password .users .adminToken) }}
{{- fail "auth.existingSecret holds everything itself: leave auth.user, password, users and adminToken empty" }}
{{- end }}
{{- if and (not .existingSecret) (ne (empty .user) (empty .password)) }}
{{- fail "auth.user and auth.password: set both, or none" }}
{{- end }}
{{- if and .users (not .user) }}
{{- fail "auth.users needs auth.user: Memgraph's first user has all rights" }}
{{- end }}
{{- end }}
{{- if le (int .Values.memgraph.gracePeriodSeconds) (int .Values.memgraph.preStopTimeoutSeconds) }}
{{- fail "memgraph.gracePeriodSeconds must be more than memgraph.preStopTimeoutSeconds: the hook's time is a part of it" }}
{{- end }}
{{- $grace := "3s" }}
{{- if hasKey .Values.controller.settings "SHUTDOWN_GRACE" }}
{{- $grace = toString .Values.controller.settings.SHUTDOWN_GRACE }}
{{- end }}
{{- if le (mul 1000 .Values.controller.gracePeriodSeconds) (include "memgraph-ha.milliseconds" $grace | int64) }}
{{- fail (printf "controller.gracePeriodSeconds must be more than SHUTDOWN_GRACE (%s): sessions go on for so long after SIGTERM" $grace) }}
{{- end }}
{{- end }}
