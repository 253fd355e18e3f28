"""What programs written for notebooks import: IPython.display, where IPython is not installed or has no shell."""

import sys


class DisplayObject:
    """A value of one MIME type."""

    mime = "text/plain"

    def __init__(self, data=None, url=None, filename=None, metadata=None, **more):
        if data is None and filename is not None:
            with open(filename, "rb") as file:
                data = file.read()
        self.data, self.url, self.filename, self.metadata = data, url, filename, metadata or {}

    def __repr__(self):
        return f"<IPython.core.display.{type(self).__name__} object>"

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self.mime: self.data}


class _Text(DisplayObject):
    def __init__(self, data=None, url=None, filename=None, metadata=None, **more):
        super().__init__(data, url, filename, metadata)
        if isinstance(self.data, bytes):
            self.data = self.data.decode("utf-8", "replace")


class HTML(_Text):
    mime = "text/html"


class Markdown(_Text):
    mime = "text/markdown"


class SVG(_Text):
    mime = "image/svg+xml"


class Latex(_Text):
    mime = "text/latex"


class Javascript(_Text):
    mime = "application/javascript"


class Math(Latex):
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self.mime: "$\\displaystyle %s$" % str(self.data).strip("$")}


class Code(_Text):
    def __repr__(self):
        return str(self.data)


class Pretty(Code):
    pass


class JSON(DisplayObject):
    mime = "application/json"


class Image(DisplayObject):
    def __init__(self, data=None, url=None, filename=None, format=None, **more):
        if isinstance(data, str) and url is None and filename is None:
            data, url, filename = (None, data, None) if "://" in data else (None, None, data)
        super().__init__(data, url, filename)
        head = bytes(self.data[:4]) if self.data else b""
        self.mime = "image/jpeg" if head[:2] == b"\xff\xd8" or format in ("jpeg", "jpg") else "image/gif" if head == b"GIF8" else "image/png"

    def _repr_mimebundle_(self, include=None, exclude=None):
        if self.data is None:
            import urllib.parse

            return {"text/html": f'<img src="{urllib.parse.quote(self.url or "", safe=":/?#[]@!$&()*+,;=%")}"/>'}
        return {self.mime: bytes(self.data)}


def clear_output(wait=False):
    """Output that was sent is not taken back."""


class _Shell:
    """What get_ipython() gives: enough for those who ask whether they are in a notebook."""

    def run_line_magic(self, name, line, *more):
        return line_magic(name, line)

    magic = run_line_magic

    def run_cell_magic(self, name, line, cell):
        return cell_magic(name, line, cell)

    def system(self, command):
        return shell_command(command)


_shell = _Shell()


def get_ipython():
    return _shell


_names = [DisplayObject, HTML, Markdown, SVG, Latex, Javascript, Math, Code, Pretty, JSON, Image, clear_output, display]


class _Modules:
    """Makes IPython where nothing else does."""

    own = ("IPython", "IPython.display", "IPython.core", "IPython.core.display")

    def find_spec(self, name, path=None, target=None):
        if name in self.own:
            import importlib.machinery

            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        """An ordinary one."""

    def exec_module(self, module):
        for value in _names:
            setattr(module, value.__name__, value)
        module.get_ipython = get_ipython


def _display_here(functions):
    """Makes display of an installed IPython ours: it has no shell here and would print."""
    functions.display, functions.clear_output = display, clear_output


sys.meta_path.append(_Modules())
after_import("IPython.core.display_functions", _display_here)
