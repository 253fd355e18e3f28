"""Runs cells in IPython itself, and writes for each what it prints, shows and fails with."""

import json
import sys

from IPython.core.displayhook import DisplayHook
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output


class Hook(DisplayHook):
    """Keeps what IPython would print after `Out[n]:`."""

    text = None

    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        Hook.text = format_dict.get("text/plain")

    def finish_displayhook(self):
        pass


class Shell(InteractiveShell):
    displayhook_class = Hook

    def showtraceback(self, *given, **named):
        pass

    showsyntaxerror = showtraceback


cells = json.load(sys.stdin)
shell = Shell.instance(colors="NoColor")
answers = []
for code in cells:
    Hook.text = None
    with capture_output() as captured:
        result = shell.run_cell(code, store_history=True)
    error = result.error_before_exec or result.error_in_exec
    shown = [one.data.get("text/plain") for one in captured.outputs]
    answers.append({"out": captured.stdout, "shown": shown, "text": Hook.text, "error": type(error).__name__ if error else None})
print(json.dumps(answers))
