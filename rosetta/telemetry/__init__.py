"""Every hop is seen, from outside: converters know nothing of it.

names       every span, attribute, event, metric and label, once; dashboards, alerts and docs are held to it
observer    what the engine tells, and to whom: the classes here listen to nothing
classify    a failure -> the closed words of metrics and spans
guard       label values from closed sets, the rest folded into ``_other`` and counted
metrics     the Prometheus families
routes      a request's path as a template
tracing     where spans go, and which requests have any
spans       the spans of one recorded request
transport   OpenTelemetry's own httpx instrumentation beneath an attempt
content     what was asked and said, as attributes; the latter only where the operator wants it
logs        one line per request, as JSON or as text
recorder    the observer that listens: metrics, spans, lines
"""
