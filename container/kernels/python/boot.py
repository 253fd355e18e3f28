import os
def _read(n):
    b = b""
    while len(b) < n:
        p = os.read(0, n - len(b))
        if not p: os._exit(0)
        b += p
    return b
exec(compile(_read(int(_read(8), 16)), "<kernel>", "exec"), {"__name__": "kernel", "__builtins__": __builtins__.__dict__.copy()})
