"""A dashboard for Grafana 11 and later over the metrics of a server, as JSON to import.

Leaves to others: what each panel asks (`panels`), what is to wake a person (`rules`).
Always: the same dashboard from the same version, so that a file under version control changes only with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from smallcraft.serve.metrics.panels import (
    ANSWER_PANELS,
    MACHINE_PANELS,
    ROLLOUT_PANELS,
    TRAFFIC_PANELS,
    Panel,
    Query,
)

Json = dict[str, object]
_ROWS: tuple[tuple[str, Sequence[Panel]], ...] = (
    ("Rollout", ROLLOUT_PANELS),
    ("Requests", TRAFFIC_PANELS),
    ("Answers", ANSWER_PANELS),
    ("Machine", MACHINE_PANELS),
)
_SOURCE: Mapping[str, object] = {"type": "prometheus", "uid": "${datasource}"}
# Grafana's grid is 24 wide.
_WIDTH, _HEIGHT, _IN_A_ROW = 12, 8, 2


def write_dashboard() -> str:
    """The dashboard as JSON text, ready for Grafana's import or for a provisioned folder."""
    dashboard: Json = {
        "id": None,
        "uid": "smallcraft-serving",
        "title": "smallcraft: serving and rollouts",
        "description": "What smallcraft serve counts, and what its rollouts decide from.",
        "tags": ["smallcraft"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": _variables()},
        "panels": list(_placed()),
    }
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def _variables() -> list[Json]:
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
        _variable("model", "label_values(smallcraft_requests_total, model)"),
        _variable("release", 'label_values(smallcraft_requests_total{model=~"$model"}, release)'),
        _variable("rollout", 'label_values(smallcraft_rollout_phase{model=~"$model"}, rollout)'),
    ]


def _variable(name: str, query: str) -> Json:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": dict(_SOURCE),
        "query": {"query": query, "refId": name},
        # 2: asked again whenever the time range changes.
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }


def _placed() -> Iterator[Json]:
    """Panels from top to bottom, two abreast, each row under its name."""
    number, y = 1, 0
    for title, panels in _ROWS:
        grid = {"x": 0, "y": y, "w": 24, "h": 1}
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": grid, "panels": []}
        number, y = number + 1, y + 1
        for place, panel in enumerate(panels):
            x = place % _IN_A_ROW * _WIDTH
            below = y + place // _IN_A_ROW * _HEIGHT
            yield _panel(panel, number, {"x": x, "y": below, "w": _WIDTH, "h": _HEIGHT})
            number += 1
        y += (len(panels) + _IN_A_ROW - 1) // _IN_A_ROW * _HEIGHT


def _panel(panel: Panel, number: int, grid: Mapping[str, int]) -> Json:
    return {
        "id": number,
        "type": panel.drawn,
        "title": panel.title,
        "description": panel.about,
        "datasource": dict(_SOURCE),
        "gridPos": dict(grid),
        "targets": [_target(query, place) for place, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": _options(panel),
    }


def _target(query: Query, place: int) -> Json:
    return {
        "refId": chr(ord("A") + place),
        "datasource": dict(_SOURCE),
        "expr": query.expression,
        "legendFormat": query.legend,
        "editorMode": "code",
        "range": True,
    }


def _defaults(panel: Panel) -> Json:
    defaults: Json = {"unit": panel.unit, "color": {"mode": "palette-classic"}}
    if panel.drawn == "state-timeline":
        return defaults | {"custom": {"fillOpacity": 70, "lineWidth": 0}}
    defaults["custom"] = {
        "drawStyle": "line",
        "lineWidth": 2,
        "fillOpacity": 20 if panel.is_stacked else 0,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.is_stacked else "none", "group": "A"},
        "scaleDistribution": {"type": "log", "log": 10} if panel.is_log else {"type": "linear"},
    }
    if not panel.is_log:
        defaults["min"] = 0
    if panel.top is not None:
        defaults["max"] = panel.top
    return defaults


def _overrides(panel: Panel) -> list[Json]:
    if not panel.dashed:
        return []
    properties = [
        {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}},
        {"id": "color", "value": {"mode": "fixed", "fixedColor": "red"}},
    ]
    return [{"matcher": {"id": "byRegexp", "options": panel.dashed}, "properties": properties}]


def _options(panel: Panel) -> Json:
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
    if panel.drawn == "state-timeline":
        return {"legend": legend, "mergeValues": True, "showValue": "never", "rowHeight": 0.9}
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
