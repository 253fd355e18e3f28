"""What the kernel changes in modules that programs import, as soon as they have been imported."""

import sys


class _AfterImport:
    """Runs a function with a module of one name, after that has been imported."""

    def __init__(self, name, change):
        self.name, self.change, self.is_busy = name, change, False

    def find_spec(self, name, path=None, target=None):
        if name != self.name or self.is_busy:
            return None
        import importlib.util

        self.is_busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.is_busy = False
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            self.change(module)

        spec.loader.exec_module = exec_module
        return spec


def after_import(name, change):
    sys.meta_path.insert(0, _AfterImport(name, change))
