"""``python -m sabotage``: break the lab in every declared way, and see the controls turn."""

from sabotage.cli import main

if __name__ == "__main__":
    main(prog_name="python -m sabotage")
