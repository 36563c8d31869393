"""A browser that looks at the dashboard: what it asks of the server, and what it is answered."""

from typing import Any


def asked(client: Any, output: str, inputs: dict[str, object], state: dict[str, object] | None = None) -> Any:
    """Ask for an output of the dashboard by its first words, with values by ``id.property``; the first one is new."""
    (whole,) = (
        each["output"] for each in client.get("/_dash-dependencies").json if each["output"].startswith(output)
    )
    parts = [_part(part) for part in whole.strip(".").split("...")]
    return client.post(
        "/_dash-update-component",
        json={
            "output": whole,
            "outputs": parts if whole.startswith("..") else parts[0],
            "inputs": [_part(name) | {"value": value} for name, value in inputs.items()],
            "state": [_part(name) | {"value": value} for name, value in (state or {}).items()],
            "changedPropIds": [next(iter(inputs))],
        },
    )


def renewed(client: Any, name: str, seen: str | None = None) -> Any:
    """What the page of a study is answered at a tick."""
    return asked(
        client,
        "..live-head",
        {"tick.n_intervals": 1, "live-head.id": "live-head"},
        {"url.pathname": f"/study/{name}", "live-begun.data": seen},
    )


def _part(name: str) -> dict[str, object]:
    identity, _, what = name.rpartition(".")
    return {"id": identity, "property": what}
