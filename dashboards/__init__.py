"""Grafana dashboards and Prometheus rules, generated from the names that the gateway itself counts under.

    python -m dashboards            writes the JSON and YAML files beside this one; ``make dashboards`` does the same

A metric is named by its constant of ``rosetta.telemetry.names``: one that does not exist is an error of Python, not an empty panel.
"""
