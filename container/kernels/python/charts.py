"""The data of the axes of a figure, so that a client can draw a chart of its own."""

CHART = "application/vnd.docle.chart+json"
MAX_POINTS = 10_000


def chart_of_figure(figure):
    """One chart, or those of all axes as subplots; None where nothing is known of any."""
    charts = [chart for chart in map(_chart_of_axes, figure.axes) if chart is not None]
    if not charts:
        return None
    if len(charts) == 1:
        return charts[0]
    title = figure._suptitle.get_text() if figure._suptitle else ""
    return {"type": "subplots", "title": title, "charts": charts}


def _plain(value):
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and value != value:
        return None
    return value if isinstance(value, (int, float, str, bool)) else str(value)


def _chart_of_axes(axes):
    from matplotlib.patches import Rectangle, Wedge

    chart = {"title": axes.get_title(), "x_label": axes.get_xlabel(), "y_label": axes.get_ylabel()}
    wedges = [patch for patch in axes.patches if isinstance(patch, Wedge)]
    if wedges:
        total = sum(abs(wedge.theta2 - wedge.theta1) for wedge in wedges) or 1
        elements = [
            {"label": wedge.get_label(), "angle": _plain(abs(wedge.theta2 - wedge.theta1)), "share": _plain(abs(wedge.theta2 - wedge.theta1) / total)}
            for wedge in wedges
        ]
        return {"type": "pie", **chart, "elements": elements}
    boxes = axes.__dict__.get(BOXES)
    if boxes:
        return {"type": "box", **chart, "elements": [_box(box, index) for index, box in enumerate(boxes[:MAX_POINTS], 1)]}
    bars = [container for container in axes.containers if type(container).__name__ == "BarContainer"]
    if bars:
        names = [label.get_text() for label in axes.get_xticklabels()]
        elements = []
        for container in bars:
            for index, bar in enumerate(p for p in container.patches if isinstance(p, Rectangle)):
                label = names[index] if index < len(names) and names[index] else _plain(bar.get_x() + bar.get_width() / 2)
                elements.append({"label": label, "group": container.get_label(), "value": _plain(bar.get_height())})
        return {"type": "bar", **chart, "elements": elements[:MAX_POINTS]}
    points = [c for c in axes.collections if type(c).__name__ == "PathCollection"]
    if points:
        elements = [{"label": c.get_label(), "points": _points(c.get_offsets())} for c in points]
        return {"type": "scatter", **chart, "elements": elements}
    lines = [line for line in axes.lines if len(line.get_xdata(orig=True))]
    if lines:
        elements = [{"label": line.get_label(), "points": _points(zip(line.get_xdata(orig=True), line.get_ydata(orig=True)))} for line in lines]
        return {"type": "line", **chart, "elements": elements}
    return None


def _box(box, index):
    names = {"min": "whislo", "first_quartile": "q1", "median": "med", "third_quartile": "q3", "max": "whishi"}
    outliers = [_plain(value) for value in list(box.get("fliers", []))[:MAX_POINTS]]
    return {"label": str(box.get("label") or index), **{name: _plain(box[key]) for name, key in names.items()}, "outliers": outliers}


def _points(pairs):
    found = []
    for x, y in pairs:
        if len(found) == MAX_POINTS:
            break
        found.append([_plain(x), _plain(y)])
    return found
