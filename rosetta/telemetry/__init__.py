"""Every hop is seen, from outside: converters know nothing of it.

names       every span, attribute, event, metric and label, once; dashboards, alerts and docs are held to it
observer    what the engine tells, and to whom: the classes here listen to nothing
classify    a failure -> the closed words of metrics and spans
guard       label values from closed sets, the rest folded into ``_other`` and counted
metrics     the Prometheus families
recorder    the observer that listens: metrics, spans, one log line per request
"""
