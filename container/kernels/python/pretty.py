"""The text of a value as notebooks print it: containers that are too wide have one element on each line."""

WIDTH = 79
MAX_ELEMENTS = 1_000


class _Group:
    """Parts that stand on one line if that is wide enough, and else each on its own."""

    def __init__(self, opening, parts, closing, indent=None):
        self.opening, self.parts, self.closing = opening, parts, closing
        self.indent = len(opening) if indent is None else indent
        self.width = len(opening) + len(closing) + sum(map(_width, parts)) + 2 * max(len(parts) - 1, 0)


class _Lines:
    """Text that has lines of its own, which no line is wide enough for."""

    width = float("inf")

    def __init__(self, text):
        self.lines = text.splitlines()


def _width(part):
    return len(part) if isinstance(part, str) else sum(map(_width, part)) if isinstance(part, tuple) else part.width


def pretty(value):
    if type(value) in (int, str, float, bool, bytes, complex):
        return repr(value)
    try:
        part = _Printer().part(value)
    except RecursionError:
        return repr(value)
    written = []
    _write(written.append, part, 0, 0, 0)
    return "".join(written)


def _write(write, part, indent, column, after):
    """Writes a part that begins in a column and that so many characters follow. Returns the column of its end."""
    if isinstance(part, str):
        write(part)
        return column + len(part)
    if isinstance(part, tuple):
        # A key and its value.
        for index, one in enumerate(part):
            rest = sum(map(_width, part[index + 1 :]))
            column = _write(write, one, indent, column, rest + after if rest < WIDTH else 0)
        return column
    if isinstance(part, _Lines):
        write(("\n" + " " * indent).join(part.lines))
        return indent + len(part.lines[-1])
    is_flat = column + part.width + after <= WIDTH
    write(part.opening)
    column += len(part.opening)
    for index, one in enumerate(part.parts):
        is_last = index == len(part.parts) - 1
        column = _write(write, one, indent + part.indent, column, len(part.closing) + after if is_last else 1)
        if not is_last:
            write(", " if is_flat else ",\n" + " " * (indent + part.indent))
            column = column + 2 if is_flat else indent + part.indent
    write(part.closing)
    return column + len(part.closing)


def _own(value, kind):
    """Whether a value prints as its builtin kind does."""
    return isinstance(value, kind) and type(value).__repr__ is kind.__repr__


def _named(value):
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None) or value.__name__
    return name if module in (None, "builtins", "exceptions") else f"{module}.{name}"


def _in_order(values):
    if len(values) > MAX_ELEMENTS:
        return values
    try:
        return sorted(values)
    except Exception:
        try:
            return sorted(values, key=str)
        except Exception:
            return values


class _Printer:
    def __init__(self):
        self.open, self.characters = set(), 0

    def part(self, value):
        for kind, opening, closing in ((list, "[", "]"), (tuple, "(", ")"), (set, "{", "}"), (frozenset, "frozenset({", "})"), (dict, "{", "}")):
            if _own(value, kind):
                return self._inside(value, opening, closing, lambda: self._container(value, kind, opening, closing))
        collections = sys.modules.get("collections")
        if collections is not None:
            if _own(value, collections.deque):
                parts = [list(value), *([] if value.maxlen is None else [("maxlen=", value.maxlen)])]
                return self._inside(value, "deque(", ")", lambda: self._call("deque", parts))
            if _own(value, collections.defaultdict):
                return self._inside(value, "defaultdict(", ")", lambda: self._call("defaultdict", [value.default_factory, dict(value)]))
            if _own(value, collections.Counter):
                return self._inside(value, "Counter(", ")", lambda: self._call("Counter", [dict(value.most_common())] if value else []))
        if isinstance(value, type):
            return _named(value) if type(value).__repr__ is type.__repr__ else self._text(repr(value))
        if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)) and not hasattr(value, "__wrapped__"):
            return self._function(value)
        if type(value).__repr__ is object.__repr__:
            return f"<{_named(type(value))} at {id(value):#x}>"
        return self._text(repr(value))

    def _inside(self, value, opening, closing, make):
        if id(value) in self.open:
            return f"{opening}...{closing}"
        self.open.add(id(value))
        try:
            return make()
        finally:
            self.open.discard(id(value))

    def _container(self, value, kind, opening, closing):
        if kind in (set, frozenset) and not value:
            return f"{kind.__name__}()"
        if kind is dict:
            found = [(self.part(key), ": ", self.part(one)) for key, one in self._first(value.items())]
        else:
            found = [self.part(one) for one in self._first(_in_order(value) if kind in (set, frozenset) else value)]
        if len(found) < len(value):
            found.append("...")
        if kind is tuple and len(value) == 1:
            closing = ",)"
        return _Group(opening, found, closing)

    def _first(self, values):
        """As many as a reader may want, and never more text than is shown."""
        for index, value in enumerate(values):
            if index == MAX_ELEMENTS or self.characters > MAX_TEXT:
                return
            yield value

    def _call(self, name, arguments):
        parts = [(one[0], self.part(one[1])) if isinstance(one, tuple) else self.part(one) for one in arguments]
        return _Group(f"{name}(", parts, ")")

    def _function(self, value):
        import inspect

        try:
            return f"<function {_named(value)}{inspect.signature(value)}>"
        except Exception:
            return f"<function {_named(value)}>"

    def _text(self, text):
        self.characters += len(text)
        return _Lines(text) if "\n" in text else text
