"""The board as one HTML file that needs no network: data, style and program are inside."""
