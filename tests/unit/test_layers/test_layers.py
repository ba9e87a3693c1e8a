#!/usr/bin/env python3
"""Keeps the layers apart: what docs/decisions.md and the code's style promise, checked.

1. core and proto call nothing but themselves, the harmless parts of base, and a short list of libc
   (and, in proto, jansson): no I/O, no clock, no thread; core not even memory.
2. A layer includes headers of itself and of the layers below it alone.
3. Files of core are under 400 lines, functions under 60.

usage: test_layers.py SOURCE_ROOT LIBCORE LIBPROTO LIBBASE
Prints TAP."""

import pathlib
import re
import subprocess
import sys

FILE_LINES, FUNCTION_LINES = 400, 60

# What the compiler, its sanitizers and its coverage put in by themselves.
COMPILER = re.compile(
    r"^(_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__(asan|ubsan|sanitizer|gcov|llvm|tsan)_\w+)$")
PURE_LIBC = {"__assert_fail", "memchr", "memcmp", "memcpy", "memmove", "memset", "strchr", "strcmp",
             "strcspn", "strlen", "strncmp", "strnlen", "strrchr", "strspn", "strstr", "snprintf",
             "vsnprintf"}
PURE_BASE = re.compile(r"^(str|fail)_|^time_text$")
PROTO_LIBC = PURE_LIBC | {"free", "timegm", "strdup", "strtod", "qsort", "bsearch"}
PROTO_BASE = re.compile(r"^(str|fail|buf|rd|arena|duration)_|^time_text$|^x(malloc|calloc|realloc|strdup)\w*$")
JANSSON = re.compile(r"^json_")

MAY_INCLUDE = {
    "base": {"base"},
    "core": {"base", "core"},
    "proto": {"base", "proto"},
    "io": {"base", "proto", "io"},
    "gateway": {"base", "gateway"},
}


def symbols(library, option):
    out = subprocess.run(["nm", option, library], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines()
            if line and not line.endswith(":")}


def plain(name):
    """The function behind its checked variant: __vsnprintf_chk is vsnprintf."""
    checked = re.fullmatch(r"__(\w+)_chk", name)
    return checked.group(1) if checked else name


def strangers(library, base, libc, base_allowed, other=None):
    """Undefined symbols that the layer has no business with."""
    own, of_base = symbols(library, "--defined-only"), symbols(base, "--defined-only")
    found = []
    for name in sorted(symbols(library, "-u") - own):
        fine = (COMPILER.match(name) or plain(name) in libc or (other and other.match(name)) or
                (name in of_base and base_allowed.match(name)))
        if not fine:
            found.append(f"it calls {name}")
    return found


def includes(root, layer):
    found = []
    for path in sorted((root / "src" / layer).glob("*.[ch]")):
        for i, line in enumerate(path.read_text().splitlines(), 1):
            named = re.match(r'#include "(\w+)/', line)
            if named and named.group(1) not in MAY_INCLUDE[layer]:
                found.append(f"{path.name}:{i}: {line}")
    return found


def sizes(root):
    found = []
    for path in sorted((root / "src" / "core").glob("*.[ch]")):
        lines = path.read_text().splitlines()
        if len(lines) >= FILE_LINES:
            found.append(f"{path.name} has {len(lines)} lines")
        start = None
        for i, line in enumerate(lines, 1):
            if line == "{":
                start = i
            elif line == "}" and start:
                if i - start + 1 >= FUNCTION_LINES:
                    found.append(f"{path.name}:{start}: a function of {i - start + 1} lines")
                start = None
    return found


def main():
    root = pathlib.Path(sys.argv[1])
    core, proto, base = sys.argv[2:5]
    checks = [
        ("core is pure", strangers(core, base, PURE_LIBC, PURE_BASE)),
        ("proto touches bytes and memory alone",
         strangers(proto, base, PROTO_LIBC, PROTO_BASE, JANSSON)),
        *((f"what {layer} includes", includes(root, layer)) for layer in MAY_INCLUDE),
        ("core's files and functions are short", sizes(root)),
    ]
    print(f"1..{len(checks)}")
    for i, (name, found) in enumerate(checks, 1):
        print(f"{'not ok' if found else 'ok'} {i} - {name}")
        for text in found:
            print(f"# {text}")
    return 1 if any(found for _, found in checks) else 0


if __name__ == "__main__":
    sys.exit(main())
