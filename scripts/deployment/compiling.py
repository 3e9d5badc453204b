"""Compiles the contracts anew when any of them has changed, once for all who need them.

ape compares a contract's own file and not the files that it imports, so a change of a library or a base contract would
leave old code in its cache, to be tested and deployed.
"""

from copy import deepcopy
from typing import Any

from ape import project
from ape_solidity import compiler

from scripts.deployment.compiled import is_current, keep, source_digest


def compile_if_stale() -> None:
    """Make ape's cache, and what is noted of the compiler's outputs, that of the sources as they are."""
    if is_current(project.path):
        return
    made: dict[str, Any] = {}
    compile_standard = compiler.compile_standard

    def compile_what_is_read(order: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Without the syntax trees, which nobody reads, and with the storage layouts, of which ape knows nothing."""
        order = deepcopy(order)
        for outputs in order["settings"]["outputSelection"].values():
            outputs.pop("", None)
            outputs["*"] = [*outputs["*"], "storageLayout"]
        answer: dict[str, Any] = compile_standard(order, **options)
        for source, contracts in answer["contracts"].items():
            made[source] = {name: _kept(output) for name, output in contracts.items()}
        return answer

    digest = source_digest(project.path)
    compiler.compile_standard = compile_what_is_read
    try:
        project.load_contracts(use_cache=False)
    finally:
        compiler.compile_standard = compile_standard
    keep(project.path, digest, made)


def _kept(output: dict[str, Any]) -> dict[str, Any]:
    code = output["evm"]["bytecode"]["object"]
    return {"abi": output["abi"], "creation_code": code, "layout": output["storageLayout"]}


if __name__ == "__main__":
    compile_if_stale()
