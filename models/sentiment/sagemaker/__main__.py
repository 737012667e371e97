"""Entry point of the container: `python -m models.sentiment.sagemaker train|judge`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from models.sentiment.sagemaker import container


def main(arguments: list[str]) -> int:
    """Become the train command, or judge a trained model; the root can be given for a trial."""
    work, *rest = arguments or [""]
    root = Path(rest[0]) if rest else container.ROOT
    if work == "train":
        command = container.train_command(root, os.environ)
        environment = os.environ | container.network_environment(root)
        # The service's signals must reach torchrun.
        os.execve(command[0], command, environment)  # noqa: S606 - there is no shell to need
    if work == "judge":
        from models.sentiment.sagemaker.judge import judge_archive

        processing = root / container.PROCESSING.name
        accepted = judge_archive(
            processing / container.PROCESSING_MODEL.name,
            processing / container.PROCESSING_DATA.name,
            processing / container.PROCESSING_JUDGEMENT.name,
        )
        print("accepted" if accepted else "refused")
        return 0
    print("error: say train or judge", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
