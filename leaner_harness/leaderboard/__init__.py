"""results/ -> the board."""
