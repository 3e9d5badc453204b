"""`python -m stem_worker.training [FOLDER]` trains the small model and judges it on held-out songs."""

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from stem_worker.engine import Engine
from stem_worker.model_repository import TINY_FOLDER
from stem_worker.synth.song import DEMO_SEED, HELD_OUT_SEEDS, TRAINING_SEEDS
from stem_worker.training.checkpoint import write_checkpoint, write_json
from stem_worker.training.recipe import Recipe
from stem_worker.training.train import judge, new_model, train
from stem_worker.weights import load_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=TINY_FOLDER, help="where the checkpoint goes")
    parser.add_argument("--judge-only", action="store_true", help="judge the checkpoint that is there")
    arguments = parser.parse_args()
    recipe, spent = Recipe(), {}
    if not arguments.judge_only:
        wall, cpu = time.monotonic(), time.process_time()
        model = train(recipe, _say)
        write_checkpoint(model, recipe, arguments.folder)
        spent = {"wallSeconds": round(time.monotonic() - wall), "cpuSeconds": round(time.process_time() - cpu)}
    report = _report(recipe, arguments.folder, spent)
    write_json(arguments.folder / "report.json", report)
    for kind, row in report["heldOut"].items():
        _say(f"{kind:8}" + "".join(f"  {name} {value:7.2f}" for name, value in row.items()))


def _report(recipe: Recipe, folder: Path, spent: dict[str, int]) -> dict[str, Any]:
    """Judged on the file that was written, in half precision, through the engine that jobs use."""
    model = load_folder(folder)
    return {
        "model": model.version,
        "weightsSha256": model.weights_sha256.hex(),
        "parameters": sum(parameter.numel() for parameter in new_model(recipe).parameters()),
        "recipe": asdict(recipe),
        "trainingSeeds": [TRAINING_SEEDS.start, TRAINING_SEEDS.stop - 1],
        "heldOutSeeds": list(HELD_OUT_SEEDS),
        "demoSeed": DEMO_SEED,
        "torch": torch.__version__,
        "spent": spent,
        "unit": "dB, mean over the held-out songs; mixSdr and mixSiSdr take the mix as the estimate",
        "heldOut": judge(Engine(model).separate, recipe),
    }


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
