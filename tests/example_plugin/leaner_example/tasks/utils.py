"""The two rows of the example task."""

import datasets


def load(**_):
    rows = [{"text": "The sky is", "label": 0}, {"text": "The drum is", "label": 1}]
    return {"test": datasets.Dataset.from_list(rows)}
