"""An SMT solver for halmos: cvc5 over integers, which proves in a second what bit vectors do not prove in an hour.

Usage: `solver.py FILE`, an SMT-LIB file; the answers go to standard output. Run by .venv-audit/bin/python.
"""

import sys

import cvc5


def main(file: str) -> None:
    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    solver.setOption("solve-bv-as-int", "sum")
    solver.setOption("produce-models", "true")
    parser = cvc5.InputParser(solver)
    parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, file)
    symbols = parser.getSymbolManager()
    while not (command := parser.nextCommand()).isNull():
        sys.stdout.write(command.invoke(solver, symbols))


if __name__ == "__main__":
    main(sys.argv[1])
