"""The paper's three experiments as data: grids of commands, driven cell by cell."""
