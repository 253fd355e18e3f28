"""Figures of matplotlib, where it is installed: shown by plt.show(), and what a cell leaves open at its end."""

import io
import sys

# Where axes keep the boxes that were drawn on them.
BOXES = "_docle_boxes"


def is_figure(value):
    figure = sys.modules.get("matplotlib.figure")
    return figure is not None and isinstance(value, figure.Figure)


def bundle_of_figure(figure):
    out = io.BytesIO()
    figure.savefig(out, format="png", bbox_inches="tight")
    data = {"text/plain": repr(figure), "image/png": out.getvalue()}
    try:
        chart = chart_of_figure(figure)
    except Exception:
        chart = None
    if chart is not None:
        data[CHART] = chart
    return bounded(data)


def close_figure(figure):
    """A figure that was shown is not shown again."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)


def show_open_figures(*args, **more):
    """Shows what is open, and closes it."""
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    if helpers is None:
        return
    for manager in helpers.Gcf.get_all_fig_managers():
        try:
            figure = manager.canvas.figure
            if figure.axes or figure.get_children()[1:]:
                publish(bundle_of_figure(figure))
        finally:
            helpers.Gcf.destroy(manager)


def _show_here(pyplot):
    """Puts our show in the place of that of pyplot."""
    pyplot.show = show_open_figures
    sys.modules["matplotlib.figure"].Figure.show = lambda figure, warn=True: display(figure)
    _keep_boxes(sys.modules["matplotlib.axes"].Axes)


def _keep_boxes(axes_class):
    """Keeps what box plots are drawn from: lines alone do not tell it any more."""
    draw = axes_class.bxp

    def bxp(axes, bxpstats, *more, **named):
        boxes = list(bxpstats)
        axes.__dict__.setdefault(BOXES, []).extend(boxes)
        return draw(axes, boxes, *more, **named)

    bxp.__doc__, bxp.__wrapped__ = draw.__doc__, draw
    axes_class.bxp = bxp


after_import("matplotlib.pyplot", _show_here)
