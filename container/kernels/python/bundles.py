"""What a value looks like: a bundle of MIME types."""

import binascii
import json

MAX_TEXT = 1_000_000
MAX_BUNDLE = 8_000_000

_METHODS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_pdf_": "application/pdf",
    "_repr_latex_": "text/latex",
    "_repr_json_": "application/json",
    "_repr_javascript_": "application/javascript",
}


def cut(text, limit=MAX_TEXT):
    """The text, or its beginning with a note."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit} more characters)"


def last_line(error):
    """How an error is written without its lines."""
    import traceback

    return "".join(traceback.format_exception_only(type(error), error)).strip()


def encoded(mime, value):
    """A value as JSON has it: bytes in base64. None if it is none of the type."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict):
        value = value[0]
    if isinstance(value, (bytes, bytearray)):
        return binascii.b2a_base64(value, newline=False).decode()
    if mime == "application/json" or mime.endswith("+json") and not isinstance(value, str):
        json.dumps(value, allow_nan=False)
        return value
    return value if isinstance(value, str) else None


def _asked(value, name):
    """What a method of a value gives. One that fails is as if it was not there, with a note for its author."""
    if isinstance(value, type):
        return None
    method = getattr(type(value), name, None)
    if method is None:
        return None
    try:
        return getattr(value, name)()
    except NotImplementedError:
        return None
    except Exception as error:
        print(f"{type(value).__name__}.{name} failed: {last_line(error)}", file=sys.stderr)
        return None


def bundle_of(value):
    """The bundle of a value. Its text is always there; a __repr__ that fails is the author's error."""
    if is_figure(value):
        return bundle_of_figure(value)
    data = {}
    bundle = _asked_bundle(value)
    for mime, content in bundle.items():
        data[mime] = content
    for name, mime in _METHODS.items():
        if mime not in data:
            content = _asked(value, name)
            if content is not None:
                data[mime] = content
    text = data.pop("text/plain", None)
    if not isinstance(text, str):
        text = pretty(value)
    if type(value) in (dict, list) and len(text) <= MAX_TEXT:
        data.setdefault("application/json", value)
    return bounded({"text/plain": cut(text), **data})


def _asked_bundle(value):
    if isinstance(value, type) or getattr(type(value), "_repr_mimebundle_", None) is None:
        return {}
    try:
        bundle = value._repr_mimebundle_(include=None, exclude=None)
    except Exception as error:
        print(f"{type(value).__name__}._repr_mimebundle_ failed: {last_line(error)}", file=sys.stderr)
        return {}
    if isinstance(bundle, tuple) and bundle:
        bundle = bundle[0]
    return bundle if isinstance(bundle, dict) else {}


def bounded(data):
    """The bundle as JSON has it, without what cannot be encoded or is too large."""
    left, kept, dropped = MAX_BUNDLE, {}, []
    for mime, content in data.items():
        if not isinstance(mime, str):
            continue
        try:
            content = encoded(mime, content)
            size = len(content) if isinstance(content, str) else len(json.dumps(content))
        except (TypeError, ValueError, RecursionError):
            continue
        if content is None:
            continue
        if size > left:
            dropped.append(mime)
            continue
        left -= size
        kept[mime] = content
    if dropped:
        kept["text/plain"] = f"{kept.get('text/plain', '')}\n(too large to show: {', '.join(dropped)})"
    return kept


def display(*values, raw=False, include=None, exclude=None, metadata=None, transient=None, display_id=None, clear=False, **more):
    """Shows values as results of the cell, in the order of its output."""
    for value in values:
        data = bounded(dict(value)) if raw and isinstance(value, dict) else bundle_of(value)
        if data:
            publish(data)
        if is_figure(value):
            close_figure(value)


def publish(data, main=False):
    """Sends a bundle to the runner."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    channel.send(in_order=True, type="result", data=data, main=main)
