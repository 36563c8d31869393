"""What all figures have in common: colours, axes, and what a figure may not do.

The palette is Okabe and Ito's (Color Universal Design, 2008), which people with any colour vision can tell
apart, a little darker where a colour would vanish on white. Colours of text, grid and paper are left to the
style sheet of the page, which knows whether it is light or dark.
"""

from __future__ import annotations

import plotly.graph_objects as go

BLUE, ORANGE, GREEN, RED, PINK, GREY = "#2a8fd0", "#c98300", "#009e73", "#d55e00", "#c46a9b", "#87919a"
SERIES = (BLUE, RED, GREEN, PINK, ORANGE)
STATE_COLOURS = {
    "complete": BLUE,
    "resting": PINK,
    "pruned": GREY,
    "failed": RED,
    "running": ORANGE,
    "waiting": GREY,
}

CONFIG = {"showSendToCloud": False, "displaylogo": False, "responsive": True}
"""For every figure: nothing is offered for upload, and no logo is shown."""


def frame(*, x: str, y: str, height: int = 400, from_zero: bool = False) -> go.Figure:
    """An empty figure with titled axes; what it shows survives redrawing with its zoom and selection.

    Args:
        x: the title of the axis.
        y: the title of the axis.
        height: in pixels.
        from_zero: the x-axis begins at 0, as time does: a few close points would stretch over all of it.
    """
    return go.Figure(
        layout={
            "template": "none",
            "height": height,
            "margin": {"l": 56, "r": 12, "t": 12, "b": 48},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "system-ui, sans-serif", "size": 13},
            "xaxis": {
                "title": {"text": x},
                "zeroline": False,
                "automargin": True,
                "rangemode": "tozero" if from_zero else "normal",
            },
            "yaxis": {"title": {"text": y}, "zeroline": False, "automargin": True},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
            "hovermode": "closest",
            "uirevision": "kept",
        }
    )
