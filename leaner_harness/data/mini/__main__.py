"""`python -m leaner_harness.data.mini`: check the mini set, or with `--write` publish it anew."""

from __future__ import annotations

import sys

from leaner_harness.data.mini.publish import verify, write

if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        print(f"{write()['words']} words; manifest.json and words.txt are written")
    else:
        verify()
        print("all digests agree with manifest.json")
